"""`/upstreams` and the metrics of upstreams: how they are doing, for people and for machines, without credentials."""

from datetime import UTC, datetime

import pytest
from markup import Markup
from pull.fake_upstream import FakeFile, FakeUpstream
from read.plays import plays
from read.site import private_index, running
from read.test_pulled import layered

from holdfast.clock import SystemClock
from holdfast.config import UpstreamConfig
from holdfast.core.names import is_index_name
from holdfast.pages import CSP
from holdfast.read.upstreams_page import upstreams_page

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECRET = UpstreamConfig("corp", "https://ci:hush@index.example/simple/", mirrors=("https://me:psst@mirror.example/x/",))


@plays
async def test_it_tells_how_each_upstream_is_doing(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", FakeFile("demo-1.0.tar.gz", data=b"sdist"))
        before = await site.get("/upstreams")
        await site.get("/simple/demo/")
        after = await site.get("/upstreams")
        metrics = (await site.get("/metrics")).body.decode()

    assert [200, 200] == [before.status, after.status]
    assert "text/html; charset=utf-8" == after.headers["content-type"]
    assert "no-store" == after.headers["cache-control"]
    assert "not asked yet" in before.body.decode()
    assert "answering" in after.body.decode()
    assert upstream.url in after.body.decode()
    assert "<script" not in after.body.decode()
    assert [[], []] == [Markup(answer.body).faults for answer in (before, after)]
    assert CSP == after.headers["content-security-policy"]
    for line in ("off", "breaker_open", "pages_in_flight", "files_in_flight", "last_success_age_seconds"):
        assert f'\nholdfast_upstream_{line}{{upstream="up"}} ' in metrics
    assert '\nholdfast_upstream_off{upstream="up"} 0\n' in metrics
    assert "\n# TYPE holdfast_upstream_off gauge\n" in metrics


@plays
async def test_the_hit_rate_is_that_of_what_fronts_served(tmp_path):
    now = SystemClock().now().timestamp()
    samples = [[now, "up", "hit", 8, 80], [now, "up", "stale", 1, 10], [now, "up", "miss", 3, 30]]
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        await site.pull.session.post("http://pull/usage", json={"samples": samples})
        await site.pull.get("/report")  # takes in what was told
        page, metrics = await site.get("/upstreams"), await site.get("/metrics")

    assert "75%" in page.body.decode()
    assert '\nholdfast_upstream_hit_rate{upstream="up"} 0.75\n' in metrics.body.decode()


@plays
async def test_with_pull_dead_it_is_503_and_says_what_that_means(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, pull=False) as site:
        answer = await site.get("/upstreams")

    assert 503 == answer.status
    assert "5" == answer.headers["retry-after"]
    assert "The pull process does not answer" in answer.body.decode()
    assert upstream.url in answer.body.decode()


@plays
async def test_without_any_upstream_there_is_nothing_to_fail(tmp_path):
    async with running(tmp_path) as site:
        answer = await site.get("/upstreams")

    assert 200 == answer.status
    assert "No upstream is configured" in answer.body.decode()


@plays
async def test_it_is_for_those_who_may_read_the_main_index(tmp_path):
    async with running(tmp_path, indexes=(private_index("main"),)) as site:
        assert 401 == (await site.get("/upstreams")).status


def test_what_upstreams_say_is_escaped_and_credentials_stay_out():
    status = {
        "upstreams": [
            {
                "name": "corp",
                "off": 1,
                "off_by": "<b>eve</b>",
                "off_reason": "<script>",
                "off_until": "2026-05-04T12:10:00+00:00",
                "last_success": "2026-05-04T11:59:00+00:00",
                "last_failure": "2026-05-04T11:58:30+00:00",
                "last_failure_reason": "<img src=x>",
                "hit_rate": 0.937,
            }
        ]
    }

    page = upstreams_page([SECRET], status, NOW).decode()

    for raw in ("<b>eve", "<script", "<img src=x", "hush", "psst", "ci:"):
        assert raw not in page
    assert "off</span> until 2026-05-04 12:10:00 UTC, by &lt;b&gt;eve&lt;/b&gt;: &lt;script&gt;" in page
    assert "answered </span>1 minute ago" in page
    assert "failed </span>1 minute ago: &lt;img src=x&gt;" in page
    assert "94%" in page


@pytest.mark.parametrize("status", [{}, {"upstreams": [{"name": "corp", "last_success": 5, "hit_rate": "x"}]}])
def test_a_status_of_another_release_breaks_nothing(status):
    assert b"https://index.example/simple/" in upstreams_page([SECRET], status, NOW)


def test_no_index_can_take_its_address():
    assert not is_index_name("upstreams")
