"""What an outbox row says: names of what changed, as plain JSON. The publisher turns names into documents."""

from typing import Any

Change = dict[str, Any]


def project_changed(index: str, name: str) -> Change:
    return {"kind": "project", "index": index, "name": name}


def file_added(index: str, project: str, filename: str, sha256: str) -> Change:
    return {"kind": "file-added", "index": index, "project": project, "filename": filename, "sha256": sha256}


def file_removed(index: str, project: str, filename: str, sha256: str) -> Change:
    return {"kind": "file-removed", "index": index, "project": project, "filename": filename, "sha256": sha256}


def bytes_removed(sha256: list[str], reason: str, legal: bool) -> Change:
    """The one change that carries more than names: the reason is part of what was decided, once, for good."""
    return {"kind": "removed", "sha256": sha256, "reason": reason, "legal": legal}


def token_issued(token: str) -> Change:
    return {"kind": "token", "id": token}


def token_revoked(token: str) -> Change:
    return {"kind": "revoke", "id": token}
