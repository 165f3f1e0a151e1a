"""A kept page always answers; its age decides about the refresh behind it. An odd page never replaces a good one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from records import demo, plain_file

from holdfast.core.freshness import age_seconds, implausible, is_fresh

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    """The moment that many seconds before NOW."""
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("fetched", "expected"),
    [
        (0, True),
        (59.9, True),
        (60, False),
        (10**9, False),
        (-4, True),  # two machines' clocks
        (-3600, False),  # a clock that was set back
    ],
)
def test_a_page_is_fresh_for_a_while_and_never_from_the_future(fetched, expected):
    assert is_fresh(ago(fetched), NOW, 60) is expected
    assert not is_fresh(None, NOW, 60)


def test_age_is_never_negative():
    assert age_seconds(ago(90), NOW) == 90
    assert age_seconds(ago(-90), NOW) == 0


def files(first: int, count: int):
    """`count` files of the demo project with versions from `first` on."""
    return tuple(plain_file(f"{i}.0") for i in range(first, first + count))


def page(first: int, count: int, serial: int | None = None, **changes):
    """A pulled page with those files."""
    return demo(*files(first, count), serial=0, upstream_serial=serial, **changes)


@pytest.mark.parametrize(
    ("kept", "new", "reason"),
    [
        (None, page(0, 0), None),
        (page(0, 3), page(0, 3), None),
        (page(0, 3), page(0, 4), None),
        (page(0, 0), page(0, 0), None),
        (page(0, 3), replace(page(0, 3), name="other"), "the page is for other, not demo-pkg"),
        # lost everything
        (page(0, 1), page(0, 0), "it lost all of its 1 files"),
        (page(0, 12), page(0, 0), "it lost all of its 12 files"),
        (page(0, 3, 5), page(0, 0, 5), "it lost all of its 3 files"),
        (page(0, 3, 5), page(0, 0, None), "it lost all of its 3 files"),
        (page(0, 3, 5), page(0, 0, 6), None),
        (page(0, 3), page(0, 0, status="quarantined"), None),
        # lost more than half
        (page(0, 9), page(0, 1), None),
        (page(0, 10), page(0, 5), None),
        (page(0, 10), page(0, 4), "it lost 6 of its 10 files"),
        (page(0, 10), page(6, 10), "it lost 6 of its 10 files"),
        (page(0, 2), page(7, 1), None),
        (page(0, 3), page(2, 1), None),
        (page(0, 3), page(7, 9), "it lost 3 of its 3 files"),
        (page(0, 3, 5), page(7, 9, 6), None),
        (page(0, 10, 5), page(0, 4, 6), None),
        (page(0, 10, 5), page(0, 4, 5), "it lost 6 of its 10 files"),
        # serials
        (page(0, 3, 6), page(0, 4, 5), "its serial went back from 6 to 5"),
        (page(0, 3, 6), page(0, 0, 5, status="quarantined"), "its serial went back from 6 to 5"),
        (page(0, 3, 6), page(0, 3, 6), None),
        (page(0, 3, None), page(0, 3, 1), None),
        (page(0, 3, 6), page(0, 3, None), None),
    ],
)
def test_a_page_that_lost_what_it_had_without_saying_so_is_implausible(kept, new, reason):
    assert implausible(kept, new) == reason


@pytest.mark.parametrize("new", [page(0, 0, 5), page(0, 4, 4)], ids=["lost its files", "serial went back"])
def test_an_upstream_that_insists_is_believed_in_the_end(new):
    kept = page(0, 12, 5)

    assert implausible(kept, new) is not None
    assert implausible(kept, new, persistent=True) is None


def test_a_page_of_another_project_is_never_believed():
    assert implausible(page(0, 1), replace(page(0, 1), name="other"), persistent=True) is not None
