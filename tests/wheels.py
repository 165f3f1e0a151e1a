"""Wheels, sdists and upload bodies made in memory in milliseconds; no build back end is ever run.

`wheel` and `sdist` give (filename, bytes). `twine_body` and its sisters encode the multipart form in the shape
that tool sends (order of parts, digests, part headers), as read in the tools' sources.
"""

import base64
import gzip
import hashlib
import io
import random
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence

Fields = list[tuple[str, str]]
BOUNDARY = "2f0b6f1c9d3e4a5b8c7d6e5f4a3b2c1d"
WHEEL_TEXT = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def metadata_text(
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    requires_python: str = "",
    metadata: Mapping[str, str | Sequence[str]] | None = None,
    metadata_version: str = "2.4",
    description: str = "",
) -> bytes:
    """A METADATA document; `metadata` adds fields by their e-mail names, a sequence repeats one."""
    lines = [f"Metadata-Version: {metadata_version}", f"Name: {name}", f"Version: {version}"]
    for field, value in (metadata or {}).items():
        lines += [f"{field}: {one}" for one in ([value] if isinstance(value, str) else value)]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {one}" for one in requires]
    return ("\n".join(lines) + "\n\n" + description).encode()


def wheel(
    name: str,
    version: str,
    *,
    tags: Sequence[str] = ("py3-none-any",),
    build: str = "",
    requires: Iterable[str] = (),
    requires_python: str = "",
    metadata: Mapping[str, str | Sequence[str]] | None = None,
    metadata_version: str = "2.4",
    description: str = "",
    files: Mapping[str, bytes] | None = None,
    size: int = 0,
    change: Mapping[str, bytes | None] | None = None,
    replace: Mapping[str, bytes | None] | None = None,
) -> tuple[str, bytes]:
    """A legal wheel: RECORD matches. `size` pads it with that many incompressible bytes.

    `change` gives other bytes for a member, or None to leave it out; `replace` does so behind the RECORD's back.
    """
    escaped = name.replace("-", "_").replace(".", "_").lower()
    info = f"{escaped}-{version}.dist-info"
    tag_lines = "".join(f"Tag: {tag}\n" for tag in tags)
    members = dict(files if files is not None else {f"{escaped}/__init__.py": b""})
    if size:
        members[f"{escaped}/padding.bin"] = random.Random(size).randbytes(size)
    members[f"{info}/METADATA"] = metadata_text(
        name,
        version,
        requires=requires,
        requires_python=requires_python,
        metadata=metadata,
        metadata_version=metadata_version,
        description=description,
    )
    wheel_text = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n{tag_lines}"
    members[f"{info}/WHEEL"] = (wheel_text + (f"Build: {build}\n" if build else "")).encode()
    _change(members, change or {}, info=info)
    members[f"{info}/RECORD"] = record_text(members, f"{info}/RECORD")
    _change(members, replace or {}, info=info)
    pythons, abis, platforms = (".".join(dict.fromkeys(t.split("-")[i] for t in tags)) for i in range(3))
    middle = f"-{build}" if build else ""
    return f"{escaped}-{version}{middle}-{pythons}-{abis}-{platforms}.whl", zip_bytes(members)


def zip_bytes(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these members, in order, and fixed dates."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.compress_type = compression
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return out.getvalue()


def _change(members: dict[str, bytes], changes: Mapping[str, bytes | None], **places: str) -> None:
    for key, value in changes.items():
        members.pop(key.format(**places), None)
        if value is not None:
            members[key.format(**places)] = value


def record_text(members: Mapping[str, bytes], own: str) -> bytes:
    """A RECORD of these members, `own` its own path."""
    lines = []
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return ("".join(lines) + f"{own},,\n").encode()


def sdist(
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    requires_python: str = "",
    metadata: Mapping[str, str | Sequence[str]] | None = None,
    metadata_version: str = "2.4",
    description: str = "",
    files: Mapping[str, bytes] | None = None,
    size: int = 0,
    suffix: str = ".tar.gz",
    replace: Mapping[str, bytes | None] | None = None,
) -> tuple[str, bytes]:
    """A legal sdist, `.tar.gz` or `.zip`. `size` and `replace` work as in `wheel` (`{top}` stands for the folder)."""
    escaped = name.replace("-", "_").replace(".", "_").lower()
    top = f"{escaped}-{version}"
    members = {f"{top}/{key}": data for key, data in (files or {}).items()}
    members[f"{top}/pyproject.toml"] = b"[build-system]\nrequires = []\n"
    if size:
        members[f"{top}/padding.bin"] = random.Random(size).randbytes(size)
    members[f"{top}/PKG-INFO"] = metadata_text(
        name,
        version,
        requires=requires,
        requires_python=requires_python,
        metadata=metadata,
        metadata_version=metadata_version,
        description=description,
    )
    _change(members, replace or {}, top=top)
    data = zip_bytes(members) if suffix == ".zip" else tar_bytes(members)
    return top + suffix, data


def tar_bytes(members: Mapping[str, bytes], extra: Iterable[tarfile.TarInfo] = ()) -> bytes:
    """A gzipped tar with these files, then the given bare headers (links, devices)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), 1_767_225_600, 0o644
            archive.addfile(entry, io.BytesIO(data))
        for entry in extra:
            archive.addfile(entry)
    return gzip.compress(out.getvalue(), mtime=0)


# Upload forms.


def encode(
    fields: Fields, filename: str, content: bytes, *, content_first: bool = False, content_type: str | None = "auto"
) -> tuple[str, bytes]:
    """(Content-Type, body) of a multipart form with one `content` file part."""
    kind = "application/octet-stream" if content_type == "auto" else content_type
    type_line = f"Content-Type: {kind}\r\n" if kind else ""
    head = f'Content-Disposition: form-data; name="content"; filename="{filename}"\r\n{type_line}\r\n'
    file_part = head.encode() + content
    text_parts = [f'Content-Disposition: form-data; name="{k}"\r\n\r\n{v}'.encode() for k, v in fields]
    return join_parts([file_part, *text_parts] if content_first else [*text_parts, file_part])


def join_parts(parts: Sequence[bytes]) -> tuple[str, bytes]:
    """Parts (headers, blank line, body) between boundaries."""
    line = f"--{BOUNDARY}".encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
    return f"multipart/form-data; boundary={BOUNDARY}", body


def form_fields(filename: str, content: bytes, digests: Iterable[str] = ("sha256", "blake2"), **more: str) -> Fields:
    """The fields every tool sends: control fields, name and version from the filename, digests."""
    is_wheel = filename.endswith(".whl")
    stem = filename if is_wheel else filename.removesuffix(".tar.gz").removesuffix(".zip")
    name, version = stem.split("-")[:2] if is_wheel else stem.rsplit("-", 1)
    values = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.4",
        "name": name,
        "version": version,
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "pyversion": stem.split("-")[-3] if is_wheel else "source",
    }
    values |= {_DIGESTS[one][0]: _DIGESTS[one][1](content) for one in digests}
    values |= {":action" if key == "action" else key: value for key, value in more.items()}
    return list(values.items())


_DIGESTS = {
    "sha256": ("sha256_digest", lambda data: hashlib.sha256(data).hexdigest()),
    "blake2": ("blake2_256_digest", lambda data: hashlib.blake2b(data, digest_size=32).hexdigest()),
    "md5": ("md5_digest", lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest()),
}


def twine_body(filename: str, content: bytes, **more: str) -> tuple[str, bytes]:
    """twine and poetry (requests-toolbelt): fields, then the file; sha256 and blake2."""
    return encode(form_fields(filename, content, **more), filename, content)


def uv_body(filename: str, content: bytes, **more: str) -> tuple[str, bytes]:
    """uv: as twine; an empty `requires_python` is sent, and its content part has no length."""
    return encode(form_fields(filename, content, **{"requires_python": "", **more}), filename, content)


def flit_body(filename: str, content: bytes, **more: str) -> tuple[str, bytes]:
    """flit (requests): metadata_version always 2.3, no type on the content part, no pyversion for sdists, md5."""
    fields = form_fields(filename, content, ("md5", "sha256"), **{"metadata_version": "2.3", **more})
    if not filename.endswith(".whl"):
        fields = [(key, value) for key, value in fields if key != "pyversion"]
    return encode(fields, filename, content, content_type=None)


def hatch_body(filename: str, content: bytes, **more: str) -> tuple[str, bytes]:
    """hatch (httpx): all three digests, fields first."""
    return encode(form_fields(filename, content, ("md5", "sha256", "blake2"), **more), filename, content)


def poetry_body(filename: str, content: bytes, **more: str) -> tuple[str, bytes]:
    """poetry (requests-toolbelt): all three digests."""
    return hatch_body(filename, content, **more)


def pdm_body(filename: str, content: bytes, **more: str) -> tuple[str, bytes]:
    """pdm: all three digests, extras under a name of its own."""
    fields = form_fields(filename, content, ("md5", "sha256", "blake2"), **more)
    return encode([*fields, ("provides_extras", "test")], filename, content)


BODIES = {
    "twine": twine_body,
    "uv": uv_body,
    "flit": flit_body,
    "hatch": hatch_body,
    "poetry": poetry_body,
    "pdm": pdm_body,
}
