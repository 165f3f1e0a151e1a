"""The gate of a deploy against the live instance: what it says, what it leaves behind, and when it says no."""

import json

import pytest

from holdfast.drill.faults import Fault
from holdfast.drill.proxy import FaultProxy
from holdfast.drill.rig import Rig, fetch, free_port

KINDS = ["person", "narrow", "second-factor", "robot", "publisher"]
RUN = ("canary", "run", "--index", "vault", "--json")


@pytest.fixture(scope="module")
def first(live: Rig) -> dict[str, object]:
    """What a run says that has the credentials of a release before it, too."""
    live.wait_for_control()
    tokens = live.run("canary", "tokens", "--index", "vault").stdout
    return json.loads(live.run(*RUN, "--tokens", "-", stdin=tokens).stdout)


def test_every_kind_of_credential_publishes_whichever_release_made_it(first: dict[str, object]):
    checks = [(check["check"], check["ok"]) for check in first["checks"]]

    assert first["ok"] is True
    assert checks == [
        ("ready", True),
        *[(f"{kind}, release before", True) for kind in KINDS],
        *[(f"{kind}, this release", True) for kind in KINDS],
        ("other bytes under the same name", True),
        ("pip install", True),
    ]


def test_nothing_of_it_stays_where_people_look(first: dict[str, object], live: Rig):
    reader = live.run("token", "create", "looks", "--read-index", "vault").stdout.strip()
    seen = [live.get(path) for path in ("/", "/simple/", "/rss/updates.xml", "/search/?q=holdfast", "/indexes/")]
    own = fetch(f"{live.url}/vault/simple/", headers={"Authorization": f"Bearer {reader}"})

    assert [200] * 6 == [answer.status for answer in (*seen, own)]
    assert not [answer for answer in (*seen, own) if b"holdfast-canary" in answer.body]
    in_force = [line for line in live.run("token", "list").stdout.splitlines() if "revoked" not in line]
    assert not [line for line in in_force if "holdfast-canary" in line]


def test_a_release_that_sends_other_bytes_is_not_let_through(first: dict[str, object], live: Rig):
    """Exit code 1, and each check says which step it was and what to do."""
    with FaultProxy(live.url) as proxy:
        proxy.set(Fault(paths="*.whl", flip_bit_at=10))
        done = live.run(*RUN, "--url", proxy.url, check=False)

    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"]) == (1, False)
    wrong = [(check["check"], check["text"]) for check in said["checks"] if check["ok"] is False]
    assert wrong == [(f"{kind}, this release", "other bytes come back than were sent") for kind in KINDS]
    assert all("leave the traffic" in check["next_step"] for check in said["checks"] if check["ok"] is False)


def test_a_release_that_does_not_answer_is_not_let_through(first: dict[str, object], live: Rig):
    done = live.run(*RUN, "--url", f"http://127.0.0.1:{free_port()}", "--wait", "0.2", check=False)

    [check] = json.loads(done.stdout)["checks"]
    assert (done.returncode, check["check"], check["ok"]) == (1, "ready", False)


@pytest.mark.parametrize(
    "options", [("--index", "main"), ("--index", "nowhere"), ("--index", "vault", "--tokens", "/")]
)
def test_what_cannot_be_a_gate_is_said_before_anything_is_published(live: Rig, options: tuple[str, ...]):
    done = live.run("canary", "run", *options, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("holdfast: ")
