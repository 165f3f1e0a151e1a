"""Second readers: what other people's parsers make of the bytes that Holdfast takes. Each raises on disagreement.

An index that publishes what two readers understand differently publishes two things under one name.
"""

import contextlib
import email.parser
import email.policy
import io
import json
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from packaging.metadata import parse_email
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from holdfast.control.uploads.multipart import Form, FormLimits, read_form
from holdfast.control.uploads.steps_filename import DistributionName
from holdfast.core.archive import ArchiveFacts
from holdfast.core.attestations import Attestation
from holdfast.core.core_metadata import CoreMetadata
from holdfast.core.digests import Digests
from holdfast.core.filenames import parse_filename
from holdfast.core.form_cut import Cut, Cutter
from holdfast.core.multipart import MalformedForm, boundary_of


def agree_on_zip(path: Path, facts: ArchiveFacts) -> None:
    """The standard library, by the directory; and a walk over the local headers, as streaming installers do."""
    with zipfile.ZipFile(path) as archive:
        listed = {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
        assert len(archive.infolist()) == facts.entries
    assert set(listed) == set(facts.names)
    document = "METADATA" if facts.kind == "wheel" else "PKG-INFO"
    assert listed[f"{facts.top}/{document}"] == facts.metadata
    walked = {name: body for name, body in _walk_locals(path.read_bytes()) if not name.endswith("/")}
    assert walked == listed


def _walk_locals(data: bytes) -> list[tuple[str, bytes]]:
    found, at = [], 0
    while data[at : at + 4] == b"PK\3\4":
        _, _, _, method, _, _, _, packed, size, name_len, extra_len = struct.unpack_from("<4s5H3L2H", data, at)
        name = data[at + 30 : at + 30 + name_len].decode()
        extra = data[at + 30 + name_len : at + 30 + name_len + extra_len]
        if 0xFFFFFFFF in (packed, size):
            where = extra.index(b"\1\0\x10\0")
            size, packed = struct.unpack_from("<2Q", extra, where + 4)
        start = at + 30 + name_len + extra_len
        body = data[start : start + packed]
        found.append((name, body if method == 0 else zlib.decompress(body, -15)))
        assert len(found[-1][1]) == size
        at = start + packed
    assert data[at : at + 4] in (b"PK\1\2", b"PK\5\6")
    return found


def agree_on_tar(path: Path, facts: ArchiveFacts) -> None:
    """The standard library under its data filter; and a walk that takes each header block by itself."""
    with tarfile.open(path, "r:gz") as archive:
        members = archive.getmembers()
        for member in members:
            tarfile.data_filter(member, "/nonexistent")
        files = {m.name for m in members if not m.isdir()}
        assert files == set(facts.names)
        assert len(members) == facts.entries
        taken = archive.extractfile(f"{facts.top}/PKG-INFO")
        assert taken is not None
        assert taken.read() == facts.metadata
    blocks = zlib.decompressobj(31).decompress(path.read_bytes())
    walked = _walk_headers(blocks)
    assert [(m.name.rstrip("/"), m.size if m.isreg() else 0, m.isdir()) for m in members] == walked


def _walk_headers(data: bytes) -> list[tuple[str, int, bool]]:
    """Names, sizes and what is a folder, by ustar alone; a pax path or a GNU name counts, another pax size does not.

    A file whose name in force ends in a slash is a folder, as for GNU tar and libarchive.
    """
    found: list[tuple[str, int, bool]] = []
    at, name = 0, ""
    while at + 512 <= len(data) and any(data[at : at + 512]):
        header = data[at : at + 512]
        kind, size = header[156:157], _number(header[124:136])
        body = data[at + 512 : at + 512 + size]
        if kind == b"L":
            name = body.split(b"\0")[0].decode("utf-8", "surrogateescape")
        elif kind == b"x":
            records = dict(_pax(body))
            name = records.get(b"path", name.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
        elif kind not in (b"g", b"K"):
            prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
            own = b"/".join(filter(None, (prefix, header[:100].split(b"\0")[0]))).decode("utf-8", "surrogateescape")
            name = name or own
            size = size if kind in (b"0", b"\0") and not name.endswith("/") else 0
            found.append((name.rstrip("/"), size, kind == b"5" or (kind in (b"0", b"\0") and name.endswith("/"))))
            name = ""
        at += 512 + (size + 511) // 512 * 512
    return found


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    return int(field.split(b"\0")[0].strip() or b"0", 8)


def _pax(body: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    while body.strip(b"\0"):
        length = int(body.split(b" ", 1)[0])
        key, _, value = body[:length].split(b" ", 1)[1].partition(b"=")
        found.append((key, value.rstrip(b"\n")))
        body = body[length:]
    return found


def agree_on_metadata(data: bytes, metadata: CoreMetadata) -> None:
    """`packaging`, Python's e-mail parser on decoded text, and a reader of plain lines as installers in Rust have."""
    raw, _ = parse_email(data)
    assert (raw.get("name"), raw.get("version")) == (metadata.name, metadata.version)
    text = data.decode("utf-8", "surrogateescape")
    message = email.parser.Parser(policy=email.policy.compat32).parsestr(text)
    assert not message.is_multipart()
    plain = _plain_headers(data)
    told = [(key.lower(), value) for key, value in message.items()]
    assert [key for key, _ in plain] == [key for key, _ in told]
    for field, values in (("name", [metadata.name]), ("version", [metadata.version])):
        assert [value for key, value in plain if key == field] == values
        assert [str(message[field])] == values
    for field, ours in (("requires-dist", metadata.requires_dist), ("provides-extra", metadata.provides_extra)):
        assert [" ".join(value.split()) for key, value in plain if key == field] == [" ".join(v.split()) for v in ours]


def _plain_headers(data: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in data.replace(b"\r\n", b"\n").split(b"\n"):
        if not line:
            break
        if line[:1] in (b" ", b"\t"):
            key, value = found.pop()
            found.append((key, value + " " + line.decode("utf-8", "surrogateescape").strip()))
            continue
        key_bytes, colon, rest = line.partition(b":")
        assert colon, line
        found.append((key_bytes.decode("ascii").lower(), rest.decode("utf-8", "surrogateescape").strip(" \t")))
    return found


def agree_on_filename(parsed: DistributionName) -> None:
    """`packaging` and our own reader of other people's pages."""
    lenient = parse_filename(parsed.filename, parsed.name)
    assert (lenient.project, lenient.version) == (parsed.name, str(parsed.version))
    assert lenient.packagetype == parsed.packagetype
    if parsed.packagetype == "sdist":
        assert parse_sdist_filename(parsed.filename) == (parsed.name, parsed.version)
        return
    assert parse_wheel_filename(parsed.filename)[:2] == (parsed.name, parsed.version)
    assert lenient.python_version == parsed.python_version


def agree_on_form(content_type: str, body: bytes, form: Form) -> None:
    """Python's e-mail package reads the same fields and the same file out of the form."""
    if not form.fields and form.content is None:
        return  # a form of no part at all, which MIME does not have
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(head + body)
    assert message.is_multipart()
    fields: dict[str, list[bytes]] = {}
    files: list[tuple[str, bytes]] = []
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        value = part.get_payload(decode=True)  # type: ignore[union-attr]
        filename = part.get_filename()  # type: ignore[union-attr]
        if filename is None:
            fields.setdefault(str(name), []).append(value or b"")  # type: ignore[arg-type]
        elif name == "content":
            files.append((str(filename), value or b""))  # type: ignore[arg-type]
    assert sorted(fields) == sorted(form.fields)
    assert len(files) == (form.content is not None)
    for name, values in fields.items():
        told = [value.decode("ascii").split() for value in values if value.isascii()]  # else it guesses a charset
        assert told == [value.split() for value in form.fields[name] if value.isascii()]


def agree_on_attestations(field: str, found: tuple[Attestation, ...]) -> None:
    """Python's JSON reader sees as many objects, each equal to the text that is kept."""
    whole = json.loads(field)
    assert whole == [json.loads(one.text) for one in found]


def agree_when_cut(content_type: str, data: bytes, whole: Form | None, folder: Path, limits: FormLimits) -> None:
    """A front that cuts the file out while it arrives changes nothing of what control reads, or refuses."""
    cutter, form, content = Cutter(boundary_of(content_type)), bytearray(), bytearray()
    half = len(data) // 2
    for where, piece in (*cutter.feed(data[:half]), *cutter.feed(data[half:]), *cutter.end()):
        (content if where == "content" else form).extend(piece)
    cut = None
    if cutter.at is not None:
        digests = Digests()
        digests.update(bytes(content))
        cut = Cut("cut", cutter.at, digests.finish())
    read = None
    with contextlib.suppress(MalformedForm):
        read = read_form(io.BytesIO(form), content_type, folder, limits, cut)
    assert (read is None) == (whole is None)
    if read is not None and whole is not None:
        assert read.fields == whole.fields
        assert _facts(read) == _facts(whole)
        assert (cut is None) == (read.content is None)


def _facts(form: Form) -> tuple[object, ...]:
    file = form.content
    return () if file is None else (file.filename, file.size, file.sha256, file.blake2b_256, file.md5)
