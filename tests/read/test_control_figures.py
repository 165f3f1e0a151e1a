"""`/metrics` has control's figures while control answers, and says that it does not when it does not."""

import json

from aiohttp import web
from read.plays import plays
from read.site import Site, running

FIGURES = {
    "holdfast_reports_waiting": 3,
    'holdfast_sign_ins_total{outcome="failed"}': 7,
    'holdfast_sign_ins_total{outcome="wrong-code"}': 1,
    "holdfast_reports_oldest_seconds": 61.5,
    'bad{x="1"}\nholdfast_up 1': 9,
    "holdfast_text": "no number",
}


async def control_of(site: Site, document: object) -> web.AppRunner:
    """A control process that says this of itself."""

    async def health(request: web.Request) -> web.Response:
        return web.Response(text=json.dumps(document), content_type="application/json")

    app = web.Application()
    app.router.add_get("/-/health", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(site.config.control_socket)).start()
    return runner


@plays
async def test_control_s_figures_are_told_with_their_types_and_nothing_that_is_no_sample(tmp_path):
    async with running(tmp_path) as site:
        control = await control_of(site, {"database": {"ok": True}, "figures": FIGURES})
        answer = await site.get("/metrics")
        await control.cleanup()

    assert 200 == answer.status
    at = answer.body.decode().index("# TYPE holdfast_control_up gauge")
    assert [
        "# TYPE holdfast_control_up gauge",
        "holdfast_control_up 1",
        "# TYPE holdfast_database_up gauge",
        "holdfast_database_up 1",
        "# TYPE holdfast_reports_oldest_seconds gauge",
        "holdfast_reports_oldest_seconds 61.5",
        "# TYPE holdfast_reports_waiting gauge",
        "holdfast_reports_waiting 3",
        "# TYPE holdfast_sign_ins_total counter",
        'holdfast_sign_ins_total{outcome="failed"} 7',
        'holdfast_sign_ins_total{outcome="wrong-code"} 1',
    ] == answer.body.decode()[at:].splitlines()


@plays
async def test_without_control_the_metrics_of_installs_are_there_all_the_same(tmp_path):
    async with running(tmp_path) as site:
        dead = await site.get("/metrics")
        control = await control_of(site, ["what another release says"])
        odd = await site.get("/metrics")
        await control.cleanup()

    for answer in (dead, odd):
        assert 200 == answer.status
        assert answer.body.decode().endswith("# TYPE holdfast_control_up gauge\nholdfast_control_up 0\n")
        assert "holdfast_tree_loaded" in answer.body.decode()
