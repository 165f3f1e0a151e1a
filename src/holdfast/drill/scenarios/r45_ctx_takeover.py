"""An owner's mail domain lapses and is registered by somebody else: it resets no password, and installs go on.

Hours pass by writing earlier moments where the watch notes when it looked; it looks again when `work` starts.
"""

import json
import re
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.drill.clients import pip_install
from holdfast.drill.corpus import JSON_TYPE, Wheel, wheel
from holdfast.drill.resolver import Resolver
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.visitor import Visitor

INCIDENTS = ("r45-ctx-takeover",)
SLOW = True
OURS, THEIRS = ("ns1.hoster.example", "ns2.hoster.example"), ("ns1.elsewhere.example",)
LAPSED, OTHER = "lapsed.example", "other.example"
PASSWORD = "the right sentence of alice"  # noqa: S105 - of a scratch instance
HOME, THIEF = "198.51.100.20", "203.0.113.66"
LOOK_SECONDS_MAX = 60.0


def run(say: Say) -> None:
    with (
        Resolver(lapsed_example=OURS, other_example=OURS) as resolver,
        TemporaryDirectory(prefix="holdfast-drill-") as name,
    ):
        settings = {
            "HOLDFAST_DOMAIN_RESOLVERS": resolver.address,
            "HOLDFAST_MAIL_SERVERS": "smtp+plain://127.0.0.1:1",  # nobody listens: mails wait, and can be read
            "HOLDFAST_TRUSTED_PROXIES": "127.0.0.1",
        }
        with Rig(settings=settings) as rig:
            _play(rig, resolver, Path(name), say)


def _play(rig: Rig, resolver: Resolver, scratch: Path, say: Say) -> None:
    rig.wait_for_control()
    alice, token, pinned = _alice_and_bob_own_ctx(rig)
    _look(rig, resolver)
    assert _reset_links(rig, HOME), "while all is well, her address resets her password"
    say("the domain is well: a password can be reset through it")

    resolver.domains[LAPSED] = THEIRS
    _look(rig, resolver)
    assert _lost(rig) == [], "seen once is seen by mistake"
    _look(rig, resolver)
    wait_until(lambda: _lost(rig) == [f"alice@{LAPSED}"], LOOK_SECONDS_MAX, "her address is not believed any more")
    say("registered by somebody else, seen twice: the address is not confirmed any more")

    assert not _reset_links(rig, THIEF), "whoever reads mail for that domain was sent a link"
    mails = rig.run("mail", "list", "--show").stdout
    told = [part for part in re.split(r"\n(?=\d+  )", mails) if f"bob@{OTHER}" in part]
    assert any("main/ctx" in part and "alice" in part for part in told), mails
    say("a reset through it sends no link, and the other owner was told which projects that concerns")
    assert alice.is_signed_in() and _signs_in(rig).is_signed_in(), "she goes on with her password"

    requirements = scratch / "requirements.txt"
    requirements.write_text(f"ctx==1.0 --hash=sha256:{pinned.sha256}\n")
    done = pip_install(f"{rig.url}/simple/", str(requirements), scratch, "--require-hashes", "--requirement")
    assert done.returncode == 0, done.stderr
    say("pip install with a hash notices nothing")
    _names_stay_taken(rig, token, pinned, say)


def _alice_and_bob_own_ctx(rig: Rig) -> tuple[Visitor, str, Wheel]:
    """Her browser, her token, and what somebody pinned."""
    link = rig.run("user", "create", "alice", "--email", f"alice@{LAPSED}").stdout
    rig.run("user", "create", "bob", "--email", f"bob@{OTHER}")
    found = re.search(r"http://[^/]+(/\S+)", link)
    assert found, link
    alice = Visitor(rig.port, HOME)
    alice.get(found[1])
    alice.send(re.sub(r"-[^/]+/$", "-set-password/", found[1]), password1=PASSWORD, password2=PASSWORD)
    rig.run("org", "grant", "create", "--everybody")
    token = rig.run("token", "create", "hers", "--user", "alice").stdout.strip()
    pinned = wheel("ctx", "1.0")
    for made in (pinned, wheel("ctx", "1.1")):
        answer = rig.upload(made, token=token)
        assert answer.status == 200, answer.body[:300]
    rig.run("project", "role", "ctx", "bob", "owner")
    return _signs_in(rig), token, pinned


def _signs_in(rig: Rig) -> Visitor:
    visitor = Visitor(rig.port, HOME)
    visitor.get("/account/login/")
    visitor.send("/account/login/", login="alice", password=PASSWORD)
    return visitor


def _look(rig: Rig, resolver: Resolver) -> None:
    """Some hours later, the watch looks at the domain again."""
    with sqlite3.connect(rig.data / "holdfast.sqlite3", timeout=20) as connection:
        connection.execute("UPDATE domains_maildomain SET looked = '2020-01-01 00:00:00'")
    connection.close()
    before = resolver.asked[LAPSED]
    rig.wait_respawn("work", rig.kill("work"))
    wait_until(lambda: resolver.asked[LAPSED] > before, LOOK_SECONDS_MAX, "the domain is looked at")
    wait_until(lambda: _looked(rig), LOOK_SECONDS_MAX, "what was seen is written down")


def _looked(rig: Rig) -> bool:
    return not _rows(rig, "SELECT domain FROM domains_maildomain WHERE looked < '2021-01-01'")


def _lost(rig: Rig) -> list[str]:
    return _rows(rig, "SELECT email FROM domains_lostaddress")


def _rows(rig: Rig, query: str) -> list[str]:
    connection = sqlite3.connect(f"file:{rig.data}/holdfast.sqlite3?mode=ro", uri=True, timeout=20)
    try:
        return [str(row[0]) for row in connection.execute(query)]
    finally:
        connection.close()


def _reset_links(rig: Rig, address: str) -> list[str]:
    """The links that asking for a new password sends to alice's address."""
    before = set(_links(rig))
    visitor = Visitor(rig.port, address)
    visitor.get("/account/password/reset/")
    status, text = visitor.send("/account/password/reset/", email=f"alice@{LAPSED}")
    assert status == 200, (status, text[:500])
    return [link for link in _links(rig) if link not in before]


def _links(rig: Rig) -> list[str]:
    return re.findall(r"/account/password/reset/key/\S+", rig.run("mail", "list", "--show").stdout)


def _names_stay_taken(rig: Rig, token: str, pinned: Wheel, say: Say) -> None:
    """What a thief would do next, had one come in all the same."""
    rig.run("project", "delete", "ctx", "1.1", "--yes")
    again = rig.upload(wheel("ctx", "1.1", filler_bytes=10), token=token)
    assert again.status == 400, (again.status, again.body[:300])
    say("the filename of a deleted release takes no other bytes")
    rig.run("moderate", "quarantine", "ctx", "--reason", "Taken over by a stranger")
    path = f"/packages/{pinned.sha256[:2]}/{pinned.sha256[2:4]}/{pinned.sha256[4:]}/{pinned.filename}"
    wait_until(lambda: rig.get(path).status == 403, 60, "quarantine refuses its bytes")
    page = rig.get("/simple/ctx/", headers={"Accept": JSON_TYPE})
    assert (page.status, json.loads(page.body)["files"]) == (200, []), (page.status, page.body[:300])
    assert b"Taken over by a stranger" in page.body
    say("in quarantine its files are refused, and its page says why")
