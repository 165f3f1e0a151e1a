"""What is remembered of pages is bounded; a search takes a few scans whatever there is."""

from datetime import UTC, datetime, timedelta

from holdfast.core.simple_json import ListedProject
from holdfast.read.people.finished import OVERHEAD_BYTES, FinishedPages
from holdfast.read.people.jobs import Painted
from holdfast.read.people.search import RESULTS_MAX, find, names_of, query_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_longest_unused_page_leaves_first() -> None:
    pages = FinishedPages(3 * (OVERHEAD_BYTES + 100))
    for name in "abc":
        pages.put(("main", name, ""), "d", Painted(bytes(100), "t"))
    pages.get(("main", "a", ""), "d", NOW)
    pages.put(("main", "d", ""), "d", Painted(bytes(100), "t"))

    assert [True, False, True, True] == [pages.get(("main", name, ""), "d", NOW) is not None for name in "abcd"]
    assert 3 * (OVERHEAD_BYTES + 100) == pages.bytes


def test_a_page_counts_for_what_it_was_made_from_and_for_its_time() -> None:
    pages = FinishedPages()
    key = ("main", "a", "")
    pages.put(key, "old", Painted(b"x", "t", NOW + timedelta(seconds=5)))

    assert pages.get(key, "old", NOW) is not None
    assert pages.get(key, "new", NOW) is None
    assert pages.get(key, "old", NOW + timedelta(seconds=5)) is None
    pages.put(key, "new", Painted(b"xy", "t"))
    assert 2 + OVERHEAD_BYTES == pages.bytes


def test_a_search_over_very_many_names_ends_at_its_bound() -> None:
    projects = [ListedProject(f"name-{number}", f"name-{number}", number) for number in range(20_000)]
    names = names_of(1, projects, 8)

    assert RESULTS_MAX == len(find(names, query_of("name", "")))
    assert ["name-777"] == [project.name for project in find(names, query_of("Name_777", ""))][:1]
    assert 19_999 == names.newest[0].serial
    assert [] == find(names, query_of("absent", ""))


def test_quarantined_projects_are_not_found() -> None:
    names = names_of(1, [ListedProject("bad", "bad", 1, "quarantined"), ListedProject("good", "good", 2)], 8)

    assert [] == find(names, query_of("bad", ""))
    assert ["good"] == [project.name for project in find(names, query_of("good", ""))]
