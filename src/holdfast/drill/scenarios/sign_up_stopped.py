"""More reports than moderators: sign-up is stopped and says why, everybody who has an account goes on as before.

A switch ends by itself when nobody extends it, and only a person extends it. What is reported is judged and hidden
within a second, and comes back as it was.
"""

import json

from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig, fetch, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish

INCIDENTS = ("r19-reg-suspended-b", "r20-reg-suspended-a", "r26-reg-project-2023")
SLOW = True  # it waits for a switch to end
URL = "https://status.example/8"
SHORT = "10s"  # longer than a command takes on a busy machine


def run(say: Say) -> None:
    with Rig(settings={"HOLDFAST_SIGN_UP": "open"}) as rig:
        publish(rig, "known", "1.0")
        rig.run("switch", "off", "sign-up", "--reason", "more reports than moderators", "--status-url", URL)
        wait_until(lambda: b"more reports than moderators" in rig.get("/account/signup/").body, 5, "sign-up explained")
        page = rig.get("/account/signup/").body
        assert URL.encode() in page and b"<form" not in page.partition(b"<main")[2], page[-3000:]
        say("the sign-up page explains, links the status, and has no form")

        publish(rig, "known", "1.1")
        publish(rig, "fresh", "1.0")
        assert rig.get("/account/login/").status == 200
        say("tokens publish, new projects included, and people sign in")

        rig.run("switch", "off", "uploads", "--reason", "a short one", "--for", SHORT)
        wait_until(lambda: rig.upload(wheel("known", "2.0")).status == 403, 5, "uploads refused")
        wait_until(lambda: rig.upload(wheel("known", "2.0")).status == 200, 20, "uploads on again by themselves")
        late = rig.run("switch", "extend", "uploads", check=False)
        assert late.returncode == 1 and "not switched off" in late.stderr, late
        rig.run("switch", "extend", "sign-up", "--for", "48h")
        say("a switch nobody extended ended by itself; a person extended the other")

        _reported(rig)
        say("a report was judged, the project hidden within a second and released again; the audit trail is whole")
        assert "BROKEN" not in rig.run("audit", "verify").stderr


def _reported(rig: Rig) -> None:
    """Report a project by API and judge it by command."""
    body = json.dumps({"kind": "malware", "text": "it sends tokens away"}).encode()
    headers = {"Authorization": f"Bearer {rig.token()}", "Content-Type": "application/json"}
    made = fetch(f"{rig.url}/api/projects/main/fresh/reports", data=body, headers=headers)
    assert made.status == 201, (made.status, made.body)
    report = str(json.loads(made.body)["id"])
    assert "fresh" in rig.run("moderate", "queue").stdout
    rig.run("moderate", "judge", report, "quarantine", "--reason", "INC-9")
    wait_until(lambda: _status(rig) == "quarantined", 1.0, "the project hidden within a second")
    rig.run("moderate", "release", "fresh")
    wait_until(lambda: _status(rig) == "active", 1.0, "the project back within a second")


def _status(rig: Rig) -> str:
    page = rig.get("/simple/fresh/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    return str(json.loads(page.body).get("project-status", {}).get("status", "active"))
