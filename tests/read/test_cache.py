"""The page store: bounded, the least used leave first, and what leaves is no longer hot."""

from holdfast.clock import ManualClock
from holdfast.core.negotiation import Media
from holdfast.read.cache import OVERHEAD_BYTES, Cached, PageCache
from holdfast.read.hot import HotEntry, HotTable, Prepared
from holdfast.wire.messages import Response
from holdfast.wire.tally import Tallies

ROOM = 3 * (OVERHEAD_BYTES + 100)
PLAIN = (Media.TEXT_HTML, "")


def cache_of(size: int = ROOM) -> tuple[PageCache, HotTable]:
    hot = HotTable(lambda _index, _authorization: False, ManualClock())
    hot.variant(None, None)
    return PageCache(hot, size), hot


def add(cache: PageCache, name: str, size: int = 100) -> Cached:
    cached = cache.put(Cached(("page", "main", name), ("main", name), "digest", HotEntry("")))
    prepared = Prepared("simple", f"/{name}", Response(200, [("etag", f'"{name}"')], b"x" * size), Tallies())
    cache.add_variant(cached, PLAIN, prepared)
    cache.show(cached, f"/{name}")
    return cached


def ask(hot: HotTable, name: str) -> bool:
    return hot.find(f"/{name}", {}.get) is not None


def test_the_least_used_page_leaves_when_room_is_needed():
    cache, hot = cache_of()
    for name in "abc":
        add(cache, name)
    for cached in "abc":
        cache.get(("page", "main", cached)).entry.used = False
    assert ask(hot, "a")

    add(cache, "d")

    assert [True, False, True, True] == [ask(hot, name) for name in "abcd"]
    assert (3, ROOM) == (len(cache), cache.bytes)


def test_a_page_larger_than_all_room_is_kept_alone():
    cache, hot = cache_of()
    add(cache, "a")
    add(cache, "b", size=10 * ROOM)

    assert [False, True] == [ask(hot, name) for name in "ab"]
    add(cache, "c")
    assert ask(hot, "c") and cache.bytes <= 11 * ROOM


def test_a_changed_project_is_no_longer_hot_and_keeps_its_last_good_page():
    cache, hot = cache_of()
    cached = add(cache, "a")

    cache.retire_project(("main", "a"))
    cache.show(cached, "/a")

    assert not ask(hot, "a")
    assert cache.get(cached.key) is cached and not cached.current


def test_a_replaced_page_gives_its_room_back():
    cache, _ = cache_of()
    for _ in range(10):
        add(cache, "a")

    assert (1, OVERHEAD_BYTES + 100) == (len(cache), cache.bytes)


def test_taking_an_object_again_keeps_its_room_counted():
    cache, _hot = cache_of()
    page = add(cache, "a")

    cache.put(page)

    assert page.bytes == cache.bytes > 0


def test_an_object_that_left_while_more_was_made_of_it_counts_in_full_when_it_returns():
    cache, _ = cache_of()
    cached = add(cache, "a")
    cache.forget(cached.key)

    cache.put(cached)

    assert OVERHEAD_BYTES + 100 == cache.bytes
    cache.forget(cached.key)
    assert 0 == cache.bytes
