"""Health is told within a second, whatever the database does; and the waiting room that keeps a thread for it."""

import threading
from pathlib import Path

from doors import Door
from hanging import Hang
from instances import Instance

from holdfast.control.database import close_connection
from holdfast.control.health import HealthCheck
from holdfast.control.parts import Parts
from holdfast.control.publication.models import Event
from holdfast.control.publication.models import Instance as InstanceRow
from holdfast.control.threads import WaitingRoom, threads_for


def test_a_sound_instance_says_so(instance: Instance):
    door = Door(instance)
    door.token()

    answer = door.request("GET", "/-/health")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    figures = document.pop("figures")
    assert 0 == figures["holdfast_reports_waiting"] == figures["holdfast_mails_waiting"]
    outcomes = ("succeeded", "failed", "limited", "wrong-code", "busy")
    assert {f'holdfast_sign_ins_total{{outcome="{one}"}}' for one in outcomes} <= set(figures)
    assert document == {
        "database": {"ok": True, "reason": ""},
        "writes": {"ok": True, "reason": ""},
        "publication": {"newest": 1, "published": 1, "lag": 0},
    }


def test_what_waits_for_publication_and_why_nothing_may_be_written_is_told(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    door.token()
    door.token()
    Event.objects.filter(serial=2).update(published=None)
    InstanceRow.objects.update(halted="two databases write to one tree")

    answer = door.request("GET", "/-/health").json()

    assert answer["database"] == {"ok": True, "reason": ""}
    assert answer["writes"] == {"ok": False, "reason": "writing is stopped: two databases write to one tree"}
    assert answer["publication"] == {"newest": 2, "published": 1, "lag": 1}


def test_a_database_that_is_gone_is_named(sqlite_instance: Instance, tmp_path: Path):
    close_connection()
    sqlite_instance.config.sqlite_file.rename(tmp_path / "aside")

    answer = Door(sqlite_instance).request("GET", "/-/health").json()

    assert answer["database"]["ok"] is False
    assert "holdfast restore" in answer["database"]["reason"]
    assert answer["writes"]["ok"] is False
    assert answer["publication"]["lag"] is None


def test_a_database_that_hangs_is_told_in_time_and_asked_once(sqlite_instance: Instance):
    hang, asked = Hang(), []
    parts = Door(sqlite_instance).parts

    def hanging() -> Parts:
        asked.append(1)
        hang.wait()
        return parts

    check = HealthCheck()
    first = check.ask(hanging, 0.2)
    second = check.ask(hanging, 0.2)
    hang.end()

    assert not hang.was_waited_out
    assert first.database == "the database does not answer within 0.2 s"
    assert second.database == "the database has not answered an earlier question yet"
    assert len(asked) == 1


def test_beyond_the_waiting_room_a_request_is_turned_away_and_a_seat_comes_free():
    room = WaitingRoom(1, 1)
    entered = threading.Event()
    assert room.enter()

    waiting = threading.Thread(target=lambda: (room.enter(), entered.set()))
    waiting.start()
    while room.taken() < 2:
        threading.Event().wait(0.001)
    turned_away = room.enter()
    room.leave()
    waiting.join(10)

    assert turned_away is False
    assert entered.is_set()
    assert threads_for(8) > 8 + 32
