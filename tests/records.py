"""Records to render, and tiny readers of what was rendered: standard library only, so that they judge from outside."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from holdfast.core.model import File, Record

BASE = "https://pkgs.example/team"
WHEEL = File(
    filename="demo_pkg-1.0+cu12-py3-none-any.whl",
    sha256="ab" + "cd" + "1" * 60,
    size=1234,
    version="1.0+cu12",
    packagetype="bdist_wheel",
    python_version="py3",
    upload_time=datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
    requires_python=">=3.8,<4",
    metadata_sha256="e" * 64,
    has_metadata=True,
    provenance_sha256="f" * 64,
    md5="a" * 32,
    blake2b_256="b" * 64,
)
SDIST = File(
    filename="demo_pkg-1.0.tar.gz",
    sha256="0" * 64,
    size=99,
    version="1.0",
    packagetype="sdist",
    python_version="source",
    upload_time=datetime(2026, 1, 1, tzinfo=UTC),
    yanked=True,
    yanked_reason='broken <b>"build"</b>',
)
DEMO = Record("main", "demo-pkg", "Demo.Pkg", 7, (SDIST, WHEEL))


def demo(*files: File, **changes: Any) -> Record:
    """The demo project with these files and changes."""
    return replace(DEMO, files=files, **changes)


def plain_file(version: str, **changes: Any) -> File:
    """A wheel of the demo project."""
    return replace(File(f"demo_pkg-{version}-py3-none-any.whl", "9" * 64, 10, version, "bdist_wheel", "py3"), **changes)


class Page(HTMLParser):
    """What a client sees of an HTML page: metas, anchors as (attributes, text), and the last comment."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.metas: list[tuple[str, str]] = []
        self.anchors: list[tuple[dict[str, str | None], str]] = []
        self.last_comment = ""
        self._open: tuple[dict[str, str | None], str] | None = None
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "meta":
            self.metas.append((found["name"] or "", found["content"] or ""))
        if tag == "a":
            self._open = (found, "")

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open = (self._open[0], self._open[1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open is not None:
            self.anchors.append(self._open)
            self._open = None

    def handle_comment(self, data: str) -> None:
        self.last_comment = data


def files_in_html(page: bytes) -> list[dict[str, Any]]:
    """The files of an HTML page in the words of the JSON page, without what HTML cannot say."""
    found = []
    for attributes, text in Page(page).anchors:
        url, _, fragment = (attributes["href"] or "").partition("#")
        yanked = attributes.get("data-yanked")
        found.append(
            {
                "filename": text,
                "url": url,
                "hashes": dict([fragment.split("=", 1)]) if fragment else {},
                "requires-python": attributes.get("data-requires-python"),
                "yanked": False if yanked is None else yanked or True,
                "core-metadata": _metadata(attributes.get("data-core-metadata")),
                "data-dist-info-metadata": _metadata(attributes.get("data-dist-info-metadata")),
                "provenance": attributes.get("data-provenance"),
            }
        )
    return found


def files_in_json(page: bytes) -> list[dict[str, Any]]:
    """The files of a JSON page, without what HTML cannot say."""
    return [{k: v for k, v in f.items() if k not in ("size", "upload-time")} for f in json.loads(page)["files"]]


def _metadata(value: str | None) -> bool | dict[str, str]:
    if value is None or value == "true":
        return value == "true"
    return dict([value.split("=", 1)])
