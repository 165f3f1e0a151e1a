"""An instance whose control wrote a private index, and a read plane over its tree: what strangers may not learn of.

Made once for many questions. `hushhush` is in the private index `team` alone, `open-tool` in the public `main`; `both`
is private, too, with `team` under it. Everything of the private one has a word in it that no public answer may have.
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attested
import wheels
from asgi import Answer, AsgiClient
from doors import Door
from instances import UPLOADER, Instance, Scopes, new_instance, operator, soon
from read.catalogued import cataloguer
from read.site import Breakable, HelperHere
from rights_world import BANNED, publishers_token

from holdfast.clock import ManualClock, SystemClock
from holdfast.config import DEFAULT_INDEX, IndexConfig, ProviderConfig
from holdfast.control.accounts.actions import create_token, revoke_token
from holdfast.control.accounts.models import User
from holdfast.control.moderation import deciding
from holdfast.control.organisations.models import Holding, Organisation
from holdfast.control.people_pages import PeoplePages
from holdfast.control.projects.models import Project
from holdfast.control.publishers.models import Publisher
from holdfast.core import tokens
from holdfast.front.asgi import AsgiApp
from holdfast.front.peers import TrustedProxies
from holdfast.read.app import ReadPlane
from holdfast.tree import hint
from holdfast.tree.bans import new_ban
from holdfast.wire.messages import Request, Response

SECRET, OPEN = "hushhush", "open-tool"
VERSION, STAGED = "7.31.7", "7.31.8"
GHOST, GUILD = "ghostwriter", "hushguild"  # a person and an organisation with nothing but the private project
SUMMARY = "whisperedsummary"
PAUSE_SECONDS = 0.1  # between two questions: many are asked, and nobody is to be told to come again later
WORDS = (SECRET, VERSION, STAGED, GHOST, GUILD, SUMMARY, "whisperedtext")
TEAM = Scopes(("team",), ("team",), (), True)
SENT = "Basic " + b64encode(b"alice:correct horse battery staple").decode()  # an account's name and password


@dataclass
class PrivateSite:
    """The plane, a client of it, everybody's credentials, and what stands for the parts of an address."""

    door: Door
    clock: ManualClock
    store: Breakable
    plane: ReadPlane
    client: AsgiClient
    runner: asyncio.Runner
    credentials: dict[str, dict[str, str]]
    facts: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        self.clock.advance(PAUSE_SECONDS)
        return self.runner.run(self.client.request(method, target, headers))

    def close(self) -> None:
        self.runner.run(self.plane.stop())
        self.runner.close()


def private_site(folder: Path) -> PrivateSite:
    """All of it, made and read."""
    instance = _with_indexes(new_instance(folder))
    door = Door(instance)
    facts = _publish(door)
    _write_pages(instance)
    credentials = _credentials(door)
    runner, clock = asyncio.Runner(), ManualClock(datetime.now(UTC))
    store = Breakable(instance.config.store_folder)
    plane = ReadPlane(
        instance.config,
        store,
        clock,
        hint.HeadHint(instance.config.head_hint),
        _control,
        pages_helper=HelperHere(),
    )
    runner.run(plane.start())
    client = AsgiClient(AsgiApp(plane, proxies=TrustedProxies(("192.0.2.1",))))
    return PrivateSite(door, clock, store, plane, client, runner, credentials, facts)


def _with_indexes(made: Instance) -> Instance:
    indexes = (IndexConfig("main"), IndexConfig("team", private=True))
    layered = (*indexes, IndexConfig("both", private=True, layers=("team",)))
    config = replace(made.config, indexes=layered, providers=(ProviderConfig("ci", "https://issuer.example"),))
    for needed in (config.run_folder, config.spool_folder, config.log_folder):
        needed.mkdir(exist_ok=True)
    return replace(made, config=config)


def _publish(door: Door) -> dict[str, str]:
    ghost = door.token(GHOST, TEAM)
    told = {"Summary": SUMMARY, "Author": GHOST, "Classifier": "Topic :: Internet"}
    made = wheels.wheel(SECRET, VERSION, metadata=told, description="whisperedtext")
    signed = attested.field(attested.attestation(*made))
    assert door.upload(wheels.twine_body(*made, attestations=signed), ghost, "/team/legacy/").status == 200
    opened = wheels.wheel(OPEN, "1.0", metadata={"Summary": "open", "Classifier": "Topic :: Internet"})
    assert door.upload(wheels.twine_body(*opened), door.token()).status == 200
    session = door.api("POST", "sessions/team", ghost, {"name": SECRET, "version": STAGED}).json()["session"]
    staged = wheels.wheel(SECRET, STAGED, metadata=told)
    sent = door.upload(wheels.twine_body(*staged), ghost, f"/api/sessions/team/{session}/files")
    assert sent.status == 200, sent.text
    preview = door.api("GET", f"sessions/team/{session}", ghost).json()["links"]["preview"]
    project = Project.objects.get(index="team", name=SECRET)
    guild = Organisation.objects.create(name=GUILD, display=GUILD, created=datetime.now(UTC))
    Holding.objects.create(project=project, organisation=guild)
    row = door.instance.reader().record(door.instance.reader().find("team", SECRET))
    digest = row.files[0].sha256
    return {
        "raw": SECRET,
        "version": VERSION,
        "filename": made[0],
        "first": digest[:2],
        "second": digest[2:4],
        "rest": digest[4:],
        "project": SECRET,
        "preview": preview.split("/@preview/")[1].split("/")[0],
    }


def _write_pages(instance: Instance) -> None:
    """What `work` writes behind: who is who, and the catalogues."""
    PeoplePages(instance.config, instance.store, SystemClock()).write_when_changed()

    class Here:  # as much of a site as a cataloguer looks at
        config, store, clock = instance.config, instance.store, SystemClock()

    cataloguer(Here()).write_when_changed()  # type: ignore[arg-type]


def _credentials(door: Door) -> dict[str, dict[str, str]]:
    """The headers of everybody who asks."""
    publisher, now = door.instance.publisher, datetime.now(UTC)

    def token(user: str, scopes: Scopes, expires: datetime | None = None) -> str:
        return create_token(publisher, "t", user, scopes, expires, operator(), deadline=soon()).text

    revoked = token("alice", Scopes(("*",)))
    revoke_token(publisher, revoked.split("_")[1], operator(), deadline=soon())
    User.objects.get_or_create(username="robot", defaults={"is_robot": True})
    deciding.ban(door.instance.store, new_ban(BANNED, "a flood", now + timedelta(hours=1), "operator", now, ()))
    reader = token("carol", Scopes(("team",)))
    held = {
        "nonsense": "nonsense",
        "unknown": tokens.mint().text,
        "wrong-secret": _other_secret(reader),
        "expired": token("alice", Scopes(("*",)), datetime(2020, 1, 1, tzinfo=UTC)),
        "revoked": revoked,
        "publisher": publishers_token(_workflow(door)),
        "other-index": token("alice", Scopes(("main",))),
        "other-project": token("alice", Scopes((), (), ("main/elsewhere",))),
        "upload-only": token(GHOST, Scopes((), ("team",), (), True)),
        "own-project": token(GHOST, Scopes((), (), (f"team/{SECRET}",))),
        "no-scope-admin": token("root", replace(UPLOADER, read=(), admin=True)),
        "reader": reader,
        "robot": token("robot", Scopes(("team",))),
        "every-index": token("root", Scopes(("*",))),
        "over-reader": token("dora", Scopes(("both",))),
    }
    found = {who: {"authorization": f"Bearer {text}"} for who, text in held.items()}
    found |= {"anonymous": {}, "password": {"authorization": SENT}}
    found["cookie"] = {"cookie": "holdfast=" + "a" * 32 + "; holdfast_me=1"}
    address = BANNED.replace(".0/24", ".7")
    found["banned"] = {"x-forwarded-for": address}
    found["banned-reader"] = {"x-forwarded-for": address} | found["reader"]
    return found


def _workflow(door: Door) -> Publisher:
    project = Project.objects.get(index="team", name=SECRET)
    facts = {"provider": "ci", "lookup": "x", "created_by": GHOST, "created": datetime.now(UTC)}
    return Publisher.objects.create(
        index="team", name=SECRET, project=project, identity="x", by_operator=False, **facts
    )


def _other_secret(text: str) -> str:
    """A token of the right form and id whose secret is another one."""
    body = text.rpartition("_")[0]
    body = body[:-1] + ("b" if body[-1] == "a" else "a")
    return f"{body}_{tokens.checksum(body)}"


async def _control(request: Request, *, page: bool = False) -> Response:
    return Response(200, [], b"forwarded")


def path_in(index: str, path: str) -> str:
    """The address of a path below an index's root."""
    return f"/{path}" if index == DEFAULT_INDEX else f"/{index}/{path}"
