"""One upload from the spooled body to the published file.

taking.py holds the form to the rules and makes its bytes durable; what follows is one short transaction, then
publication. A crash anywhere leaves the whole file or an invisible orphan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from holdfast.config import IndexConfig
from holdfast.control import rights
from holdfast.control.accounts.actions import authenticate
from holdfast.control.accounts.actor import Actor
from holdfast.control.parts import Parts
from holdfast.control.projects.publishing import Published, publish_file
from holdfast.control.projects.rights import require_index
from holdfast.control.publication.transaction import publishing_refusal
from holdfast.control.uploads.hold import held
from holdfast.control.uploads.multipart import Form
from holdfast.control.uploads.names import upload_index
from holdfast.control.uploads.new_projects import count_new_project
from holdfast.control.uploads.rules import PROFILES
from holdfast.control.uploads.steps_form import DEAD_ACTIONS, asked_action
from holdfast.control.uploads.taking import Taken, examine_form, read_spooled_form, store_and
from holdfast.core.errors import Absent, Refused
from holdfast.core.tokens import credentials_from

log = structlog.get_logger()

PROVENANCE_STAYS = "The file's provenance stays as it was first published."


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What the front passed on of one POST."""

    index: str
    authorization: str | None = field(repr=False)
    query: Mapping[str, str]
    content_type: str
    spool: str  # file name inside the spool folder
    client: str  # address
    deadline: float  # monotonic seconds


@dataclass(frozen=True, slots=True)
class Received:
    """An upload that is published. `existing`: the same bytes had been there before."""

    filename: str
    landed: str  # the index, when it is another than the one that was addressed; else ""
    serial: int
    existing: bool
    is_held: bool
    warnings: tuple[str, ...]


class DeadAction(Exception):  # noqa: N818
    """An action of the old protocol that ended long ago (410)."""


def receive(parts: Parts, asked: UploadRequest) -> Received:
    """Take one upload. Raises Rejected, DeadAction, NotAccepted, or any Outcome; then nothing became visible."""
    actor = authenticated(parts, asked.authorization, asked.client, asked.deadline)
    parts.pause("authenticated")
    index = _index_for_upload(parts, asked.index, actor)
    if asked.query.get(":action") in DEAD_ACTIONS:
        raise DeadAction
    form = read_spooled_form(parts, asked.spool, asked.content_type)
    try:
        return _receive_form(parts, asked, index, actor, form)
    finally:
        if form.content is not None:
            form.content.path.unlink(missing_ok=True)


def authenticated(parts: Parts, authorization: str | None, client: str, deadline: float) -> Actor:
    """Who is asking. Raises Refused (401) without a token that is in force, TooMany (429), Unavailable."""
    text = credentials_from(authorization)
    if text:
        parts.refused_tokens.demand_room(parts.clock, client, text)
    actor = held(lambda: authenticate(text, parts.clock, client), parts.clock, deadline) if text else None
    if actor is None:
        if text:
            parts.refused_tokens.was_refused(parts.clock, client, text)
        said = "The token is unknown, revoked or expired" if text else "A token is needed"
        raise Refused(f"{said}: send one as the password, with any user name.", authenticate=True)
    parts.refused_tokens.was_good(actor.token)
    if actor.token and actor.credential == "token":
        parts.uses.note(actor.token, parts.clock.now())
    return actor


def _index_for_upload(parts: Parts, name: str, actor: Actor) -> IndexConfig:
    """The index that takes what is sent to index `name`: rights, filenames and layers are that one's."""
    asked = parts.config.index(name)
    if asked is None:
        raise Absent(f"there is no index {name}")
    index = upload_index(parts.config, asked)
    demand_uploads_on(parts, name, index.name)
    if refused := publishing_refusal(parts.switches, actor):
        raise refused
    where = "" if index is asked else f", which takes the uploads of index {name}"
    require_index(actor, rights.UPLOAD_FILE, index.name, where)
    return index


def demand_uploads_on(parts: Parts, *indexes: str) -> None:
    """Spare the client what would be refused in the end. Raises Refused while uploads to one of them are off."""
    for index in indexes:
        if refused := parts.switches.refusal("uploads", index):
            raise refused


def _receive_form(parts: Parts, asked: UploadRequest, index: IndexConfig, actor: Actor, form: Form) -> Received:
    if asked_action(form, asked.query) in DEAD_ACTIONS:
        raise DeadAction
    taken = examine_form(parts, index, actor, form, asked.query, asked.deadline)
    published = store_and(
        parts,
        index,
        taken,
        lambda new, deadline: publish_file(
            parts.publisher, index.name, new, actor, deadline=deadline, rules=PROFILES[index.rules].release
        ),
        lambda: count_new_project(
            parts.clock, index, taken.upload.distribution.name, actor, asked.client, taken.deadline
        ),
    )
    name = taken.upload.distribution.filename
    log.info("published %s", name, index=index.name, serial=published.serial, existing=published.existing)
    landed = "" if index.name == asked.index else index.name
    warnings = _warnings(taken, published)
    return Received(name, landed, published.serial, published.existing, published.is_held, warnings)


def _warnings(taken: Taken, published: Published) -> tuple[str, ...]:
    if taken.upload.attestations and published.existing:
        return (*taken.upload.warnings, PROVENANCE_STAYS)
    return (*taken.upload.warnings, *taken.notes)
