"""The monitor that publishes and installs: what it finds is told everywhere, and nothing of it piles up."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from control.clocks import ForwardClock
from control.signing_in import signed_in
from doors import Door
from instances import Instance

from holdfast.config import IndexConfig
from holdfast.control import monitors
from holdfast.control.accounts.models import Token
from holdfast.control.canary_watch import NAME, CanaryWatch, run_probe
from holdfast.control.figures import figures_of_monitors
from holdfast.control.projects.models import File, FilenameBinding, Project, Release
from holdfast.control.publication.fsck import check
from holdfast.control.publication.upkeep import collect_orphans
from holdfast.control.switches.reminders import Reminders
from holdfast.core.errors import Unavailable
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import upload_form
from holdfast.tree.overrides import change
from holdfast.tree.switches import new_switch

HOUR = 3600.0


class Scene:
    """An instance whose canary is watched every quarter of an hour, by a client that uploads through its door."""

    def __init__(self, instance: Instance, **changes: Any) -> None:
        indexes = (*instance.config.indexes, IndexConfig("canary", private=True))
        config = replace(instance.config, indexes=indexes, canary_seconds=900, two_factor="optional", **changes)
        self.clock = ForwardClock()
        publisher = instance.another_publisher(clock=self.clock)
        self.instance = replace(instance, config=config)
        self.door = Door(self.instance, publisher=publisher, clock=self.clock)
        self.watch = CanaryWatch(config, publisher, instance.store, self.clock, self.probe)
        self.answers: list[int] = []
        self.found: list[dict[str, Any]] = [{"check": "pip install", "ok": True, "text": "1 project"}]

    def probe(self, order: Mapping[str, Any]) -> list[dict[str, Any]]:
        form = upload_form(wheel(order["project"], order["version"]))
        self.answers.append(self.door.upload(form, order["token"], f"/{order['index']}/legacy/").status)
        return self.found

    def look(self, after_seconds: float = 0.0) -> monitors.Result:
        self.clock.advance(after_seconds)
        self.watch.run()
        return monitors.results(self.instance.config)[NAME]


@pytest.fixture
def scene(sqlite_instance: Instance) -> Scene:
    return Scene(sqlite_instance)


def test_what_was_found_is_told_in_the_metrics_and_on_the_overview(scene: Scene) -> None:
    first = scene.look()
    scene.found = [{"check": "publish", "ok": False, "text": "the upload is answered 503: <away>"}]
    second = scene.look(900)
    figures = figures_of_monitors(scene.instance.config, scene.clock.now())
    page = signed_in(scene.door, "root", is_superuser=True).get("/admin/").text.replace("<wbr>", "")

    assert [(True, "1 project"), (False, "publish: the upload is answered 503: <away>")] == [
        (one.ok, one.text) for one in (first, second)
    ]
    assert (0.0, True) == (
        figures['holdfast_monitor_ok{monitor="canary.publish"}'],
        'holdfast_monitor_age_seconds{monitor="canary.publish"}' in figures,
    )
    assert "Monitor canary.publish" in page and "answered 503: &lt;away&gt;" in page


def test_nothing_of_it_piles_up(scene: Scene) -> None:
    """Rows, stored objects and tokens of days are those of an hour, and nothing is listed in between."""
    scene.look()
    for _ in range(10):
        assert True is scene.look(6 * HOUR).ok
        assert not File.objects.filter(deleted=None).exists()
        collect_orphans(scene.instance.store, scene.clock)

    assert [200] * 11 == scene.answers
    assert [1, 1, 1, 1] == [model.objects.count() for model in (Project, File, Release, FilenameBinding)]
    assert 2 >= Token.objects.count()
    keys = [
        found.key for found in scene.instance.store.list("") if "/file/" in found.key or found.key.startswith("blobs/")
    ]
    assert 3 >= len(keys), keys  # of one file: bytes, metadata, card
    said: list[str] = []
    assert 0 == check(scene.instance.config, repair=False, deep=True, say=said.append).findings, said


def test_what_an_operator_switched_off_is_no_failure(scene: Scene) -> None:
    now = scene.clock.now()
    facts = {"scope": "*", "status_url": "", "banner": None, "until": None, "by": "oper", "now": now}
    made = new_switch("uploads", reason="a flood", **facts)
    change(
        scene.instance.store, lambda old: msgspec.structs.replace(old, switches=(made,)), by="oper", what="", now=now
    )  # fmt: skip

    result = scene.look(1)

    assert (None, "Uploading is switched off: a flood.", []) == (result.ok, result.text, scene.answers)
    assert 'holdfast_monitor_ok{monitor="canary.publish"}' not in figures_of_monitors(scene.instance.config, now)


def test_without_its_index_it_says_what_is_missing(sqlite_instance: Instance) -> None:
    scene = Scene(sqlite_instance)
    public = replace(scene.instance.config, indexes=(IndexConfig("main"), IndexConfig("canary")))
    scene.watch = CanaryWatch(public, scene.door.parts.publisher, sqlite_instance.store, scene.clock, scene.probe)

    result = scene.look()

    assert (False, True, []) == (result.ok, "no private index 'canary'" in result.text, scene.answers)


def test_administrators_are_reminded_once_when_it_fails_twice_running(scene: Scene) -> None:
    reminders = Reminders(scene.door.parts.publisher, scene.instance.config)
    scene.found = [{"check": "pip install", "ok": False, "text": "no matching distribution"}]

    told = []
    for _ in range(3):
        scene.look(901)
        told.append(reminders.remind())

    assert [0, 1, 0] == told


def test_a_client_that_says_nothing_is_told_as_unavailable(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that cannot be read end the client at once."""
    import threading

    monkeypatch.setenv("HOLDFAST_LISTEN", "nowhere")

    with pytest.raises(Unavailable, match="said nothing"):
        run_probe({"token": "x"}, threading.Event())
