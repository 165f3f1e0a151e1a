"""Keeping the previews in the store equal to the sessions in the database.

Whoever changes a session shows it anew at once; `work` finishes what was cut off. Several may do so at the same time:
each writes until what it wrote is what the rows say.
"""

import structlog
from django.db.models import F

from holdfast.clock import Clock
from holdfast.control.database import database_guard, held_transaction, read_snapshot
from holdfast.control.projects import intents
from holdfast.control.publication.transaction import TreeAhead, current_serial
from holdfast.control.staging.models import LIVE, StagedFile, StagingSession
from holdfast.core import preview_token
from holdfast.core.errors import Absent, Corrupt, Unavailable
from holdfast.core.filenames import sort_key
from holdfast.core.model import File, Record
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.previews import drop_preview, put_preview, read_preview
from holdfast.tree.writer import published_head

log = structlog.get_logger()

STATEMENT_SECONDS = 5.0


def show(store: Store, session_id: str, clock: Clock) -> None:
    """Make the session's preview what its rows say. Raises Unavailable."""
    while True:
        with read_snapshot():
            session = StagingSession.objects.filter(pk=session_id).first()
            files = list(session.files.all()) if session is not None else []
        if session is None:
            return
        if session.status in LIVE:
            put_preview(store, session.preview_token, _record(session, files), session.expires)
        else:
            drop_preview(store, preview_token.digest(session.preview_token))
        with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
            same = StagingSession.objects.filter(pk=session_id, revision=session.revision)
            if same.update(shown=session.revision):
                return


def try_to_show(store: Store, session_id: str, clock: Clock) -> None:
    """As `show`; a store that blinks is `work`'s to wait for: the session itself is as it was asked to be."""
    try:
        show(store, session_id, clock)
    except Unavailable as error:
        log.warning("the preview of session %s is shown late: %s", session_id, error.reason)


def show_changed(store: Store, clock: Clock) -> int:
    """Finish previews that were cut off; answers how many. Raises Unavailable."""
    with database_guard():
        stale = list(StagingSession.objects.exclude(shown=F("revision")).values_list("pk", flat=True))
    for session_id in stale:
        show(store, session_id, clock)
    return len(stale)


def drop_strays(store: Store, clock: Clock) -> int:
    """Delete previews that no live session has, and leave their bytes to the sweep: a rebuilt database knows none.

    Raises TreeAhead for a database older than the tree, which cannot tell; Unavailable.
    """
    if (head := published_head(store)) > (counter := current_serial()):
        raise TreeAhead(counter, head)
    found = [info.key for info in store.list(addresses.PREVIEW_PREFIX)]
    with database_guard():  # after the look at the store: a session's row is there before its preview
        tokens = StagingSession.objects.filter(status__in=LIVE).values_list("preview_token", flat=True)
        live = {addresses.preview(preview_token.digest(token)) for token in tokens}
    strays = [key for key in found if key not in live]
    for key in strays:
        _drop_stray(store, key, clock)
    return len(strays)


def _drop_stray(store: Store, key: str, clock: Clock) -> None:
    digest = key.removeprefix(addresses.PREVIEW_PREFIX).removesuffix(".json")
    try:
        files = read_preview(store, digest).staged().files
    except (Absent, Corrupt):
        files = ()
    digests = [found for file in files for found in (file.sha256, file.metadata_sha256)]
    with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
        intents.leave_behind(digests, clock.now())
    store.delete(key)
    log.info("deleted a preview that no session has")


def _record(session: StagingSession, files: list[StagedFile]) -> Record:
    """The record of the staged files alone. Their provenance has no address before they are published."""
    found = tuple(sorted((_file(row) for row in files), key=sort_key))
    return Record(session.index, session.name, session.display, 0, found)


def _file(row: StagedFile) -> File:
    is_wheel = row.packagetype == "bdist_wheel"
    return File(
        filename=row.filename,
        sha256=row.sha256,
        size=row.size,
        version=row.version,
        packagetype="bdist_wheel" if is_wheel else "sdist",
        python_version=row.python_version,
        upload_time=row.staged,
        requires_python=row.requires_python,
        metadata_sha256=row.metadata_sha256,
        has_metadata=is_wheel and bool(row.metadata_sha256),
        md5=row.md5,
        blake2b_256=row.blake2b_256,
    )
