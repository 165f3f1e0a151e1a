"""Cards and card books."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tree.trees import cards

from holdfast.core.errors import Corrupt
from holdfast.core.model import Card
from holdfast.tree.card import Book, book_lacks, decode_book, decode_card, encode_book, encode_card, merge_book
from holdfast.tree.compressed import compress

EARLY, LATE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
CARD = Card("mirror", "demo", "demo-1.tar.gz", "ab" * 32, 10, EARLY)
books = st.lists(cards, max_size=6).map(lambda found: merge_book((), tuple(found)))


@given(cards)
def test_a_card_is_read_back_as_it_was(card: Card) -> None:
    assert card == decode_card(encode_card(card))


@given(books)
def test_a_book_is_read_back_as_it_was(book: tuple[Card, ...]) -> None:
    assert book == decode_book(encode_book(book))
    assert encode_book(book) == encode_book(book[::-1])


@given(books, books)
def test_merging_never_loses_an_entry_and_may_be_repeated(old: tuple[Card, ...], new: tuple[Card, ...]) -> None:
    merged = merge_book(old, new)

    assert {(c.filename, c.sha256) for c in old + new} == {(c.filename, c.sha256) for c in merged}
    assert len(merged) == len({(c.filename, c.sha256) for c in merged})
    assert merged == merge_book(merged, new)
    urls = {(c.filename, c.sha256): set(c.upstream_urls) for c in merged}
    assert all(set(c.upstream_urls) <= urls[c.filename, c.sha256] for c in old + new)


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        ((EARLY, False), (LATE, False), (LATE, False)),  # the upstream corrects itself
        ((EARLY, False), (LATE, True), (EARLY, False)),  # a real time is never overwritten by ours
        ((EARLY, False), (None, False), (EARLY, False)),
        ((EARLY, True), (LATE, True), (EARLY, True)),  # the first sight stays the first sight
        ((EARLY, True), (LATE, False), (LATE, False)),  # a real time replaces ours
        ((None, False), (LATE, True), (LATE, True)),
    ],
)
def test_upload_times_are_kept_by_their_worth(
    old: tuple[datetime | None, bool], new: tuple[datetime | None, bool], merged: tuple[datetime | None, bool]
) -> None:
    before, after = (replace(CARD, upload_time=at, upload_time_is_ours=ours) for at, ours in (old, new))
    (card,) = merge_book((before,), (after,))

    assert merged == (card.upload_time, card.upload_time_is_ours)


MADE, NONE, TOLD = {"metadata_from": "wheel"}, {"metadata_from": "none"}, {"metadata_sha256": "cd" * 32}


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        ({"has_metadata": True, **MADE}, {}, (True, "wheel")),  # a page that says nothing takes nothing away
        ({"has_metadata": True, **MADE}, {"has_metadata": True}, (True, "wheel")),
        ({"has_metadata": True, **MADE}, {"has_metadata": True, **TOLD}, (True, "")),
        ({"has_metadata": True, **MADE}, {**NONE}, (False, "none")),  # somebody looked
        ({**NONE}, {"has_metadata": True}, (False, "none")),
        ({**NONE}, {"has_metadata": True, **TOLD}, (True, "")),
    ],
)
def test_whose_metadata_it_is_stays_known(old: dict[str, str], new: dict[str, str], merged: tuple[bool, str]) -> None:
    (card,) = merge_book((replace(CARD, **old),), (replace(CARD, **new),))

    assert merged == (card.has_metadata, card.metadata_from)


def test_newer_facts_win_and_known_ones_stay() -> None:
    old = replace(CARD, metadata_sha256="cd" * 32, has_metadata=True, upstream_urls=("https://a.example/",))
    new = replace(CARD, size=None, upload_time=None, upstream_urls=("https://b.example/",), deleted=True)

    assert (replace(old, upstream_urls=("https://b.example/", "https://a.example/"), deleted=True),) == merge_book(
        (old,), (new,)
    )


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", encode_card(CARD)[:-1], encode_card(CARD)[:-1] + b',"v":2}']
)
def test_what_is_no_card_is_corrupt(data: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_card(data)


@pytest.mark.parametrize("data", [b"", b"{}", encode_book((CARD,))[:-1], encode_card(CARD)])
def test_what_is_no_book_is_corrupt(data: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_book(data)


@given(books)
def test_a_book_lacks_every_digest_but_its_own(book: Book) -> None:
    stored = encode_book(book)

    assert book_lacks(stored, "0f" * 32) or "0f" * 32 in {card.sha256 for card in book}
    assert not any(book_lacks(stored, card.sha256) for card in book)


def test_a_book_of_another_format_is_not_said_to_lack_anything() -> None:
    assert not book_lacks(compress(b'{"files":[],"v":2}'), "0f" * 32)
