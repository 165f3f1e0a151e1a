"""The audit trail's chain: any change, removal or reordering of events is found, at the first event it touches."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import Instance  # noqa: F401 - sets Django up, which the models behind the chain need

from holdfast.control.accounts.audit import BEGIN, GENESIS, Begun, Link, digest, follow

TEXT = st.text(max_size=8)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD = "a" * 64  # a lost trail's last published digest
CONTENT = st.fixed_dictionaries(
    {
        "created": st.integers(0, 10**9).map(lambda us: NOW + timedelta(microseconds=us)),
        "serial": st.none() | st.integers(1, 2**40),
        "actor": TEXT,
        "credential": st.sampled_from(["token", "session", "machine"]),
        "token": TEXT,
        "network": TEXT,
        "action": TEXT,
        "subject": TEXT,
        "detail": st.dictionaries(TEXT, TEXT | st.none() | st.booleans() | st.lists(TEXT, max_size=2), max_size=2),
    }
)


def chained(contents: list[dict]) -> list[Link]:
    links, head = [], GENESIS
    for position, content in enumerate(contents, 1):
        link = Link(position, **content)
        head = digest(head, link)
        links.append(replace(link, hash=head))
    return links


CHAINS = st.lists(CONTENT, min_size=1, max_size=6).map(chained)


@given(CHAINS)
def test_a_chain_holds(links):
    told = follow(links)

    assert (len(links), links[-1].hash, 0) == (told.count, told.head, told.broken)


@given(CHAINS, CONTENT, st.data())
def test_a_changed_event_is_named(links, other, data):
    at = data.draw(st.integers(0, len(links) - 1))
    key = data.draw(st.sampled_from(sorted(other)))
    changed = replace(links[at], **{key: other[key]})

    told = follow([*links[:at], changed, *links[at + 1 :]])

    assert (0 if changed == links[at] else at + 1) == told.broken


@given(CHAINS, st.data())
def test_a_removed_event_is_named_and_a_cut_end_shortens_the_chain(links, data):
    at = data.draw(st.integers(0, len(links) - 1))

    told = follow(links[:at] + links[at + 1 :])

    is_last = at == len(links) - 1
    assert (0 if is_last else at + 1) == told.broken
    assert told.count == at  # which the head in the database, and the heads in the tree, contradict


@given(CHAINS, st.data())
def test_reordered_events_are_found_even_with_their_places_changed(links, data):
    one, two = sorted((data.draw(st.integers(0, len(links) - 1)), data.draw(st.integers(0, len(links) - 1))))
    moved = list(links)
    moved[one] = replace(links[two], position=one + 1)
    moved[two] = replace(links[one], position=two + 1)

    assert (0 if one == two else one + 1) == follow(moved).broken


@given(CHAINS, CONTENT)
def test_an_event_in_between_is_found(links, content):
    forged = replace(Link(1, **content), hash=digest(GENESIS, Link(1, **content)))

    told = follow([forged, *(replace(link, position=link.position + 1) for link in links)])

    assert 2 == told.broken


def begun(after: int, **changes: object) -> list[Link]:
    """A rebuilt database's first event and one more."""
    first = Link(after + 1, NOW, None, "operator", "machine", "", "", BEGIN, "rebuild", {"after": after, "hash": OLD})
    first = replace(first, hash=digest(OLD, first))
    second = Link(after + 2, NOW, None, "alice", "token", "", "", "yank", "x", {})
    return [replace(first, **changes), replace(second, hash=digest(first.hash, second))]


def test_a_trail_that_begins_after_a_rebuild_holds_and_says_where():
    told = follow(begun(41))

    assert (43, 0, Begun(NOW, 41, OLD)) == (told.count, told.broken, told.begun)


@pytest.mark.parametrize(
    "change",
    [
        {"detail": {"after": 41, "hash": GENESIS}},
        {"detail": {"after": 40, "hash": OLD}},
        {"detail": {"after": "41", "hash": OLD}},
        {"detail": None},
        {"action": "yank"},
        {"credential": "token"},
        {"actor": "mallory"},
    ],
)
def test_no_other_event_begins_a_trail_in_the_middle(change):
    assert 0 != follow(begun(41, **change)).broken
    assert 0 != follow(begun(41)[1:]).broken
