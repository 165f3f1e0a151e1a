"""Operators are told of what is easily forgotten: once for each occasion, in the log and by mail, whatever restarts."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from allauth.account.models import EmailAddress
from control.clocks import ForwardClock
from instances import OPERATOR, Actor, Instance, Scopes, soon

from holdfast.clock import Clock
from holdfast.config import IndexConfig
from holdfast.control.accounts.models import User
from holdfast.control.database import close_connection
from holdfast.control.figures import figures_of_process, figures_of_rows
from holdfast.control.mail.models import Mail
from holdfast.control.moderation.models import Observer
from holdfast.control.moderation.reports import report_project
from holdfast.control.moderation.verdicts import quarantine_project
from holdfast.control.switches.reminders import Reminders, switch_occasions
from holdfast.core.errors import Unavailable
from holdfast.tree.overrides import change
from holdfast.tree.switches import CAPABILITIES, new_switch

DAY = 86_400.0
PUBLIC = IndexConfig("main", rules="public")
SCOPES = {"site": "*", "project": "main/acme-*", "issuer": "https://issuer.example"}


class Scene:
    """Root, an administrator, and Max, a moderator, who can be mailed; and a clock that can be set forward."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.clock = ForwardClock()
        self.publisher = instance.another_publisher(clock=self.clock)
        for name, facts in (("root", {"is_superuser": True}), ("max", {"is_staff": True}), ("eve", {})):
            user = User.objects.create(username=name, **facts)
            EmailAddress.objects.create(user=user, email=f"{name}@example.org", verified=True, primary=True)

    def again(self) -> Reminders:
        """As after a restart, or on another machine."""
        return Reminders(self.publisher, self.instance.config)

    def mails(self) -> list[tuple[str, str]]:
        rows = list(Mail.objects.order_by("pk").values_list("to", "subject"))
        Mail.objects.all().delete()
        return rows

    def switch_off(self, capability: str, hours: int) -> None:
        now = self.clock.now()
        until = now + timedelta(hours=hours)
        made = new_switch(
            capability, scope="*", reason="a flood", status_url="", banner=None, until=until, by="root", now=now
        )
        change(
            self.instance.store, lambda old: msgspec.structs.replace(old, switches=(made,)), by="root", what="", now=now
        )


def advance(clock: Clock, seconds: float) -> None:
    assert isinstance(clock, ForwardClock)
    clock.advance(seconds)


def test_a_switch_is_told_each_day_and_an_hour_before_its_end_and_once_by_mail(instance: Instance):
    """r15, r26: a suspension is neither forgotten, nor does it end without anybody having been told."""
    scene = Scene(instance)
    scene.switch_off("sign-up", 72)
    reminders = scene.again()

    counts = []
    for _ in range(12 * 6):
        counts.append(reminders.remind())
        advance(scene.clock, 3600 + 1)

    told = {hour: count for hour, count in enumerate(counts) if count}
    assert {24: 1, 48: 1, 71: 1} == told
    assert [
        ("root@example.org", f"sign-up has been switched off for 24 hours at {scene_host(instance)}"),
        ("root@example.org", f"sign-up has been switched off for 48 hours at {scene_host(instance)}"),
        ("root@example.org", f"the kill switch of sign-up is about to end at {scene_host(instance)}"),
    ] == scene.mails()


@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize("is_scoped", [False, True])
def test_every_switch_is_told_as_long_in_force_and_as_about_to_end(capability: str, is_scoped: bool):
    """And how to end or extend just this one."""
    scope = SCOPES[CAPABILITIES[capability].scopes] if is_scoped else "*"
    at = datetime(2026, 1, 1, tzinfo=UTC)
    facts = {"scope": scope, "reason": "a flood", "status_url": "", "banner": None, "by": "root"}
    made = new_switch(capability, **facts, until=at + timedelta(hours=72), now=at)
    name = capability if scope == "*" else f"{capability} --scope {scope}"

    told = {hour: list(switch_occasions(made, at + timedelta(hours=hour))) for hour in (1, 25, 71)}

    assert [] == told[1]
    assert [f"holdfast switch on {name}, when its reason is gone"] == [one.step for one in told[25]]
    assert [f"holdfast switch extend {name}, or let it end"] == [one.step for one in told[71][1:]]
    assert all("a flood" in one.sentence and "/admin/switches/" == one.path for one in (*told[25], *told[71]))
    assert not made.is_in_force(at + timedelta(hours=72)) and made.is_in_force(at + timedelta(hours=71))


def test_a_restart_and_another_machine_mail_nothing_twice(instance: Instance):
    scene = Scene(instance)
    scene.switch_off("uploads", 72)
    advance(scene.clock, DAY + 60)

    counts = [scene.again().remind() for _ in range(3)]

    assert [1, 1, 1] == counts  # each logs for itself
    assert 1 == len(scene.mails())


def test_reports_that_wait_are_told_to_moderators_once_a_day(sqlite_instance: Instance):
    scene, publisher = Scene(sqlite_instance), sqlite_instance.publisher
    sqlite_instance.upload("bad", "1.0")
    eve = Actor("eve", Scopes(), credential="session")
    report_project(publisher, PUBLIC, "bad", "malware", "it sends tokens away", eve, deadline=soon())
    reminders = scene.again()

    counts = [reminders.remind()]
    advance(scene.clock, 2 * 3600)
    counts += [reminders.remind(), reminders.remind()]
    figures = figures_of_rows(scene.clock.now())

    assert [0, 1, 0] == counts
    assert {"root@example.org", "max@example.org"} == {to for to, _ in scene.mails()}
    assert (1, True) == (
        figures["holdfast_reports_waiting"],
        7200 <= figures["holdfast_reports_oldest_seconds"] < 7300,
    )


def test_a_quarantine_that_no_person_decided_is_told_each_day_until_one_does(sqlite_instance: Instance):
    scene, publisher = Scene(sqlite_instance), sqlite_instance.publisher
    sqlite_instance.upload("bad", "1.0")
    Observer.objects.create(user=User.objects.get(username="eve"), created=scene.clock.now(), added_by="root")
    eve = Actor("eve", Scopes(), credential="session")
    assert report_project(publisher, PUBLIC, "bad", "malware", "x", eve, deadline=soon()).quarantined
    reminders = scene.again()

    advance(scene.clock, DAY + 60)
    first = reminders.remind()
    advance(scene.clock, DAY)
    second = reminders.remind()
    figures = figures_of_rows(scene.clock.now())
    quarantine_project(scene.publisher, "main", "bad", "INC-7", OPERATOR, deadline=soon(60))
    advance(scene.clock, DAY)
    after = [subject for _, subject in scene.mails() if "quarantine" in subject]
    reminders.remind()
    decided = [subject for _, subject in scene.mails() if "quarantine" in subject]

    assert (2, 2) == (first, second)  # with the report that waits
    assert 4 == len(after)  # two days, two people
    assert [] == decided
    assert (1, True) == (
        figures["holdfast_quarantined_projects"],
        figures["holdfast_quarantine_oldest_seconds"] > 2 * DAY,
    )


def test_with_the_database_gone_switches_are_told_in_the_log(sqlite_instance: Instance, tmp_path):
    scene = Scene(sqlite_instance)
    scene.switch_off("uploads", 72)
    advance(scene.clock, DAY + 60)
    reminders = scene.again()
    close_connection()
    aside = sqlite_instance.config.sqlite_file.rename(tmp_path / "aside")

    for _ in range(2):
        with pytest.raises(Unavailable):
            reminders.remind()
    aside.rename(sqlite_instance.config.sqlite_file)

    assert 0 == reminders.remind()  # it was logged
    assert 1 == len(scene.mails())


def test_what_operators_decisions_refuse_is_counted(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    scene.switch_off("uploads", 72)
    switches = sqlite_instance.another_publisher().switches

    for _ in range(3):
        assert switches.refusal("uploads", "main", "demo") is not None

    assert 3 == figures_of_process(switches)['holdfast_refused_total{by="uploads"}']


def scene_host(instance: Instance) -> str:
    return instance.config.base_url.partition("://")[2]
