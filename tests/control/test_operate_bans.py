"""Bans, prohibited names and removal in the browser: the same decisions and rights as by command and API."""

import pytest
from browsers import Browser
from control.test_operate_pages import do, door, moderator, report, root, somebody  # noqa: F401 - fixtures
from doors import Door
from instances import Instance

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.projects.models import Project, Removal
from holdfast.core.model import format_time
from holdfast.tree.overrides import newest

PAGE = "/admin/bans/"
PROJECT = "/admin/projects/main/tool/"


def test_a_network_is_banned_from_everything_and_let_in_again(door: Door, root: Browser):  # noqa: F811
    done = do(root, PAGE, "ban", network="198.51.100.7/24", reason="A <flood>", days="30")
    (ban,) = newest(door.parts.store).bans
    do(root, PAGE, "lift", network=ban.network)

    assert (200, True) == (done.status, "A &lt;flood&gt;" in done.text)
    assert ("198.51.100.0/24", "root", 30) == (ban.network, ban.by, round((ban.until - ban.at).days))
    assert () == newest(door.parts.store).bans
    assert [("ban-network", {"reason": "A <flood>", "until": format_time(ban.until)}), ("lift-ban", {})] == list(
        AuditEvent.objects.filter(subject="198.51.100.0/24").values_list("action", "detail")
    )


def test_a_name_is_prohibited_and_permitted(door: Door, root: Browser):  # noqa: F811
    do(root, PAGE, "prohibit", pattern="acme-*", index="main", reason="ours")
    (name,) = newest(door.parts.store).prohibited
    shown = root.get(PAGE).text
    do(root, PAGE, "permit", pattern="acme-*", index="main")

    assert ("main", "acme-*", "ours") == (name.index, name.pattern, name.reason)
    assert "acme-" in shown
    assert () == newest(door.parts.store).prohibited


@pytest.mark.parametrize(
    ("deed", "fields", "status", "said"),
    [
        ("ban", {"network": "10.0.0.0/8", "reason": "x"}, 400, "too wide"),
        ("ban", {"network": "127.0.0.1", "reason": "x"}, 400, "this machine"),
        ("ban", {"network": "192.0.2.7", "reason": ""}, 400, "The field reason is empty"),
        ("ban", {"network": "192.0.2.7", "reason": "x", "days": "2"}, 400, "A ban ends after"),
        ("lift", {"network": "192.0.2.7"}, 404, "is not banned"),
        ("prohibit", {"pattern": "**", "reason": "x"}, 400, "neither a project name nor a pattern"),
        ("prohibit", {"pattern": "x", "reason": "x", "index": "nowhere"}, 400, "There is no index"),
        ("permit", {"pattern": "x", "index": "*"}, 404, "is not prohibited"),
    ],
)
def test_what_is_wrong_is_said_on_the_page(door: Door, root: Browser, deed, fields, status, said):  # noqa: F811
    answer = do(root, PAGE, deed, **fields)

    assert (status, True) == (answer.status, said in answer.text), answer.text
    assert ((), ()) == (newest(door.parts.store).bans, newest(door.parts.store).prohibited)


def test_bytes_are_taken_down_by_an_administrator_who_types_the_name(
    sqlite_instance: Instance,
    door: Door,  # noqa: F811
    root: Browser,  # noqa: F811
    moderator: Browser,  # noqa: F811
):
    sqlite_instance.upload("other", "1.0")
    ours, theirs = (Project.objects.get(name=name).files.get().sha256 for name in ("tool", "other"))
    facts = {"sha256": ours, "reason": "INC-7", "confirm": "tool"}

    refused = [
        do(root, PROJECT, "remove", **facts | {"confirm": "yes"}),
        do(root, PROJECT, "remove", **facts | {"sha256": theirs}),
        do(moderator, PROJECT, "remove", **facts),
    ]
    assert [400, 400, 403] == [answer.status for answer in refused]
    assert not Removal.objects.exists()
    assert "Take bytes down" not in moderator.get(PROJECT).text

    done = do(root, PROJECT, "remove", **facts, legal="on")

    assert "1 file is taken down for good" in done.text
    assert [(ours, "INC-7", True)] == list(Removal.objects.values_list("sha256", "reason", "legal"))


def test_a_report_s_verdict_may_be_removal_for_administrators(door: Door, root: Browser, moderator: Browser):  # noqa: F811
    made, page = report(), "/admin/moderation/"
    facts = {"report": str(made.pk), "verdict": "remove", "reason": "INC-7"}

    refused = [
        do(root, page, "judge", **facts),
        do(root, page, "judge", **facts, confirm="remove"),
        do(moderator, page, "judge", **facts, confirm="tool"),
    ]
    assert [400, 400, 403] == [answer.status for answer in refused]
    assert not Removal.objects.exists()

    do(root, page, "judge", **facts, confirm="tool")

    assert (1, "quarantined") == (Removal.objects.count(), Project.objects.get(name="tool").status)


def test_people_see_what_was_done_in_their_name_and_nothing_else(door: Door, root: Browser):  # noqa: F811
    alice = somebody(door, "alice")
    do(root, PROJECT, "quarantine", reason="looked into")

    hers = alice.get("/manage/history/").text
    older = alice.get("/manage/history/?before=1").text

    assert "publish-file" in hers.replace("<wbr>", "")
    assert "looked into" not in hers
    assert "Nothing yet" in older
