"""OSV dumps for tests: malware and flaws that mean everything before 2.0."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast.pull.osv_dump import Compiled, compile_dump

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def record(identifier: str, project: str, day: int = 1, **more: Any) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": "2.0"}]
    package = {"ecosystem": "PyPI", "name": project}
    affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    return {"id": identifier, "modified": f"2025-06-{day:02d}T00:00:00Z", "affected": affected, **more}


def records(malware: int = 4, flaws: int = 4, day: int = 1) -> list[dict[str, Any]]:
    bad = [record(f"MAL-{number}", f"bad-{number}", day) for number in range(malware)]
    return bad + [record(f"GHSA-{number}", f"weak-{number}", day) for number in range(flaws)]


def zipped(path: Path, documents: list[dict[str, Any]], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for document in documents:
            archive.writestr(f"{document['id']}.json", json.dumps(document))
    return path


def compiled(path: Path) -> Compiled:
    return compile_dump(path, NOW)
