"""Kill switches as a front knows them: a metric, a banner for pages, and nothing on the way of an install."""

from datetime import timedelta

import msgspec
from read.plays import plays
from read.site import running

from holdfast.clock import ManualClock
from holdfast.tree.overrides import change
from holdfast.tree.switches import CAPABILITIES, new_switch


@plays
async def test_what_is_off_is_told_by_a_metric_and_a_banner_and_installs_go_on(tmp_path):
    clock = ManualClock()
    async with running(tmp_path, clock) as site:
        site.publish("demo", site.wheel("demo"))
        for capability in CAPABILITIES:
            made = new_switch(
                capability,
                scope="*",
                reason="a flood",
                status_url="",
                banner=None if capability == "sign-up" else "",
                until=clock.now() + timedelta(hours=24),
                by="alice",
                now=clock.now(),
            )
            change(
                site.store,
                lambda old, made=made: msgspec.structs.replace(old, switches=(*old.switches, made)),
                by="alice",
                what="off",
                now=clock.now(),
            )
        clock.advance(90)
        site.plane.policies.look()

        metrics = (await site.get("/metrics")).body.decode()
        page = await site.get("/simple/demo/")
        banners = site.plane.policies.banners()
        clock.advance(86_400)
        later = (await site.get("/metrics")).body.decode()

    for capability in CAPABILITIES:
        assert f'\nholdfast_switch_in_force{{capability="{capability}"}} 90\n' in metrics
        assert f'\nholdfast_switch_in_force{{capability="{capability}"}} 0\n' in later
    assert 200 == page.status
    assert ("Creating accounts is switched off until 2026-01-02 00:00 UTC: a flood.",) == banners
    assert () == site.plane.policies.banners()
