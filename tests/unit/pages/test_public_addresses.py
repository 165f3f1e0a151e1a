"""Lists of pages are whole: a kind of public page that nobody looks at, or drills, fails here."""

from typing import get_args
from urllib.parse import urlsplit

import pytest

from holdfast.drill.scenarios.pages_without_database import PAGES
from holdfast.read.people.addresses import Feed, FeedFormat, FeedRoute, Kind, Page, page_at
from tests.browser.pages_list import PUBLIC


@pytest.mark.parametrize("paths", [list(PAGES), list(PUBLIC.values())], ids=["the drill", "the browser's list"])
def test_every_kind_of_page_is_in_the_list(paths: list[str]) -> None:
    found = [_at(path) for path in paths]

    assert set(get_args(Kind)) == {one.kind for one in found if isinstance(one, Page)}


def test_every_feed_is_drilled() -> None:
    found = [_at(path) for path in PAGES]

    every = {(what, format) for what in get_args(Feed) for format in get_args(FeedFormat)}
    assert every == {(one.what, one.format) for one in found if isinstance(one, FeedRoute)}


def _at(path: str) -> object:
    parts = urlsplit(path).path[1:].split("/")
    return page_at("main", parts[1:] if parts[0] == "team" else parts)
