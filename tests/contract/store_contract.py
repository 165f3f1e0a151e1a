"""What every store must do. An adapter joins by subclassing StoreContract and giving a `store` fixture."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.core.errors import Absent, Conflict
from holdfast.store.port import ObjectInfo, Store

# Every character a key may have. The dots are inner ones: a segment may not be "." or "..".
EVERY_CHARACTER = "every/" + "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "/") + "/with space"
BAD_KEYS = [
    *("", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\0b", "a\nb", "\u00e9"),
    *("a" * 256, "a/" * 600 + "a", ".holdfast-tmp-x", "a/.holdfast-store"),
]


def keys(store: Store, prefix: str = "", after: str = "") -> list[str]:
    return [info.key for info in store.list(prefix, after)]


class StoreContract:
    """The whole contract of holdfast.store.port.Store, as tests."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError("an adapter's suite gives its own store")

    def test_what_was_put_is_read_back(self, store: Store) -> None:
        store.put("a/b", b"bytes")

        assert b"bytes" == store.get("a/b")

    def test_an_empty_object_is_an_object(self, store: Store) -> None:
        store.put("empty", b"")

        assert (b"", b"", 0) == (store.get("empty"), store.read("empty", 0, 10), store.head("empty").size)

    def test_a_put_replaces(self, store: Store) -> None:
        store.put("a", b"old and long")
        store.put("a", b"new")

        assert (b"new", ["a"]) == (store.get("a"), keys(store))

    def test_every_printable_character_may_be_in_a_key(self, store: Store) -> None:
        store.put(EVERY_CHARACTER, b"x")

        assert (b"x", [EVERY_CHARACTER]) == (store.get(EVERY_CHARACTER), keys(store, "every/"))

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_bad_key_is_refused_before_anything_is_touched(self, store: Store, key: str, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"x")
        for operation in (
            lambda: store.get(key),
            lambda: store.read(key, 0, 1),
            lambda: store.head(key),
            lambda: store.put(key, b"x"),
            lambda: store.put_file(key, source),
            lambda: store.adopt_file(key, source),
            lambda: store.delete(key),
            lambda: store.local_path(key),
        ):
            with pytest.raises(ValueError, match="not a store key"):
                operation()

        assert ([], b"x") == (keys(store), source.read_bytes())

    def test_what_is_not_there_is_absent(self, store: Store) -> None:
        store.put("a/b", b"x")

        for key in ("c", "a", "a/b/c", "a/c"):
            for operation in (store.get, store.head, lambda key: store.read(key, 0, 1)):
                with pytest.raises(Absent):
                    operation(key)

    def test_a_range_is_cut_at_the_end(self, store: Store) -> None:
        store.put("a", b"0123456789")

        answers = [store.read("a", *at) for at in ((0, 4), (3, 3), (8, 100), (10, 1), (50, 1), (4, 0))]

        assert [b"0123", b"345", b"89", b"", b"", b""] == answers

    def test_head_tells_size_and_version(self, store: Store) -> None:
        store.put("a", b"0123456789")
        found = store.head("a")

        assert (ObjectInfo("a", 10, found.version), [found]) == (found, list(store.list("a")))
        assert found.version == store.head("a").version != ""

    def test_the_version_changes_with_the_bytes(self, store: Store) -> None:
        store.put("a", b"one")
        before = store.head("a").version
        store.put("a", b"two")

        assert before != store.head("a").version

    def test_create_refuses_what_exists_and_leaves_it(self, store: Store) -> None:
        store.put("a", b"first", create=True)

        with pytest.raises(Conflict):
            store.put("a", b"second", create=True)

        assert b"first" == store.get("a")

    def test_create_works_again_after_a_delete(self, store: Store) -> None:
        store.put("a", b"first", create=True)
        store.delete("a")
        store.put("a", b"second", create=True)

        assert b"second" == store.get("a")

    def test_of_24_racing_creates_exactly_one_wins(self, store: Store) -> None:
        barrier = threading.Barrier(24)

        def create(number: int) -> bytes | None:
            data = b"writer %d " % number * 1000
            barrier.wait(30)
            try:
                store.put("folder/new/raced", data, create=True)
            except Conflict:
                return None
            return data

        with ThreadPoolExecutor(24) as pool:
            winners = [data for data in pool.map(create, range(24)) if data is not None]

        assert ([store.get("folder/new/raced")], ["folder/new/raced"]) == (winners, keys(store))

    def test_readers_see_whole_objects_while_they_are_replaced(self, store: Store) -> None:
        bodies = [bytes([letter]) * 100_000 for letter in b"abc"]
        store.put("a", bodies[0])
        done = threading.Event()

        def replace() -> None:
            for turn in range(30):
                store.put("a", bodies[turn % 3])
            done.set()

        seen = []
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(replace)
            while not done.is_set() and not writing.done():
                seen.append(store.get("a"))
            writing.result()

        assert set() == set(seen) - set(bodies)

    def test_a_file_is_stored_and_stays_the_callers(self, store: Store, tmp_path: Path) -> None:
        source = tmp_path / "source"
        data = bytes(range(256)) * 90_000  # 23 MB: several parts, several system calls
        source.write_bytes(data)

        store.put_file("big/file", source)
        source.write_bytes(b"changed afterwards")

        assert data == store.get("big/file")
        assert (len(data), data[-5:]) == (store.head("big/file").size, store.read("big/file", len(data) - 5, 100))

    def test_an_empty_file_is_stored(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "source").touch()
        store.put_file("empty", tmp_path / "source")

        assert b"" == store.get("empty")

    def test_a_file_replaces_an_object(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "source").write_bytes(b"new")
        store.put("a", b"old and long")
        store.put_file("a", tmp_path / "source")

        assert b"new" == store.get("a")

    def test_an_adopted_file_is_given_away(self, store: Store, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"spooled")

        store.adopt_file("new/folder/file", source)

        assert (b"spooled", False) == (store.get("new/folder/file"), source.exists())

    def test_a_source_file_that_is_missing_is_the_callers_mistake(self, store: Store, tmp_path: Path) -> None:
        for operation in (store.put_file, store.adopt_file):
            with pytest.raises(FileNotFoundError):
                operation("a", tmp_path / "missing")

        assert [] == keys(store)

    def test_a_deleted_object_is_absent_and_deleting_again_is_fine(self, store: Store) -> None:
        store.put("a/b", b"x")
        store.delete("a/b")
        store.delete("a/b")
        store.delete("never/was")

        assert [] == keys(store)
        with pytest.raises(Absent):
            store.get("a/b")

    def test_listing_is_in_key_order_across_folders(self, store: Store) -> None:
        """'-' and '.' sort before '/', '0' after it: a folder's place is that of its keys, not of its name."""
        names = ["a-b", "a.b", "a/b", "a/c/d", "a/c0", "a0", "b", "a/c-1/x", "Z"]
        for name in names:
            store.put(name, name.encode())

        assert sorted(names) == keys(store)

    def test_listing_goes_on_after_any_key(self, store: Store) -> None:
        names = sorted(f"{a}{b}{c}" for a in ("p", "p-", "q") for b in ("/", "/x/") for c in ("1", "1.0", "2"))
        for name in names:
            store.put(name, b"")

        for after in [*names, "", "p/1x", "p/x", "p/x/", "p-/x/~", "z"]:
            assert [name for name in names if name > after] == keys(store, after=after), after

    def test_listing_takes_any_prefix(self, store: Store) -> None:
        names = sorted(["ab/c", "ab/cd/e", "ab/cd-e", "abc", "a", "ac/x", "b"])
        for name in names:
            store.put(name, b"")

        for prefix in ("", "a", "ab", "ab/", "ab/c", "ab/cd", "ab/cd/", "b", "c", "ab/cd/e/", "zz/"):
            for after in ("", "ab/c", "ab/cd/e"):
                expected = [name for name in names if name.startswith(prefix) and name > after]
                assert expected == keys(store, prefix, after), (prefix, after)

    def test_listing_survives_deletes_meanwhile(self, store: Store) -> None:
        for number in range(20):
            store.put(f"d{number % 3}/{number:02d}", b"")
        seen = []
        for info in store.list(""):
            seen.append(info.key)
            for key in keys(store):
                if key > info.key:
                    store.delete(key)
                    break

        assert sorted(seen) == seen != []

    def test_a_long_listing_is_whole(self, store: Store) -> None:
        """More than one page of any store's listing."""
        names = [f"many/{number:04d}" for number in range(1100)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: store.put(name, b""), names))

        assert names == keys(store, "many/")
        assert names[1050:] == keys(store, "many/", after="many/1049")

    def test_a_local_path_holds_the_bytes_or_there_is_none(self, store: Store) -> None:
        store.put("a/b", b"bytes")
        path = store.local_path("a/b")

        assert path is None or path.read_bytes() == b"bytes"
