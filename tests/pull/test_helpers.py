"""What is read inside pull's event loop, and what outside."""

import gzip
from datetime import UTC, datetime

import pytest
from pull.rig import plays

from holdfast.pull.build import PageJob
from holdfast.pull.helpers import Helpers

MIB = 1024 * 1024


@pytest.mark.parametrize(("padding", "jobs"), [(1000, 0), (4 * MIB, 1)])
@plays
async def test_a_small_body_that_unfolds_to_a_large_page_is_read_outside(padding, jobs):
    page = b'{"name": "demo", "meta": {"api-version": "1.0"}, "files": []' + b" " * padding + b"}"
    job = PageJob(
        upstream="up",
        name="demo",
        url="https://index.test/simple/demo/",
        body=gzip.compress(page),
        content_encoding="gzip",
        content_type="application/vnd.pypi.simple.v1+json",
        etag="",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        bytes_max=64 * MIB,
    )
    helpers = Helpers()
    try:
        assert not (await helpers.build_page(job)).refused
    finally:
        await helpers.close()

    assert jobs == helpers.jobs


@pytest.mark.parametrize(("padding", "jobs"), [(10_000, 0), (25_000, 1)])
@plays
async def test_html_is_read_outside_when_it_is_a_third_as_long(padding, jobs):
    page = b"<html><title>Links for demo</title>" + b" " * padding + b"</html>"
    job = PageJob(
        upstream="up",
        name="demo",
        url="https://index.test/simple/demo/",
        body=page,
        content_encoding="",
        content_type="text/html",
        etag="",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        bytes_max=64 * MIB,
    )
    helpers = Helpers()
    try:
        assert not (await helpers.build_page(job)).refused
    finally:
        await helpers.close()

    assert jobs == helpers.jobs
