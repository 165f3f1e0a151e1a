"""Browsing by classifier: several at once, with counts and pages, of what is listed now."""

from html import unescape

import pytest
from markup import Markup
from read.catalogued import catalogued, cataloguer, told
from read.people_site import text_of
from read.plays import plays
from read.site import Site, private_index, running

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig
from holdfast.core.errors import Absent, Corrupt
from holdfast.tree import addresses, catalogue
from holdfast.tree.journal import ProjectGone

PY3, WEB, MIT = "Programming Language :: Python :: 3", "Topic :: Internet :: WWW/HTTP", "License :: OSI Approved"


def _publish(site: Site, name: str, *classifiers: str, index: str = "main", **facts: str) -> None:
    site.publish(name, site.wheel(name, told=told(*classifiers), index=index), index=index, **facts)


def _found(page: Markup) -> list[str]:
    """The projects a page lists."""
    return [one.get("href") for one in page.all("main")[0].all("a") if "/project/" in one.get("href")]


def _hrefs(page: Markup) -> list[str]:
    return [one.get("href") for one in page.all("main")[0].all("a") if "browse/" in one.get("href")]


@plays
async def test_classifiers_narrow_each_other_down(tmp_path):
    """Each is a link, with how many projects it leads to; what was chosen can be given up again."""
    async with running(tmp_path) as site:
        _publish(site, "both", PY3, WEB)
        _publish(site, "only-python", PY3, MIT)
        _publish(site, "only-web", WEB)
        _publish(site, "none")
        catalogued(site)
        every = await site.get("/browse/")
        one = await site.get("/browse/?c=Programming+Language+%3A%3A+Python+%3A%3A+3")
        two = await site.get(
            "/browse/?c=Programming%20Language%20%3A%3A%20Python%20%3A%3A%203&c=Topic+::+Internet+::+WWW/HTTP"
        )
        nothing = await site.get("/browse/?c=No+such+thing")

    pages = [Markup(answer.body) for answer in (every, one, two, nothing)]
    assert [(200, [])] * 4 == [
        (answer.status, page.faults) for answer, page in zip((every, one, two, nothing), pages, strict=True)
    ]
    assert "4 projects" in text_of(pages[0])
    assert "Python :: 3 2 projects" in text_of(pages[0])
    assert ["/project/both/", "/project/only-python/"] == _found(pages[1])
    assert "Internet :: WWW/HTTP 1 project" in text_of(pages[1])
    assert ["/project/both/"] == _found(pages[2])
    assert "1 project has all of these classifiers" in text_of(pages[2])
    assert "/browse/?c=Topic%20%3A%3A%20Internet%20%3A%3A%20WWW%2FHTTP" in _hrefs(pages[2])
    assert [] == _found(pages[3])
    assert (None, "noindex") == (one.headers.get("x-robots-tag"), two.headers["x-robots-tag"])


@plays
async def test_what_is_found_has_pages(tmp_path):
    async with running(tmp_path) as site:
        for number in range(45):
            _publish(site, f"demo-{number:02}", PY3)
        catalogued(site)
        link = "/browse/?c=Programming+Language+::+Python+::+3"
        pages = [Markup((await site.get(f"{link}&page={number}")).body) for number in (1, 2, 3, 4)]
        odd = await site.get(f"{link}&page=-1&page=x")

    assert [20, 20, 5, 0] == [len(_found(page)) for page in pages]
    assert "/project/demo-44/" == _found(pages[2])[-1]
    assert any(unescape(href).endswith("&page=3") for href in _hrefs(pages[1]))
    assert 20 == len(_found(Markup(odd.body)))


@plays
async def test_what_went_since_is_not_found(tmp_path):
    """The catalogue in the store is older than the journal: deletion and quarantine hold at once all the same."""
    async with running(tmp_path) as site:
        for name in ("gone", "bad", "good"):
            _publish(site, name, PY3)
        catalogued(site)
        site.tell(ProjectGone("main", "gone", "gone", site.serial + 1))
        _publish(site, "bad", PY3, status="quarantined", status_reason="Steals.")
        page = Markup((await site.get("/browse/?c=Programming+Language+::+Python+::+3")).body)

    assert ["/project/good/"] == _found(page)
    assert "1 project has this classifier" in text_of(page)


@plays
async def test_hosted_layers_are_searched_together(tmp_path):
    """A name that an upper index has is the upper one's."""
    indexes = (IndexConfig("main", layers=("team",)), IndexConfig("team"), private_index())
    async with running(tmp_path, indexes=indexes) as site:
        _publish(site, "here", PY3)
        _publish(site, "twice", PY3)
        _publish(site, "twice", PY3, index="team")
        _publish(site, "there", PY3, index="team")
        _publish(site, "hidden", PY3, index="secret")
        catalogued(site)
        link = "/browse/?c=Programming+Language+::+Python+::+3"
        main, team = Markup((await site.get(link)).body), Markup((await site.get(f"/team{link}")).body)
        secret = await site.get(f"/secret{link}")

    assert ["/project/here/", "/project/there/", "/project/twice/"] == _found(main)
    assert ["/team/project/there/", "/team/project/twice/"] == _found(team)
    assert 401 == secret.status


@plays
async def test_before_anything_was_sorted_it_is_trouble_and_not_an_empty_index(tmp_path):
    async with running(tmp_path) as site:
        empty = await site.get("/browse/")
        _publish(site, "demo", PY3)
        soon = [await site.get(path) for path in ("/browse/", "/rss/updates.xml")]
        catalogued(site)
        after = await site.get("/browse/?c=Programming+Language+::+Python+::+3")

    assert 200 == empty.status
    assert "No classifiers yet" in text_of(Markup(empty.body))
    assert [(503, "10")] * 2 == [(answer.status, answer.headers["retry-after"]) for answer in soon]
    assert ["/project/demo/"] == _found(Markup(after.body))


@plays
async def test_while_the_store_is_away_what_was_read_goes_on(tmp_path):
    async with running(tmp_path) as site:
        _publish(site, "demo", PY3)
        catalogued(site)
        link = "/browse/?c=Programming+Language+::+Python+::+3"
        await site.get(link)
        site.store.broken = True
        again = await site.get(link)

    assert ["/project/demo/"] == _found(Markup(again.body))


@plays
async def test_a_catalogue_follows_the_newest_version(tmp_path):
    """And what is known already is not written again, nor by a process that has just started."""
    async with running(tmp_path) as site:
        clock = ManualClock()
        work = cataloguer(site, clock)
        site.publish("demo", site.wheel("demo", "1.0", told=told(WEB)))
        written = [work.write_when_changed(), work.write_when_changed()]
        site.publish(
            "demo", site.wheel("demo", "1.0", told=told(WEB)), site.wheel("demo", "2.0", told=told(PY3, "x" * 300))
        )
        clock.advance(60)
        written += [work.write_when_changed(), catalogued(site)]
        _, found = catalogue.read_catalogue(site.store, "main")
        kept = len(list(site.store.list("catalogues/main/")))

    assert [1, 0, 1, 0] == written
    assert {"demo": (PY3,)} == {name: facts.classifiers for name, facts in catalogue.facts_of(found).items()}
    assert 2 == kept


@plays
async def test_a_large_catalogue_is_not_written_all_the_time(tmp_path):
    async with running(tmp_path) as site:
        clock = ManualClock()
        work = cataloguer(site, clock)
        _publish(site, "demo", PY3)
        work.write_when_changed()
        _publish(site, "other", PY3)
        at_once = work.write_when_changed()
        clock.advance(60)
        later = work.write_when_changed()

    assert (0, 1) == (at_once, later)


@plays
async def test_a_damaged_catalogue_is_made_again_and_never_read(tmp_path):
    async with running(tmp_path) as site:
        _publish(site, "demo", PY3)
        catalogued(site)
        (key,) = [info.key for info in site.store.list("catalogues/main/")]
        whole = site.store.get(key)
        site.store.put(key, whole[:-5])
        damaged = await site.get("/browse/")
        catalogued(site)
        again = catalogue.read_catalogue(site.store, "main")[1]

    assert 503 == damaged.status
    assert catalogue.decode_catalogue(whole, "main") == again


def test_a_catalogue_that_does_not_hold_together_is_corrupt() -> None:
    """Whoever may write to the store cannot make a front look for a project that is not there."""
    facts = {name: catalogue.Facts(b"12345678", 1, 2, (PY3, WEB)) for name in ("a", "b")}
    made = catalogue.make("main", facts)

    assert facts == catalogue.facts_of(catalogue.decode_catalogue(catalogue.encode_catalogue(made), "main"))
    for wrong in (
        {"members": (catalogue.column([2]), catalogue.column([0]))},
        {"members": (b"123", b"")},
        {"members": ()},
        {"created": b""},
        {"records": b"x"},
        {"index": "other"},
        {"v": 2},
    ):
        broken = catalogue.Catalogue(**({field: getattr(made, field) for field in made.__struct_fields__} | wrong))
        with pytest.raises(Corrupt):
            catalogue.decode_catalogue(catalogue.encode_catalogue(broken), "main")
    for data in (b"", b"\x00" * 20):
        with pytest.raises(Corrupt):
            catalogue.decode_catalogue(data, "main")


@plays
async def test_a_writer_that_knows_less_writes_nothing(tmp_path):
    site = Site(tmp_path)
    newer, older = catalogue.make("main", {}), catalogue.make("main", {"a": catalogue.Facts(b"12345678", 1, 1)})

    assert catalogue.put_catalogue(site.store, newer, 7)
    assert not catalogue.put_catalogue(site.store, older, 6)
    assert catalogue.put_catalogue(site.store, older, 7)
    assert (addresses.catalogue("main", 7, 1), older) == catalogue.read_catalogue(site.store, "main")
    with pytest.raises(Absent):
        catalogue.read_catalogue(site.store, "team")
