"""Prohibited names and banned networks: what they cover, and what is no sensible ban."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.tree.bans import banning, new_ban, new_prohibition, prohibiting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("network", "address", "holds"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.0/24", "::ffff:192.0.2.9", True),
        ("::ffff:192.0.2.0/120", "192.0.2.9", True),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8", False),
        ("2001:db8::/48", "2001:db8:0:5::1", True),
        ("2001:db8::/48", "192.0.2.7", False),
        ("192.0.2.0/24", "", False),
        ("192.0.2.0/24", "a client", False),
    ],
)
def test_a_ban_covers_its_network_until_it_ends(network, address, holds):
    bans = (new_ban(network, "a flood", NOW + DAY, "alice", NOW),)

    assert holds is (banning(bans, address, NOW) is not None)
    assert banning(bans, address, NOW + DAY) is None


@pytest.mark.parametrize(
    ("network", "until", "words"),
    [
        ("nowhere", NOW + DAY, "no address"),
        ("0.0.0.0/0", NOW + DAY, "too wide"),
        ("::ffff:0:0/96", NOW + DAY, "too wide"),
        ("::ffff:127.0.0.1", NOW + DAY, "this machine"),
        ("2001::/16", NOW + DAY, "too wide"),
        ("127.0.0.1", NOW + DAY, "this machine"),
        ("10.0.0.0/16", NOW + DAY, "trusted proxy"),
        ("10.0.5.1", NOW + DAY, "trusted proxy"),
        ("192.0.2.7", NOW, "within 366 days"),
    ],
)
def test_what_is_no_sensible_ban_is_refused(network, until, words):
    with pytest.raises(ValueError, match=words):
        new_ban(network, "a flood", until, "alice", NOW, ("10.0.0.0/8",))


@pytest.mark.parametrize("own", ["192.0.2.9", "::ffff:192.0.2.9"])
def test_nobody_bans_the_network_they_sit_in(own: str):
    """A socket that listens to both protocols tells the address of an IPv4 client inside an IPv6 one."""
    for network in ("192.0.2.0/24", "::ffff:192.0.2.0/120"):
        with pytest.raises(ValueError, match="or yourself"):
            new_ban(network, "a flood", NOW + DAY, "alice", NOW, (own,))


def test_names_are_prohibited_in_one_index_or_in_all():
    names = (
        new_prohibition("*", "Acme-*", "a brand", "alice", NOW),
        new_prohibition("main", "leftpad", "a joke", "alice", NOW),
    )

    found = [prohibiting(names, *where) for where in (("team", "acme-x"), ("main", "leftpad"), ("team", "leftpad"))]

    assert [True, True, False] == [one is not None for one in found]
    for pattern in ("", "*", "*-*", "a b"):
        with pytest.raises(ValueError, match="neither a project name"):
            new_prohibition("*", pattern, "x", "alice", NOW)
