"""Pages for people and installers' pages: whatever those wait for, and however many are asked for, these do not."""

import asyncio
import threading
from pathlib import Path

from asgi import AsgiClient
from hanging import Hang
from read.people_site import fill
from read.plays import plays
from read.site import PIP, UPLOADED, running

from holdfast.clock import ManualClock
from holdfast.front.asgi import AsgiApp
from holdfast.read.people.pages import PERSON_MS
from holdfast.read.people.press import BURST_SECONDS, CLIENT_MS
from holdfast.read.workers import THREADS
from holdfast.tree.person import Part, Person, put_person


@plays
async def test_pages_for_people_that_wait_for_the_store_hold_no_install_up(tmp_path: Path) -> None:
    """As many as there are threads, each at a read that hangs: a bucket may take seconds over one key."""
    hang, waiting = Hang(), threading.Semaphore(0)

    def hang_at_persons(key: str) -> None:
        if "/person/" in key:
            waiting.release()
            hang.wait()

    async with running(tmp_path) as site:
        fill(site)
        names = [f"person-{number}" for number in range(THREADS)]
        for name in names:
            put_person(site.store, "user", Person(name, name, (Part("main", "demo", "owner"),)), 1)
        site.store.after_get = hang_at_persons
        asked = [asyncio.create_task(site.get(f"/user/{name}/")) for name in names]
        for _ in names:
            await asyncio.to_thread(waiting.acquire)
        try:
            page = await site.get("/simple/demo/", accept=PIP)
        finally:
            hang.end()
        pages = await asyncio.gather(*asked)

    assert not hang.was_waited_out, "the installer waited for them"
    assert 200 == page.status
    assert [200] * THREADS == [one.status for one in pages]


@plays
async def test_whoever_tries_names_out_is_told_to_wait_and_nobody_else_is(tmp_path: Path) -> None:
    clock = ManualClock(UPLOADED)
    async with running(tmp_path, clock) as site:
        fill(site)
        put_person(site.store, "user", Person("ann", "ann", (Part("main", "demo", "owner"),)), 1)
        looks = int(CLIENT_MS * BURST_SECONDS / PERSON_MS)
        answers = [await site.get(f"/user/nobody-{number}/") for number in range(looks + 1)]
        again = await site.get("/user/nobody-0/")
        other = await AsgiClient(AsgiApp(site.plane), client="192.0.2.9").get("/user/ann/")

    assert (404, 429) == (answers[0].status, answers[-1].status)
    assert "more pages than its share" in answers[-1].body.decode() and "retry-after" in answers[-1].headers
    assert (404, 200) == (again.status, other.status)
