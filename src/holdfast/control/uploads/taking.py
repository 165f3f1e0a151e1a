"""Examining an uploaded form and storing its bytes, in the order that survives a crash: uploads and staging share it.

Bytes before facts: an intent row, the bytes durable in the store, then the caller's one short transaction. No lock and
no transaction is held across I/O.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import structlog

from holdfast.config import IndexConfig
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard
from holdfast.control.parts import Parts
from holdfast.control.projects import intents
from holdfast.control.projects.lookup import project_row
from holdfast.control.projects.models import Project
from holdfast.control.projects.publishing import (
    NewFile,
    bound_digest,
    is_new_project,
    removal_of,
    require_place_for,
)
from holdfast.control.projects.rights import has_people, require_uploader
from holdfast.control.publication.transaction import NotYetPublished
from holdfast.control.publishers.attesting import NOT_MATCHED, signed_by_publisher
from holdfast.control.retention.quotas import Sighting
from holdfast.control.spool import require_spooled, spool_trouble, spooled_body
from holdfast.control.uploads.hold import held, with_last_try
from holdfast.control.uploads.multipart import Form, read_form
from holdfast.control.uploads.names import require_free_name
from holdfast.control.uploads.new_names import new_name_problems
from holdfast.control.uploads.pipeline import Upload, judge
from holdfast.control.uploads.rules import PROFILES, Profile
from holdfast.core.attestations import provenance_document
from holdfast.core.errors import Unavailable
from holdfast.core.form_cut import read_reference
from holdfast.core.multipart import MalformedForm
from holdfast.core.names import is_project_name, normalize
from holdfast.core.release_rules import ReleaseRules
from holdfast.core.upload_problems import Problem, problem
from holdfast.tree import addresses

T = TypeVar("T")

log = structlog.get_logger()

TAKEN_DOWN = "taken down"  # no digest is that
NOT_VERIFIED = "The attestations are kept and served, but not verified: this index has no trust root."


class Rejected(Exception):  # noqa: N818 - the uploader's answer, not a defect
    """The upload breaks rules. Nothing was stored."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(p.sentence() for p in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Taken:
    """A form that passed every rule. `deadline` leaves time for one honest try (monotonic seconds)."""

    upload: Upload
    provenance: bytes  # the document of its attestations, b"" for none
    deadline: float
    notes: tuple[str, ...] = ()  # what the uploader should know of them, sentences


def read_spooled_form(parts: Parts, spool: str, content_type: str) -> Form:
    """The form in the spooled body; its content is a file the caller deletes. Raises Rejected, Unavailable."""
    folder = parts.config.spool_folder
    name, cut = read_reference(spool)
    try:
        if cut is not None:
            require_spooled(folder, cut.name, cut.digests.size)
        with spooled_body(folder, name) as body:
            return read_form(body, content_type, folder, cut=cut)
    except MalformedForm as error:
        raise Rejected((problem("form", "", str(error).rstrip("."), "Use a current upload tool."),)) from error
    except OSError as error:
        raise spool_trouble(error) from error


def examine_form(
    parts: Parts, index: IndexConfig, actor: Actor, form: Form, query: Mapping[str, str], deadline: float
) -> Taken:
    """Hold a form to rights and rules. Raises Rejected with all problems, Refused, Unavailable; nothing was stored."""
    profile = profile_of(parts, index)
    said = normalize(form.one("name")) if is_project_name(form.one("name")) else ""
    found = find_for_upload(parts, index, said, actor, deadline) if said else None  # rights before anything of the file
    try:
        judged = judge(form, query, profile, parts.ahead.known)
    except OSError as error:
        raise spool_trouble(error) from error
    if judged.upload is None:
        named = new_name_problems(parts, index, said, actor, deadline) if said else ()
        raise Rejected((*judged.problems, *named))
    upload = judged.upload
    parts.pause("judged")
    deadline = with_last_try(deadline, parts.clock, parts.config.hold_seconds)
    name = upload.distribution.name
    if found is None or name != said:
        found = find_for_upload(parts, index, name, actor, deadline)
    _require_free(parts, index, name, found, actor, deadline)
    provenance, notes = _provenance(parts, upload, actor)
    return Taken(upload, provenance, deadline, notes)


def require_usable_name(parts: Parts, index: IndexConfig, name: str, actor: Actor, deadline: float) -> None:
    """The actor may upload to that project, or create it. Raises Rejected, Refused, Unavailable."""
    _require_free(parts, index, name, find_for_upload(parts, index, name, actor, deadline), actor, deadline)


def _require_free(
    parts: Parts, index: IndexConfig, name: str, project: Project | None, actor: Actor, deadline: float
) -> None:
    if project is None or not project.owned:
        if named := new_name_problems(parts, index, name, actor, deadline):
            raise Rejected(named)
        require_free_name(parts, index, name, deadline)


def profile_of(parts: Parts, index: IndexConfig) -> Profile:
    """The rules, with this instance's own bound on a file: the front bounds the whole request and may be another's."""
    profile = PROFILES[index.rules]
    return replace(profile, file_bytes_max=min(profile.file_bytes_max, parts.config.upload_bytes_max))


def find_for_upload(parts: Parts, index: IndexConfig, name: str, actor: Actor, deadline: float) -> Project | None:
    """The project, None when it is new. Raises Refused, Unavailable. The action checks again in its transaction."""

    def look() -> tuple[Project | None, bool]:
        with database_guard():
            project = project_row(index.name, name)
            is_peopled = project is not None and has_people(project)
            require_uploader(actor, index.name, name, project, is_peopled)
            return project, is_new_project(project, is_peopled)

    project, is_new = held(look, parts.clock, deadline)
    for capability in ("uploads", "new-projects") if is_new else ("uploads",):
        if refused := parts.switches.refusal(capability, index.name, name):
            raise refused
    if is_new and not actor.is_admin and (refused := parts.switches.prohibition(index.name, name)):
        raise refused
    return project


def _provenance(parts: Parts, upload: Upload, actor: Actor) -> tuple[bytes, tuple[str, ...]]:
    """The provenance document of what was sent, b"" for none, and notes. Raises Rejected, Unavailable."""
    if not upload.attestations:
        return b"", ()
    signed, problems = parts.attestations.examine(upload.attestations)
    if problems:
        raise Rejected(problems)
    if not parts.attestations.verifies:
        return provenance_document(signed), (NOT_VERIFIED,)
    if actor.identity is None:
        return provenance_document(signed), ()
    signed, problems, is_matched = signed_by_publisher(signed, actor.identity)
    if problems:
        raise Rejected(problems)
    return provenance_document(signed), () if is_matched else (NOT_MATCHED,)


def store_and(
    parts: Parts,
    index: IndexConfig,
    taken: Taken,
    act: Callable[[NewFile, float], T],
    before: Callable[[], object] | None = None,
) -> T:
    """Store the bytes, then `act` until a deadline: one transaction that needs them. Raises what it does, Unavailable.

    `before` is called when nothing but trouble of ours is in the way any more, and what it raises ends the upload.
    """
    upload, provenance, deadline = taken.upload, taken.provenance, taken.deadline
    new = _new_file(upload, provenance)
    bound = held(lambda: _bound_to(index.name, new), parts.clock, deadline)
    if bound not in ("", new.sha256):
        return act(new, deadline)  # refuses, with the reason
    if not bound:  # a file that is there already needs no more place
        rules = PROFILES[index.rules].release
        seen = held(lambda: _require_place(index.name, new, rules, parts.clock.now()), parts.clock, deadline)
        new = replace(new, seen=seen)
    if before is not None:
        before()
    ids = held(lambda: intents.declare(new.digests, parts.clock, deadline), parts.clock, deadline)
    parts.pause("declared")
    new = replace(new, intents=ids)
    is_stored, is_decided = False, True
    try:
        _store_bytes(parts, upload, provenance, new.provenance_sha256, deadline)
        is_stored = True
        return act(new, with_last_try(deadline, parts.clock, parts.config.hold_seconds))
    except Unavailable as error:
        # A commit whose answer was lost may land after we looked: then nothing but the intents, until their lease
        # ends, keeps a sweep from the bytes.
        is_decided = not is_stored or isinstance(error, NotYetPublished)
        raise
    finally:
        if is_decided:
            _withdraw(parts, ids)


def _bound_to(index: str, new: NewFile) -> str:
    """The digest that has the filename, "" for none, TAKEN_DOWN when the bytes are: then storing them is in vain."""
    with database_guard():
        return TAKEN_DOWN if removal_of(new) else bound_digest(index, new.filename)


def _require_place(index: str, new: NewFile, rules: ReleaseRules, now: datetime) -> Sighting:
    """Before anything is stored. The action checks again, what came since."""
    with database_guard():
        return require_place_for(index, new, rules, now)


def _store_bytes(parts: Parts, upload: Upload, provenance: bytes, provenance_sha256: str, deadline: float) -> None:
    """The content file last: it is given away and must not be gone when another try is due."""
    store, content = parts.store, upload.content
    if provenance:
        held(lambda: store.put(addresses.blob(provenance_sha256), provenance), parts.clock, deadline)
    metadata_key = addresses.blob(upload.metadata_sha256)
    held(lambda: store.put(metadata_key, upload.metadata_bytes), parts.clock, deadline)
    parts.pause("metadata-stored")
    held(lambda: store.adopt_file(addresses.blob(content.sha256), content.path), parts.clock, deadline)
    parts.pause("bytes-stored")


def _withdraw(parts: Parts, ids: tuple[int, ...]) -> None:
    try:
        intents.withdraw(ids, parts.clock, parts.clock.monotonic())
    except Unavailable:
        log.debug("intents stay until their lease ends", count=len(ids))


def _new_file(upload: Upload, provenance: bytes) -> NewFile:
    return NewFile(
        project=upload.metadata.name,
        version=str(upload.distribution.version),
        filename=upload.distribution.filename,
        sha256=upload.content.sha256,
        size=upload.content.size,
        packagetype=upload.distribution.packagetype,
        python_version=upload.distribution.python_version,
        requires_python=upload.metadata.requires_python,
        metadata_sha256=upload.metadata_sha256,
        provenance_sha256=hashlib.sha256(provenance).hexdigest() if provenance else "",
        md5=upload.content.md5,
        blake2b_256=upload.content.blake2b_256,
    )
