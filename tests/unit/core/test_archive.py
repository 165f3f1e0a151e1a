"""Archives: legal ones give facts, hostile ones give a sentence, and none of them fills the memory."""

import gzip
import io
import resource
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
import wheels

from holdfast.core.archive import Examined, examine
from holdfast.core.archive_limits import ArchiveLimits

SMALL = ArchiveLimits(entries_max=20, ratio_floor_bytes=100_000, metadata_bytes_max=10_000)


def look(folder: Path, filename: str, data: bytes, limits: ArchiveLimits = SMALL) -> Examined:
    path = folder / "content"
    path.write_bytes(data)
    return examine(path, filename, limits)


def rules(found: Examined) -> list[str]:
    return [p.rule for p in found.problems]


def test_a_wheel_gives_its_metadata_byte_for_byte(tmp_path):
    filename, data = wheels.wheel("demo-pkg", "1.0", requires=["idna>=3"])

    found = look(tmp_path, filename, data)

    assert found.problems == ()
    assert found.facts is not None
    assert found.facts.kind == "wheel"
    assert found.facts.top == "demo_pkg-1.0.dist-info"
    assert found.facts.metadata == wheels.metadata_text("demo-pkg", "1.0", requires=["idna>=3"])
    assert found.facts.wheel.startswith(b"Wheel-Version: 1.0")
    assert "demo_pkg/__init__.py" in found.facts.names


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_an_sdist_gives_its_pkg_info_byte_for_byte(tmp_path, suffix):
    filename, data = wheels.sdist("demo-pkg", "1.0", files={"src/a.py": b"x"}, suffix=suffix)

    found = look(tmp_path, filename, data)

    assert found.problems == ()
    assert found.facts is not None
    assert found.facts.kind == "sdist"
    assert found.facts.top == "demo_pkg-1.0"
    assert found.facts.metadata == wheels.metadata_text("demo-pkg", "1.0")
    assert "demo_pkg-1.0/src/a.py" in found.facts.names


def test_a_wheel_of_the_default_limits_with_a_zip64_directory_is_read(tmp_path):
    members = {f"demo/{n}.py": b"" for n in range(66_000)}
    filename, data = wheels.wheel("demo", "1.0", files=members)

    found = look(tmp_path, filename, data, ArchiveLimits())

    assert found.problems == ()
    assert found.facts is not None
    assert found.facts.entries == 66_003


BROKEN_WHEELS = [
    ({"{info}/METADATA": None}, "the archive has no demo-1.0.dist-info/METADATA"),
    ({"{info}/WHEEL": None}, "the archive has no demo-1.0.dist-info/WHEEL"),
    ({"{info}/RECORD": None}, "the archive has no demo-1.0.dist-info/RECORD"),
    ({"other-1.0.dist-info/METADATA": b""}, "the wheel has 2 .dist-info folders instead of one"),
    ({"../evil.py": b""}, "a name inside the archive is absolute, climbs with '..' or is not plain text"),
    ({"/etc/evil": b""}, "a name inside the archive is absolute, climbs with '..' or is not plain text"),
    ({"demo//evil": b""}, "a name inside the archive is absolute, climbs with '..' or is not plain text"),
    ({"c:evil": b""}, "a name inside the archive is absolute, climbs with '..' or is not plain text"),
    ({"demo/a\nb": b""}, "a name inside the archive is absolute, climbs with '..' or is not plain text"),
    ({"demo/" + "n" * 1001: b""}, "a name inside the archive is longer than 1000 bytes"),
    ({f"demo/{n}": b"" for n in range(20)}, "it has more than 20 entries"),
    ({"{info}/METADATA": b"x" * 10_001}, "METADATA is larger than 10000 bytes"),
    ({"demo/bomb": b"\0" * 10_000_000}, "it unpacks to more than 50 times its size"),
]


@pytest.mark.parametrize(("replace", "rule"), BROKEN_WHEELS)
def test_a_wheel_with_one_thing_wrong_is_refused_with_that_rule(tmp_path, replace, rule):
    filename, data = wheels.wheel("demo", "1.0", replace=replace)

    found = look(tmp_path, filename, data)

    assert found.facts is None
    assert rules(found) == [rule]


def test_several_problems_of_one_archive_are_told_together(tmp_path):
    filename, data = wheels.wheel("demo", "1.0", replace={"../a": b"", "b-2.dist-info/WHEEL": b""})

    assert len(look(tmp_path, filename, data).problems) == 2


def test_a_wheel_with_the_dist_info_of_another_project_is_refused(tmp_path):
    _, data = wheels.wheel("other", "1.0")

    found = look(tmp_path, "demo-1.0-py3-none-any.whl", data)

    assert rules(found) == ["the .dist-info folder does not match the filename demo-1.0-py3-none-any.whl"]


def test_the_same_path_twice_in_a_zip_is_refused(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("demo-1.0/PKG-INFO", b"one")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("demo-1.0/PKG-INFO", b"two")

    found = look(tmp_path, "demo-1.0.zip", out.getvalue())

    assert rules(found) == ["a name is in the archive more than once"]


def test_bzip2_members_are_refused(tmp_path):
    filename, data = wheels.wheel("demo", "1.0")
    members = {i: zipfile.ZipFile(io.BytesIO(data)).read(i) for i in zipfile.ZipFile(io.BytesIO(data)).namelist()}

    found = look(tmp_path, filename, wheels.zip_bytes(members, zipfile.ZIP_BZIP2))

    assert rules(found) == ["a member is compressed by other means than deflate (4 such members)"]


def test_a_link_in_a_wheel_is_refused(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("demo-1.0/PKG-INFO", b"")
        link = zipfile.ZipInfo("demo-1.0/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "../../etc/passwd")

    assert rules(look(tmp_path, "demo-1.0.zip", out.getvalue())) == ["a member is a link or a device"]


def flag_bytes(data: bytes, flag: int) -> bytes:
    """Set general-purpose flags in every central record."""
    out = bytearray(data)
    position = out.find(b"PK\1\2")
    while position >= 0:
        out[position + 8 : position + 10] = struct.pack("<H", flag)
        position = out.find(b"PK\1\2", position + 1)
    return bytes(out)


def test_encrypted_members_are_refused(tmp_path):
    filename, data = wheels.wheel("demo", "1.0")

    assert rules(look(tmp_path, filename, flag_bytes(data, 1))) == ["a member is encrypted (4 such members)"]


def test_members_that_share_bytes_are_refused(tmp_path):
    filename, data = wheels.wheel("demo", "1.0", files={"demo/a": b"x" * 100, "demo/b": b"x" * 100})
    out = bytearray(data)
    first = out.find(b"PK\1\2")
    second = out.find(b"PK\1\2", first + 1)
    out[second + 42 : second + 46] = out[first + 42 : first + 46]

    assert rules(look(tmp_path, filename, bytes(out))) == ["members of the archive overlap"]


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda data: data + b"x", "it does not end with a zip end record"),
        (lambda data: data[:-1], "it does not end with a zip end record"),
        (lambda data: b"", "it is not a well-formed zip archive"),
        (lambda data: b"<html>no</html>" * 100, "it does not end with a zip end record"),
        (lambda data: b"#!/bin/sh\n" + data, "its directory does not end where the end record begins"),
    ],
)
def test_a_zip_with_broken_framing_is_refused(tmp_path, spoil, rule):
    filename, data = wheels.wheel("demo", "1.0")

    assert rules(look(tmp_path, filename, spoil(data))) == [rule]


def test_metadata_that_fails_its_checksum_is_refused(tmp_path):
    filename, data = wheels.wheel("demo", "1.0")
    members = {n: zipfile.ZipFile(io.BytesIO(data)).read(n) for n in zipfile.ZipFile(io.BytesIO(data)).namelist()}
    stored = wheels.zip_bytes(members, zipfile.ZIP_STORED).replace(b"Name: demo", b"Name: evil", 1)

    found = look(tmp_path, filename, stored)

    assert rules(found) == ["a member's bytes do not match its size or checksum"]


def header(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


PKG = {"demo-1.0/PKG-INFO": b"Name: demo\n"}
BROKEN_SDISTS = [
    (wheels.tar_bytes({"demo-1.0/setup.py": b""}), "the archive has no demo-1.0/PKG-INFO"),
    (wheels.tar_bytes({**PKG, "other/x": b""}), "an sdist holds exactly one top folder, and everything is inside it"),
    (wheels.tar_bytes({**PKG, "loose": b""}), "an sdist holds exactly one top folder, and everything is inside it"),
    (wheels.tar_bytes({"x-1.0/PKG-INFO": b""}), "the top folder does not match the filename demo-1.0.tar.gz"),
    (
        wheels.tar_bytes({**PKG, "demo-1.0/a": b"x", "demo-1.0/./a": b"y"}),
        "a name inside the archive is absolute, climbs with '..' or is not plain text",
    ),
    (wheels.tar_bytes({**PKG, "demo-1.0/a": b"x"}) + b"tail", "bytes follow the end of the gzip stream"),
    (wheels.tar_bytes(PKG)[:-9], "the gzip stream is cut off"),
    (gzip.compress(b"not a tar at all" * 100, mtime=0), "it is not a well-formed gzipped tar archive"),
    (b"PK\3\4 not gzip", "it is not a well-formed gzipped tar archive"),
    (b"", "the gzip stream is cut off"),
    (
        wheels.tar_bytes(PKG, [header("demo-1.0/dev", tarfile.CHRTYPE)]),
        "a member is a device, a pipe or a sparse file",
    ),
    (
        wheels.tar_bytes(PKG, [header("demo-1.0/link", tarfile.SYMTYPE, "../../../etc/passwd")]),
        "installers would refuse to unpack this member (Python's tar data filter)",
    ),
    (wheels.tar_bytes({**PKG, "demo-1.0/bomb": b"\0" * 10_000_000}), "it unpacks to more than 50 times its size"),
    (wheels.tar_bytes({"demo-1.0/PKG-INFO": b"x" * 10_001}), "PKG-INFO is larger than 10000 bytes"),
    (wheels.tar_bytes({f"demo-1.0/{n}": b"" for n in range(21)}), "it has more than 20 entries"),
    (
        gzip.compress(gzip.decompress(wheels.tar_bytes(PKG)) + b"hidden" + b"\0" * 506, mtime=0),
        "bytes follow the end of the tar archive",
    ),
]


@pytest.mark.parametrize(("data", "rule"), BROKEN_SDISTS)
def test_an_sdist_with_one_thing_wrong_is_refused_with_that_rule(tmp_path, data, rule):
    found = look(tmp_path, "demo-1.0.tar.gz", data)

    assert found.facts is None
    assert rule in rules(found)


def test_a_link_inside_the_sdist_is_fine(tmp_path):
    data = wheels.tar_bytes(PKG, [header("demo-1.0/link", tarfile.SYMTYPE, "PKG-INFO")])

    assert look(tmp_path, "demo-1.0.tar.gz", data).problems == ()


def test_a_tar_header_of_half_a_gigabyte_is_refused_in_flat_memory(tmp_path):
    """`tarfile` alone would read the pax record into memory whole."""
    pax = tarfile.TarInfo("pax")
    pax.type, pax.size = tarfile.XHDTYPE, 512 * 1024 * 1024
    path = tmp_path / "bomb"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(pax.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(512):
            out.write(b"9" * (1024 * 1024))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = examine(path, "demo-1.0.tar.gz", ArchiveLimits())

    assert rules(found) == ["the headers of one member are larger than 262144 bytes"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000  # KiB


def test_a_tower_of_long_name_headers_is_refused(tmp_path):
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 1
    block = name.tobuf(tarfile.GNU_FORMAT) + b"a".ljust(512, b"\0")

    found = look(tmp_path, "demo-1.0.tar.gz", gzip.compress(block * 3000))

    assert rules(found)[0] in (
        "the headers of one member are larger than 262144 bytes",
        "its tar headers do not make sense",
    )
