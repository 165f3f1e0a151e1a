"""Project pages in JSON (PEP 691, 700, 592, 708, 714, 740, 792)."""

from collections.abc import Mapping

import msgspec

from holdfast.core.errors import Unavailable
from holdfast.core.model import File
from holdfast.core.names import is_filename, is_project_name, normalize
from holdfast.pull.listed import (
    Files,
    Page,
    absolute,
    check_api_version,
    extras_of,
    listed_file,
    status_of,
    text_of,
)


def json_page(body: bytes, url: str, name: str) -> Page:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unavailable(f"the upstream's page for {name} is not JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("files"), list):
        raise Unavailable(f"the upstream's JSON for {name} is no project page: it has no list of files")
    meta = _table(document.get("meta"))
    check_api_version(meta.get("api-version"), name)
    display = document.get("name", name)
    if not isinstance(display, str) or not is_project_name(display) or normalize(display) != name:
        raise Unavailable(f"the upstream's page for {name} carries another name")
    found = Files()
    for item in document["files"]:
        found.add(_json_file(item, url, name))
    status, reason = status_of(_table(document.get("project-status")))
    serial = meta.get("_last-serial")
    return Page(
        display=display,
        files=found.files(),
        skipped=found.skipped,
        status=status,
        status_reason=reason,
        serial=serial if isinstance(serial, int) and not isinstance(serial, bool) else None,
        extras=extras_of({"alternate-locations": document.get("alternate-locations"), "tracks": meta.get("tracks")}),
    )


def _json_file(item: object, base: str, project: str) -> File | None:
    entry = _table(item)
    filename, raw_url = entry.get("filename"), entry.get("url")
    if not isinstance(filename, str) or not is_filename(filename) or not isinstance(raw_url, str):
        return None
    hashes = {k.lower(): v.lower() for k, v in _table(entry.get("hashes")).items() if isinstance(v, str)}
    for key in ("core-metadata", "dist-info-metadata", "data-dist-info-metadata"):
        metadata = entry.get(key)
        if metadata is not None:
            break
    yanked = entry.get("yanked")
    size = entry.get("size")
    return listed_file(
        filename,
        project,
        absolute(base, raw_url),
        hashes,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        upload_time=text_of(entry.get("upload-time")),
        requires_python=text_of(entry.get("requires-python")),
        yanked=bool(yanked),
        yanked_reason=text_of(yanked),
        has_metadata=bool(metadata),
        metadata_sha256=text_of(_table(metadata).get("sha256")).lower(),
        provenance_url=text_of(entry.get("provenance")),
    )


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
