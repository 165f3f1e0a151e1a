"""Promoting a release over HTTP: `POST .../releases/<version>/promote`."""

from typing import Any

from holdfast.control.api.call import Call
from holdfast.control.projects.promoting import Promotion
from holdfast.control.uploads.promote import promote


def promote_to(call: Call, index: str, name: str, version: str) -> dict[str, Any]:
    """List a release of `index` in another hosted index too. Needs to read the one and to upload to the other."""
    dry_run = call.flag("dry_run")
    target, done = promote(
        call.parts, name, version, index, call.text("to"), call.actor, dry_run=dry_run, deadline=call.deadline
    )
    return promotion_document(name, index, target.name, done, dry_run=dry_run)


def promotion_document(name: str, source: str, target: str, done: Promotion, *, dry_run: bool) -> dict[str, Any]:
    """What was done, for programs."""
    return {
        "project": name,
        "version": done.version,
        "from": source,
        "to": target,
        "dry_run": dry_run,
        "existing": done.existing,
        "serial": done.serial,
        "files": [
            {"filename": file.filename, "sha256": file.sha256, "size": file.size, "existing": file.existing}
            for file in done.files
        ],
    }
