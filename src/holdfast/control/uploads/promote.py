"""One promotion from request to published: whose rights, which indexes, whether the name is free, then the action."""

import structlog

from holdfast.config import Config, IndexConfig
from holdfast.control.accounts.actor import Actor
from holdfast.control.parts import Parts
from holdfast.control.projects.promoting import Promotion, promote_release
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.uploads.hold import held
from holdfast.control.uploads.names import require_free_name, upload_index
from holdfast.control.uploads.receive import demand_uploads_on
from holdfast.control.uploads.rules import PROFILES
from holdfast.core.errors import Absent, Unavailable
from holdfast.tree import addresses

log = structlog.get_logger()


def promote(
    parts: Parts, name: str, version: str, source: str, target: str, actor: Actor, *, dry_run: bool, deadline: float
) -> tuple[IndexConfig, Promotion]:
    """Promote a release, or with `dry_run` say what would be done; also answers the index it lands in.

    Raises Absent, NotAccepted, Refused, Removed or Unavailable, and then nothing was changed; NotYetPublished.
    """
    origin = _hosted(parts.config, source)
    landing = upload_index(parts.config, _hosted(parts.config, target))
    if actor.credential != "machine":
        demand_uploads_on(parts, target, landing.name)
    order = parts.publisher, name, version, origin, landing, actor
    planned = promote_release(*order, dry_run=True, deadline=deadline)
    if planned.creates:
        require_free_name(parts, landing, name, deadline)
    _require_bytes(parts, planned, deadline)
    if dry_run:
        return landing, planned
    done = promote_release(*order, deadline=deadline, rules=PROFILES[landing.rules].release)
    log.info("promoted %s %s", name, done.version, source=source, index=landing.name, serial=done.serial)
    return landing, done


def _hosted(config: Config, name: str) -> IndexConfig:
    index = config.index(name)
    if index is not None:
        return index
    if config.upstream(name) is not None:
        raise NotAccepted(
            f"{name!r} is an upstream: releases are promoted between hosted indexes. Download the files and upload them"
        )
    raise Absent(f"there is no index {name}")


def _require_bytes(parts: Parts, planned: Promotion, deadline: float) -> None:
    """Bytes before facts: nothing is listed anew that the store has lost. Raises Unavailable."""
    for file in planned.files:
        if file.existing:
            continue
        for digest in filter(None, (file.sha256, file.metadata_sha256, file.provenance_sha256)):
            key = addresses.blob(digest)
            try:
                held(lambda key=key: parts.store.head(key), parts.clock, deadline)  # type: ignore[misc]
            except Absent:
                raise Unavailable(
                    f"the bytes of {file.filename} are missing from the store; `holdfast fsck` says what else is",
                    retry_after_seconds=60,
                ) from None
