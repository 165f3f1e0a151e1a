"""Half the fronts are on a new release, old pages are still about: every page keeps its styles and pictures."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import holdfast
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import HUNG_SECONDS, Answer, Rig, fetch, free_port, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish
from holdfast.effective import SNAPSHOT_VARIABLE

INCIDENTS = ("r35-missing-css",)
PAGES = ("/", "/project/base/", "/project/base/1.0/", "/project/nobody/", "/search/?q=base", "/set-up/", "/indexes/")
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def run(say: Say) -> None:
    with Rig() as rig:
        publish(rig, "base", "1.0")
        assert rig.upload(wheel("leaf", "2.0", ["base>=1.0"])).status == 200
        before = _assets_of(_pages(rig.url))
        say(f"{len(before)} assets in {len(PAGES)} pages of the old release")

        rig.restart({"PYTHONPATH": str(_next_release(rig.folder))})
        after = _assets_of(_pages(rig.url))
        assert after != before, "the new release has no asset of its own: the drill would prove nothing"
        _demand_assets(rig.url, before | after)
        say("the new release answers for its pages' assets, and for those of pages made before it")

        with _old_front(rig) as old:
            assert _assets_of(_pages(old)) == before, "that front is not on the old release"
            _demand_assets(old, before | after)
            say("a front that is still on the old release answers for the new one's, too")
        for name in ("holdfast.0000000000000000.css", "holdfast.css"):
            missing = rig.get(f"/assets/{name}")
            assert (missing.status, missing.headers["cache-control"]) == (404, "no-store"), missing
        say("what no release ever had is 404, and nobody may keep that")


def _pages(url: str) -> list[Answer]:
    pages = [fetch(url + path) for path in PAGES]
    assert {page.status for page in pages} <= {200, 404}, [page.status for page in pages]
    return pages


def _assets_of(pages: list[Answer]) -> set[str]:
    """Every address of an asset that the pages name."""
    found: set[str] = set()
    for page in pages:
        reader = _Addresses()
        reader.feed(page.body.decode())
        assert len(reader.assets) >= 4, "a page without its style, script and pictures"
        found |= reader.assets
    return found


def _demand_assets(url: str, addresses: set[str]) -> None:
    for address in sorted(addresses):
        answer = fetch(url + address)
        told = (answer.status, answer.headers.get("content-type", "").partition(";")[0])
        assert told == (200, TYPES[address.rpartition(".")[2]]), (url, address, told)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.body


def _next_release(folder: Path) -> Path:
    """A copy of this release with another style, to be imported in its place."""
    where = folder / "next"
    shutil.copytree(Path(holdfast.__file__).parent, where / "holdfast")  # with what is compiled, which keeps its times
    style = where / "holdfast" / "pages" / "assets" / "css" / "1-base.css"
    style.write_text(style.read_text() + "\n/* another release */\n")
    return where


@contextmanager
def _old_front(rig: Rig) -> Iterator[str]:
    """One more front on the same data, of the release that was there before."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = rig.folder / "old-front.json"  # those of the instance, and a port of its own
    running = json.loads((rig.data / "run" / "config.json").read_text())
    settings.write_text(json.dumps(running | {"listen_port": port}))
    environment = rig.environment() | {SNAPSHOT_VARIABLE: str(settings)}
    environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    with (rig.folder / "front.log").open("ab") as log:
        front = subprocess.Popen(
            [sys.executable, "-m", "holdfast.cli.main", "front"], env=environment, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: fetch(f"{url}/readyz", timeout=1).status == 200, HUNG_SECONDS, "the old front ready")
        yield url
    finally:
        front.terminate()
        front.wait(15)


class _Addresses(HTMLParser):
    """Collects what a page loads from `assets/`."""

    def __init__(self) -> None:
        super().__init__()
        self.assets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.assets |= {value for name, value in attrs if name in ("href", "src") and value and "/assets/" in value}
