"""The stored advisory table: equal for equal facts, held to its digest, swept once nobody needs it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
import pytest

from holdfast.core.advisories import Advisories, Advisory, Affected, Span
from holdfast.core.errors import Absent, Corrupt
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses
from holdfast.tree.advisories import encode_advisories, put_advisories, read_advisories, sweep_advisories
from holdfast.tree.compressed import compress, decompress
from holdfast.tree.overrides import change

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MALWARE = Affected(Advisory("MAL-1", "malware", "steals"), ("1.0",))
FLAW = Affected(Advisory("GHSA-1", "vulnerability", "leaks"), ("2004d",), (Span("", "2.0"), Span("3.0", "3.1", True)))


def table(*names: str, modified: datetime | None = NOW) -> Advisories:
    return Advisories(dict.fromkeys(names, (MALWARE, FLAW)), modified=modified, malware=1, vulnerabilities=1)


def put_in_force(store: MemoryStore, digest: str, now: datetime) -> None:
    change(store, lambda old: msgspec.structs.replace(old, advisories=digest), by="alice", what="table", now=now)


def test_what_was_put_is_read_whole() -> None:
    store = MemoryStore()
    digest = put_advisories(store, table("demo", "other"))

    found = read_advisories(store, digest)

    assert [addresses.advisories(digest)] == [info.key for info in store.list("")]
    assert {"demo": (MALWARE, FLAW), "other": (MALWARE, FLAW)} == dict(found.entries)
    assert (NOW, 1, 1, f"Advisories({digest})") == (found.modified, found.malware, found.vulnerabilities, repr(found))
    assert (MALWARE.advisory, FLAW.advisory, None) == tuple(found.find("demo", v) for v in ("1.0", "3.1", "3.2"))
    assert found.find("third", "1.0") is None


def test_equal_tables_have_one_digest_whatever_their_order() -> None:
    one, two = encode_advisories(table("a", "b")), encode_advisories(table("b", "a"))

    assert one == two
    assert one.digest != encode_advisories(table("a")).digest
    assert (2, 2) == (one.known, one.projects)


def test_what_does_not_have_its_digest_or_its_format_is_corrupt() -> None:
    store = MemoryStore()
    digest = put_advisories(store, table("demo"))
    key = addresses.advisories(digest)
    plain = decompress(store.get(key), "table", 10_000)
    newer = plain.replace(b'{"v":1', b'{"v":2')

    with pytest.raises(Absent):
        read_advisories(store, "0" * 64)
    for damaged, why in ((plain, "zstd"), (compress(newer), "bytes of its digest"), (b"", "zstd")):
        store.put(key, damaged)
        with pytest.raises(Corrupt, match=why):
            read_advisories(store, digest)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b'{"v":2,"modified":null,"malware":0,"vulnerabilities":0,"projects":{}}', "format 2"),
        (b"[]", "does not parse"),
        (b"{", "does not parse"),
    ],
)
def test_another_releases_table_is_corrupt_and_not_guessed_at(document: bytes, why: str) -> None:
    store = MemoryStore()
    digest = sha256(document).hexdigest()
    store.put(addresses.advisories(digest), compress(document))

    with pytest.raises(Corrupt, match=why):
        read_advisories(store, digest)


def test_a_table_goes_a_day_after_it_was_replaced() -> None:
    store = MemoryStore()
    first, second, unnamed = (put_advisories(store, table(name)) for name in ("first", "second", "unnamed"))
    put_in_force(store, first, NOW - timedelta(days=30))
    put_in_force(store, second, NOW)

    assert [] == sweep_advisories(store, NOW + timedelta(hours=23))
    assert [first] == sweep_advisories(store, NOW + timedelta(hours=24))
    assert [] == sweep_advisories(store, NOW + timedelta(days=99))
    assert sorted((second, unnamed)) == sorted(
        info.key.rpartition("/")[2][:64] for info in store.list(addresses.ADVISORIES_PREFIX)
    )


def test_a_table_that_came_back_into_force_stays() -> None:
    store = MemoryStore()
    first, second = (put_advisories(store, table(name)) for name in ("first", "second"))
    for day, digest in ((30, first), (20, second), (10, first)):
        put_in_force(store, digest, NOW - timedelta(days=day))

    assert [second] == sweep_advisories(store, NOW)
    assert read_advisories(store, first).find("first", "1.0")


def test_sweeping_before_anything_was_decided_deletes_nothing() -> None:
    store = MemoryStore()
    assert [] == sweep_advisories(store, NOW)
    put_advisories(store, table("demo"))

    assert [] == sweep_advisories(store, NOW)
    assert 1 == len(list(store.list("")))
