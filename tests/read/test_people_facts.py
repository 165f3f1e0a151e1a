"""What a project's page says: its standing, what is gone or held back, where it comes from; and all as text."""

from datetime import UTC, datetime, timedelta

from markup import Markup
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from read.people_site import LONG, fill, text_of
from read.plays import plays
from read.policed import NOW, policed, wheel
from read.site import private_index, running
from read.test_pulled import layered

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig
from holdfast.core.model import Role
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved, ProjectGone
from holdfast.tree.person import Part, Person, put_person


@plays
async def test_metadata_that_cannot_be_read_is_told_and_costs_only_its_part(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo", told=LONG)
        site.publish("demo", file)
        site.store.delete(addresses.blob(file.metadata_sha256))
        answer = await site.get("/project/demo/")

    said = text_of(Markup(answer.body))
    assert 200 == answer.status
    assert "Some facts cannot be had right now" in said
    assert "demo-1.0-py3-none-any.whl" in said


@plays
async def test_standing_is_told(tmp_path):
    """PEP 792: archived and deprecated with their reason; a quarantined project keeps its page, without files."""
    async with running(tmp_path) as site:
        for status in ("archived", "deprecated", "quarantined"):
            site.publish(f"p-{status}", site.wheel(f"p-{status}"), status=status, status_reason=f"because <{status}>.")
        told = {status: await site.get(f"/project/p-{status}/") for status in ("archived", "deprecated", "quarantined")}
        release = await site.get("/project/p-quarantined/1.0/")
        home = await site.get("/")

    for status, answer in told.items():
        assert f"because <{status}>." in text_of(Markup(answer.body))
    assert "In quarantine" in text_of(Markup(told["quarantined"].body))
    assert "/packages/" not in told["quarantined"].body.decode()
    assert "/packages/" in told["archived"].body.decode()
    assert "/packages/" not in release.body.decode()
    assert "p-quarantined" not in home.body.decode()


@plays
async def test_what_is_gone_says_so(tmp_path):
    async with running(tmp_path) as site:
        kept, removed = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", kept, removed)
        await site.get("/project/demo/2.0/")
        site.tell(BytesRemoved((removed.sha256,), "a secret <key> in it"))
        release, project = await site.get("/project/demo/2.0/"), await site.get("/project/demo/")
        site.tell(ProjectGone("main", "demo", "demo", site.serial + 1))
        gone = await site.get("/project/demo/")

    assert (410, 200, 404) == (release.status, project.status, gone.status)
    assert "demo-2.0-py3-none-any.whl was removed: a secret <key> in it." in text_of(Markup(release.body))
    assert "1 version is held back" in text_of(Markup(project.body))
    assert "2.0: demo-2.0-py3-none-any.whl was removed: a secret <key> in it" in text_of(Markup(project.body))


@plays
async def test_an_upstream_project_has_a_page_and_says_when_it_was_seen(tmp_path):
    metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: from afar\n\nfar"
    clock = ManualClock(datetime(2026, 2, 3, 4, 5, tzinfo=UTC))
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        upstream.add("demo", FakeFile("demo-1.0-py3-none-any.whl", data=b"w" * 100, metadata=metadata))
        answer = await site.get("/project/demo/")
        page = Markup(answer.body)
        search = await site.get("/search/?q=demo")
        nobody = await site.get("/project/nobody/")

    assert (200, []) == (answer.status, page.faults)
    assert "from afar" in text_of(page)
    assert "up seen 3 Feb 2026, 04:05 UTC" in text_of(page)
    assert "demo is not hosted here. Ask up for it" in text_of(Markup(search.body))
    assert 404 == nobody.status


@plays
async def test_an_upstream_that_cannot_say_is_503(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.pages_fault = Fault("status", status=500)
        answer = await site.get("/project/demo/")

    assert 503 == answer.status
    assert [] == Markup(answer.body).faults


@plays
async def test_versions_held_back_are_told_with_their_rule(tmp_path):
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, {"cooldown_seconds": 3 * 86_400}) as site:
        upstream.add("demo", wheel("1.0"), wheel("2.0", age_days=1))
        page = await site.get("/project/demo/")
        release = await site.get("/project/demo/2.0/")
        clock: ManualClock = site.clock  # type: ignore[assignment]
        clock.advance(timedelta(days=3).total_seconds())
        later = await site.get("/project/demo/2.0/")

    said = text_of(Markup(page.body))
    assert "demo 1.0" in said
    assert "1 version is held back" in said
    assert (NOW + timedelta(days=2)).strftime("%-d %b %Y") in said
    assert (403, 200) == (release.status, later.status)
    assert "Not let through" in text_of(Markup(release.body))


@plays
async def test_a_private_index_tells_strangers_nothing(tmp_path):
    """The same 401 for every address in it; and the pages for everybody do not know it."""
    async with running(tmp_path, indexes=(IndexConfig("main", layers=("secret",)), private_index())) as site:
        fill(site)
        site.publish("hush", site.wheel("hush", index="secret"), index="secret")
        paths = [f"/secret{path}" for path in ("/", "/project/hush/", "/project/x/", "/search/?q=hush", "/set-up/")]
        answers = [await site.get(path) for path in paths]
        public = [await site.get(path) for path in ("/", "/indexes/", "/search/?q=secret")]

    assert [401] * 5 == [answer.status for answer in answers]
    assert 1 == len({answer.body for answer in answers})
    assert all("www-authenticate" in answer.headers for answer in answers)
    assert all("secret" not in Markup(answer.body).all("main")[0].text for answer in public[:2])


@plays
async def test_another_index_has_pages_of_its_own(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), IndexConfig("team"))) as site:
        site.publish("demo", site.wheel("demo", index="team"), index="team")
        here, there = await site.get("/team/project/demo/"), await site.get("/project/demo/")
        home, indexes = await site.get("/team/"), await site.get("/team/indexes/")

    assert (200, 404, 200, 404) == (here.status, there.status, home.status, indexes.status)
    page = Markup(here.body)
    assert "pip install --index-url http://127.0.0.1:8000/team/simple/ demo" in text_of(page)
    assert all(address.startswith("/team/packages/") for address in page.addresses() if "/packages/" in address)


@plays
async def test_an_author_has_a_name_and_an_address(tmp_path):
    """Core metadata has both in `Author-email` since it is written from a pyproject.toml; several are several."""
    told = "Author-email: Ann Author <ann@people.example>, bob@people.example\nMaintainer-email: the team\n"
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo", told=told))
        page = Markup((await site.get("/project/demo/")).body)

    (facts,) = [one for one in page.all("dl") if one.get("class") == "side-facts"]
    assert "Author Ann Author ann@people.example Author bob@people.example Maintainer the team" == " ".join(
        facts.text.split()
    )


HOSTILE = (
    "Summary: <script>alert('summary')</script>\"'\n"
    "Author: <img src=x onerror=alert(1)>\n"
    'Author-email: "\\"><script>alert(1)</script>" <a@b.example>\n'
    "Keywords: <b>,</title><script>alert(1)</script>\n"
    "Home-page: javascript:alert(1)\n"
    "Download-URL: data:text/html,<script>alert(1)</script>\n"
    'Project-URL: "><svg onload=alert(1)>, JaVaScRiPt:alert(1)\n'
    'Project-URL: Docs" onmouseover="alert(1), https://docs.example/"><script>alert(1)</script>\n'
    "License: </dd><script>alert(1)</script>\n"
    "Classifier: Topic :: <script>alert(1)</script>\n"
    "Requires-Dist: <script>alert(1)</script>\n"
    "Requires-Dist: x; extra == '\"><script>'\n"
    'Provides-Extra: "><script>\n'
    'Requires-Python: >=3"><script>alert(1)</script>\n'
    'Description-Content-Type: text/plain; charset="><script>\n'
    "\n</pre><script>alert('description')</script>"
)


@plays
async def test_nothing_that_a_publisher_writes_becomes_markup(tmp_path):
    """Name, summary, people, links, versions, reasons: all of it is text."""
    async with running(tmp_path) as site:
        file = site.wheel("demo", "1.0", told=HOSTILE, yanked=True, yanked_reason='"><script>alert(1)</script>')
        site.publish(
            "demo", file, display="<Demo>", status="archived", status_reason="<script>alert(1)</script>",
            roles=(Role("<script>", "owner"),),
        )  # fmt: skip
        pages = [await site.get(path) for path in ("/project/demo/", "/", "/search/?q=demo")]
        told = [
            await site.get(path)
            for path in (
                "/search/?q=%3Cscript%3Ealert(1)%3C/script%3E",
                "/project/demo/%3Cscript%3E/",
                "/user/%3Cscript%3E/",
            )
        ]

    for answer in (*pages, *told):
        page = Markup(answer.body)
        assert [] == page.faults
        assert ["holdfast.js"] == [one.get("src").split("/")[-1].split(".")[0] + ".js" for one in page.all("script")]
        assert not page.all("svg") and not page.all("b")
        assert {"", "/assets"} >= {image.get("src").rpartition("/")[0] for image in page.all("img")}
    assert "<script>alert('summary')</script>" in text_of(Markup(pages[0].body))


@plays
async def test_a_summary_that_was_taken_down_leaves_lists_too(tmp_path):
    """The home page, found names and feeds tell what the core metadata says; removed bytes say nothing any more."""
    async with running(tmp_path) as site:
        demo = site.wheel("demo", "1.0", told="Summary: slander\n")
        site.publish("demo", demo)
        before = [(await site.get(path)).body.decode() for path in ("/", "/search/?q=demo", "/project/demo/")]
        site.tell(BytesRemoved((demo.metadata_sha256,), "law", True))
        after = [(await site.get(path)).body.decode() for path in ("/", "/search/?q=demo", "/project/demo/")]

    assert [True] * 3 == ["slander" in page for page in before]
    assert [False] * 3 == ["slander" in page for page in after]


@plays
async def test_lists_tell_the_newest_release_whose_bytes_are_still_there(tmp_path):
    async with running(tmp_path) as site:
        kept, taken = site.wheel("demo", "1.0", told="Summary: steady\n"), site.wheel("demo", "2.0")
        site.publish("demo", kept, taken)
        put_person(site.store, "user", Person("ann", "ann", (Part("main", "demo", "owner"),)), 1)
        paths = ("/", "/search/?q=demo", "/user/ann/")
        before = [text_of(Markup((await site.get(path)).body)) for path in paths]
        site.tell(BytesRemoved((taken.sha256,), "law", True))
        after = [text_of(Markup((await site.get(path)).body)) for path in paths]

    assert [(True, False)] * 3 == [("2.0" in page, "steady" in page) for page in before]
    assert [(False, True)] * 3 == [("2.0" in page, "steady" in page) for page in after]
