"""The helper that makes pages is a process of its own, held to limits from outside of what it runs."""

import signal
from pathlib import Path

import pytest
from read.plays import plays
from read.site import UPLOADED

from holdfast.core.errors import Unavailable
from holdfast.core.negotiation import Encoding
from holdfast.pages import Site
from holdfast.read.people import helper
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.jobs import Frame, PlainJob
from holdfast.read.people.snippets import Place

PLAIN: Encoding = ""
FRAME = Frame(Site("https://packages.example"), "/", Place("https://packages.example"), "", PLAIN, UPLOADED)
JOB = PlainJob(FRAME, "error.html", {"status": 404, "title": "T", "text": "Nothing", "hint": ""})


@plays
async def test_a_job_that_never_ends_is_ended_and_the_next_one_is_made(tmp_path: Path) -> None:
    pages = PagesHelper(job_seconds_max=5.0)
    stuck = PagesHelper(job_seconds_max=0.2)
    try:
        painted = await pages.do(helper.plain, JOB)
        with pytest.raises(Unavailable, match="was restarted"):
            await stuck.do(signal.pause)
        again = await stuck.do(len, b"four")
    finally:
        pages.stop()
        stuck.stop()

    assert b"Nothing" in painted.body
    assert 4 == again


@plays
async def test_a_job_that_wants_all_memory_gets_an_error_and_nobody_else_does(tmp_path: Path) -> None:
    pages = PagesHelper()
    try:
        with pytest.raises(MemoryError):
            await pages.do(bytes, 8 * 1024**3)
        assert 4 == await pages.do(len, b"four")
    finally:
        pages.stop()
