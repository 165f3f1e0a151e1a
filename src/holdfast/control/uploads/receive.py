"""One upload from the spooled body to the published file, in the order that survives a crash anywhere.

Bytes before facts: an intent row, the bytes durable in the store, then one short transaction, then publication. A
crash leaves the whole file or an invisible orphan. No lock and no transaction is held across I/O.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from holdfast.config import IndexConfig
from holdfast.control import rights
from holdfast.control.accounts.actions import authenticate
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard
from holdfast.control.parts import Parts
from holdfast.control.projects import intents
from holdfast.control.projects.models import FilenameBinding, Project, Removal
from holdfast.control.projects.publishing import NewFile, Published, is_new_project, publish_file
from holdfast.control.projects.rights import require_index, require_uploader
from holdfast.control.publication.transaction import NotYetPublished
from holdfast.control.retention.quotas import require_room
from holdfast.control.spool import spool_trouble, spooled_body
from holdfast.control.uploads.hold import held, with_last_try
from holdfast.control.uploads.multipart import Form, MalformedForm, read_form
from holdfast.control.uploads.names import require_free_name, upload_index
from holdfast.control.uploads.new_names import new_name_problems
from holdfast.control.uploads.pipeline import Upload, judge
from holdfast.control.uploads.rules import PROFILES, Profile
from holdfast.control.uploads.steps_form import DEAD_ACTIONS, asked_action
from holdfast.core.attestations import provenance_document
from holdfast.core.errors import Absent, Refused, Unavailable
from holdfast.core.names import is_project_name, normalize
from holdfast.core.tokens import credentials_from
from holdfast.core.upload_problems import Problem, problem
from holdfast.tree import addresses

log = structlog.get_logger()

NOT_VERIFIED = "The attestations are kept and served, but not verified: this index has no trust root."
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
    warnings: tuple[str, ...]


class Rejected(Exception):  # noqa: N818 - the uploader's answer, not a defect
    """The upload breaks rules. Nothing was stored."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(p.sentence() for p in problems))
        self.problems = problems


class DeadAction(Exception):  # noqa: N818
    """An action of the old protocol that ended long ago (410)."""


def receive(parts: Parts, asked: UploadRequest) -> Received:
    """Take one upload. Raises Rejected, DeadAction, NotAccepted, or any Outcome; then nothing became visible."""
    actor = authenticated(parts, asked.authorization, asked.client, asked.deadline)
    parts.pause("authenticated")
    index = _index_for_upload(parts, asked.index, actor)
    if asked.query.get(":action") in DEAD_ACTIONS:
        raise DeadAction
    form = _read_form(parts, asked)
    try:
        return _receive_form(parts, asked, index, actor, form)
    finally:
        if form.content is not None:
            form.content.path.unlink(missing_ok=True)


def authenticated(parts: Parts, authorization: str | None, client: str, deadline: float) -> Actor:
    """Who is asking. Raises Refused (401) without a token that is in force, Unavailable."""
    text = credentials_from(authorization)
    actor = held(lambda: authenticate(text, parts.clock, client), parts.clock, deadline) if text else None
    if actor is None:
        said = "The token is unknown, revoked or expired" if text else "A token is needed"
        raise Refused(f"{said}: send one as the password, with any user name.", authenticate=True)
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
    where = "" if index is asked else f", which takes the uploads of index {name}"
    require_index(actor, rights.UPLOAD_FILE, index.name, where)
    return index


def demand_uploads_on(parts: Parts, *indexes: str) -> None:
    """Spare the client what would be refused in the end. Raises Refused while uploads to one of them are off."""
    for index in indexes:
        if refused := parts.switches.refusal("uploads", index):
            raise refused


def _read_form(parts: Parts, asked: UploadRequest) -> Form:
    folder = parts.config.spool_folder
    try:
        with spooled_body(folder, asked.spool) as body:
            return read_form(body, asked.content_type, folder)
    except MalformedForm as error:
        raise Rejected((problem("form", "", str(error).rstrip("."), "Use a current upload tool."),)) from error
    except OSError as error:
        raise spool_trouble(error) from error


def _receive_form(parts: Parts, asked: UploadRequest, index: IndexConfig, actor: Actor, form: Form) -> Received:
    if asked_action(form, asked.query) in DEAD_ACTIONS:
        raise DeadAction
    profile = _profile(parts, index)
    said = normalize(form.one("name")) if is_project_name(form.one("name")) else ""
    if said:  # rights first: who may not upload learns nothing of the file
        _require_rights(parts, index, said, actor, asked.deadline)
    try:
        judged = judge(form, asked.query, profile)
    except OSError as error:
        raise spool_trouble(error) from error
    if judged.upload is None:
        named = new_name_problems(parts, index, said, actor, profile, asked.deadline) if said else ()
        raise Rejected((*judged.problems, *named))
    upload = judged.upload
    parts.pause("judged")
    deadline = with_last_try(asked.deadline, parts.clock)
    project = _require_rights(parts, index, upload.distribution.name, actor, deadline)
    if project is None or not project.owned:
        if named := new_name_problems(parts, index, upload.distribution.name, actor, profile, deadline):
            raise Rejected(named)
        require_free_name(parts, index, upload.distribution.name, deadline)
    provenance = _provenance(parts, upload)
    published = _store_and_publish(parts, index, upload, provenance, actor, deadline)
    name = upload.distribution.filename
    log.info("published %s", name, index=index.name, serial=published.serial, existing=published.existing)
    landed = "" if index.name == asked.index else index.name
    return Received(name, landed, published.serial, published.existing, _warnings(parts, upload, published))


def _profile(parts: Parts, index: IndexConfig) -> Profile:
    """The rules, with this instance's own bound on a file: the front bounds the whole request and may be another's."""
    profile = PROFILES[index.rules]
    return replace(profile, file_bytes_max=min(profile.file_bytes_max, parts.config.upload_bytes_max))


def _require_rights(parts: Parts, index: IndexConfig, name: str, actor: Actor, deadline: float) -> Project | None:
    """The project, None when it is new. Raises Refused, Unavailable. The action checks again in its transaction."""

    def look() -> tuple[Project | None, bool]:
        with database_guard():
            project = Project.objects.filter(index=index.name, name=name).first()
            require_uploader(actor, index.name, name, project)
            return project, is_new_project(project)

    project, is_new = held(look, parts.clock, deadline)
    for capability in ("uploads", "new-projects") if is_new else ("uploads",):
        if refused := parts.switches.refusal(capability, index.name, name):
            raise refused
    return project


def _provenance(parts: Parts, upload: Upload) -> bytes:
    """The provenance document of what was sent, b"" for none. Raises Rejected, Unavailable."""
    if not upload.attestations:
        return b""
    signed, problems = parts.attestations.examine(upload.attestations)
    if problems:
        raise Rejected(problems)
    return provenance_document(signed)


def _warnings(parts: Parts, upload: Upload, published: Published) -> tuple[str, ...]:
    if not upload.attestations:
        return ()
    if published.existing:
        return (PROVENANCE_STAYS,)
    return () if parts.attestations.verifies else (NOT_VERIFIED,)


def _store_and_publish(
    parts: Parts, index: IndexConfig, upload: Upload, provenance: bytes, actor: Actor, deadline: float
) -> Published:
    new = _new_file(upload, provenance)
    if held(lambda: _is_taken(index.name, new), parts.clock, deadline):
        return publish_file(parts.publisher, index.name, new, actor, deadline=deadline)  # refuses, with the reason
    held(lambda: _require_room(index.name, new), parts.clock, deadline)
    digests = tuple(filter(None, (new.sha256, new.metadata_sha256, new.provenance_sha256)))
    ids = held(lambda: intents.declare(digests, parts.clock, deadline), parts.clock, deadline)
    parts.pause("declared")
    is_stored, is_decided = False, True
    try:
        _store_bytes(parts, upload, provenance, new.provenance_sha256, deadline)
        is_stored = True
        return publish_file(parts.publisher, index.name, new, actor, deadline=deadline)
    except Unavailable as error:
        # A commit whose answer was lost may land after we looked: then nothing but the intents, until their lease
        # ends, keeps a sweep from the bytes.
        is_decided = not is_stored or isinstance(error, NotYetPublished)
        raise
    finally:
        if is_decided:
            _withdraw(parts, ids)


def _is_taken(index: str, new: NewFile) -> bool:
    """True when storing the bytes would be in vain: other bytes have that filename, or these were taken down."""
    with database_guard():
        digests = [digest for digest in (new.sha256, new.metadata_sha256, new.provenance_sha256) if digest]
        if Removal.objects.filter(sha256__in=digests).exists():
            return True
        return FilenameBinding.objects.filter(index=index, filename=new.filename).exclude(sha256=new.sha256).exists()


def _require_room(index: str, new: NewFile) -> None:
    """Before anything is stored. A file that is there already takes no more room. The action checks again."""
    with database_guard():
        if not FilenameBinding.objects.filter(index=index, filename=new.filename).exists():
            require_room(index, normalize(new.project), new.size)


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
