"""Wheels, sdists and the metadata inside them."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import wheels
from control.corpus import Form, Row, demo_sdist, demo_wheel, meta, no, plain, yes
from zip_edits import (
    directory_start,
    extra_field,
    insert,
    rewritten,
    second_member,
    set_central,
    set_end,
    set_local,
    with_extra,
)

NAME, DATA = wheels.wheel("demo", "1.0", files={"demo/a.py": b"a" * 100, "demo/b.py": b"b" * 100})
SDIST = wheels.sdist("demo", "1.0")[0]
BAD_NAME = "is absolute, climbs with '..' or is not plain text"


def spoilt(edit: Callable[[bytes], bytes]) -> Callable[[], Form]:
    """The legal wheel with its bytes edited."""
    return lambda: plain(NAME, edit(DATA))


def link(entry: zipfile.ZipInfo) -> None:
    entry.create_system, entry.external_attr = 3, 0o120777 << 16


def overlapping(data: bytes) -> bytes:
    """The second member shares the bytes of the first."""
    out = bytearray(data)
    first = directory_start(data)
    second = out.find(b"PK\1\2", first + 1)
    out[second + 42 : second + 46] = out[first + 42 : first + 46]
    return bytes(out)


def hidden_tail(data: bytes) -> bytes:
    """Six bytes more in the first member than its deflate stream has, in both records."""
    packed = struct.unpack_from("<L", data, 18)[0] + 6
    return set_central(set_local(insert(data, second_member(data), b"hidden"), 18, "L", packed), 20, "L", packed)


def twice(data: bytes) -> bytes:
    """A member whose name is there already."""
    return data.replace(b"demo/b.py", b"demo/a.py")


HIDDEN = "bytes of the archive belong to no member"
DISAGREES = "a local header disagrees with the directory"
ZIPS = [
    no("no zip", "does not end with a zip end record", lambda: plain(NAME, b"x" * 1000)),
    no("twenty bytes", "not a well-formed zip", lambda: plain(NAME, b"PK\5\6" + b"\0" * 16)),
    no("an empty zip", "holds no file", lambda: plain(NAME, b"PK\5\6" + b"\0" * 18)),
    no("a gzip", "does not end with a zip end record", lambda: plain(NAME, wheels.sdist("demo", "1.0")[1])),
    no("a byte behind the end", "does not end with a zip end record", spoilt(lambda d: d + b"x")),
    no("a byte missing", "does not end with a zip end record", spoilt(lambda d: d[:-1])),
    no("an archive comment", "does not end with a zip end record", spoilt(lambda d: set_end(d, 20, "H", 3) + b"abc")),
    no("two zips, one behind the other", "does not end where the end record begins", spoilt(lambda d: d + d)),
    no("a script before the zip", "does not end where", spoilt(lambda d: b"#!/bin/sh\n" + d)),
    no("the same with offsets corrected", HIDDEN, spoilt(lambda d: insert(d, 0, b"#!/bin/sh\n"))),
    no("bytes between members", HIDDEN, spoilt(lambda d: insert(d, second_member(d), b"hidden"))),
    no(
        "a whole member the directory does not list",
        HIDDEN,
        spoilt(lambda d: insert(d, directory_start(d), d[: second_member(d)])),
    ),
    no(
        "fewer records than counted",
        "shorter than it says",
        spoilt(lambda d: set_end(set_end(d, 8, "H", 9), 10, "H", 9)),
    ),
    no(
        "more records than counted", "longer than it says", spoilt(lambda d: set_end(set_end(d, 8, "H", 2), 10, "H", 2))
    ),
    no("several disks", "split over several disks", spoilt(lambda d: set_end(d, 4, "H", 1))),
    no("counts that differ", "split over several disks", spoilt(lambda d: set_end(d, 8, "H", 1))),
    no("a ZIP64 mark without its record", "ZIP64", spoilt(lambda d: set_end(d, 16, "L", 0xFFFFFFFF))),
    no("a directory beyond the file", "does not end where", spoilt(lambda d: set_end(d, 16, "L", 0x7FFFFFFF))),
    no("another name in the local header", DISAGREES, spoilt(lambda d: d.replace(b"demo/a.py", b"demo/x.py", 1))),
    no("another method there", DISAGREES, spoilt(lambda d: set_local(d, 8, "H", 0))),
    no("another checksum there", DISAGREES, spoilt(lambda d: set_local(d, 14, "L", 1))),
    no("another packed size there", DISAGREES, spoilt(lambda d: set_local(d, 18, "L", 1))),
    no("another size there", DISAGREES, spoilt(lambda d: set_local(d, 22, "L", 1))),
    no("encryption there alone", DISAGREES, spoilt(lambda d: set_local(d, 6, "H", 1))),
    no("ZIP64 sizes there alone", "a ZIP64 size is missing", spoilt(lambda d: set_local(d, 22, "L", 0xFFFFFFFF))),
    no(
        "ZIP64 sizes in the directory alone",
        "ZIP64 size is missing",
        spoilt(lambda d: set_central(d, 24, "L", 0xFFFFFFFF)),
    ),
    no("ZIP64 sizes beside plain ones", "ZIP64", spoilt(lambda d: with_extra(d, extra_field(1, b"\1" + b"\0" * 15)))),
    no("two ZIP64 fields", "two ZIP64 fields", spoilt(lambda d: with_extra(d, extra_field(1, b"") * 2))),
    no("a second name", "second name", spoilt(lambda d: with_extra(d, extra_field(0x7075, b"\1\0\0\0\0evil")))),
    no("an extra field cut off", "longer than", spoilt(lambda d: with_extra(d, b"\x55\x54\xff\0abc"))),
    no("a data descriptor", "data descriptor", spoilt(lambda d: set_local(d, 6, "H", 8))),
    no("no local header", "local header is missing", spoilt(lambda d: set_local(d, 0, "L", 0))),
    no("members that overlap", "overlap", spoilt(overlapping)),
    no("bytes behind a deflate stream", "one deflate stream", spoilt(hidden_tail)),
    no("a member twice", "more than once", spoilt(twice)),
    no(
        "bytes of another checksum",
        "size or checksum",
        spoilt(lambda d: rewritten(d, _pass, 0).replace(b"aaa", b"aba", 1)),
    ),
    no("bzip2", "by other means than deflate", spoilt(lambda d: rewritten(d, _pass, zipfile.ZIP_BZIP2))),
    no("LZMA", "by other means than deflate", spoilt(lambda d: rewritten(d, _pass, zipfile.ZIP_LZMA))),
    no("encryption", "is encrypted", spoilt(lambda d: set_central(d, 8, "H", 1))),
    no("a link", "is a link or a device", spoilt(lambda d: rewritten(d, link))),
    no("a comment on a member", "commented record", spoilt(lambda d: set_central(d, 32, "H", 4))),
]


def _pass(entry: zipfile.ZipInfo) -> None:
    pass


WHEELS = [
    no("no METADATA", "has no demo-1.0.dist-info/METADATA", demo_wheel(change={"{info}/METADATA": None})),
    no("no WHEEL", "has no demo-1.0.dist-info/WHEEL", demo_wheel(change={"{info}/WHEEL": None})),
    no("no RECORD", "has no demo-1.0.dist-info/RECORD", demo_wheel(replace={"{info}/RECORD": None})),
    no("two .dist-info folders", "2 .dist-info folders", demo_wheel(change={"demo-2.0.dist-info/METADATA": b""})),
    no("no .dist-info folder", "0 .dist-info folders", lambda: plain(NAME, wheels.zip_bytes({"demo/a.py": b""}))),
    no("a .dist-info of another", "does not match the filename", lambda: plain(NAME, wheels.wheel("other", "1.0")[1])),
    no("a .data folder of another", "not named like", demo_wheel(change={"other-1.0.data/data/x": b""})),
    no("a .data folder of no scheme", "holds something else", demo_wheel(change={"demo-1.0.data/etc/x": b""})),
    no("a path upwards", BAD_NAME, demo_wheel(change={"../evil.py": b""})),
    no("a path upwards in the middle", BAD_NAME, demo_wheel(change={"demo/../../evil.py": b""})),
    no("an absolute path", BAD_NAME, demo_wheel(change={"/etc/evil": b""})),
    no("a drive", BAD_NAME, demo_wheel(change={"c:evil": b""})),
    no("a backslash", BAD_NAME, demo_wheel(change={"demo\\evil.py": b""})),
    no("a line end in a path", BAD_NAME, demo_wheel(change={"demo/a\nb": b""})),
    no("a path that reads backwards", BAD_NAME, demo_wheel(change={"demo/\u202eyp.live": b""})),
    no("an empty segment", BAD_NAME, demo_wheel(change={"demo//evil.py": b""})),
    no("a path of 1,100 bytes", "longer than 1000 bytes", demo_wheel(change={"demo/" + "n" * 1100: b""})),
    no("a path below a file", "lies below a file", demo_wheel(change={"demo/__init__.py/x": b""})),
    no("a folder with bytes", "folder has bytes", demo_wheel(change={"demo/x/": b"x"})),
    no("a bomb", "more than 50 times its size", lambda: plain(NAME, bomb_wheel())),
    no("a METADATA of 9 MiB", "larger than", demo_wheel(description="x y" * 3 * 1024 * 1024)),
    no("a file RECORD does not list", "not in its RECORD", demo_wheel(replace={"demo/evil.py": b""})),
    no("a file RECORD lists in vain", "not in the wheel", demo_wheel(replace={"demo/__init__.py": None})),
    no("bytes RECORD does not know", "digest and size", demo_wheel(replace={"demo/__init__.py": b"evil"})),
    no(
        "metadata RECORD does not know",
        "digest and size",
        demo_wheel(replace={"{info}/METADATA": wheels.metadata_text("demo", "1.0", requires=["evil"])}),
    ),
    no("an empty RECORD", "not in its RECORD", demo_wheel(replace={"{info}/RECORD": b""})),
    no("a RECORD in UTF-16", "not a CSV file", demo_wheel(replace={"{info}/RECORD": b"\xff\xfe\0a"})),
    no("a RECORD by md5", "without a digest by", demo_wheel(replace={"{info}/RECORD": b"demo/__init__.py,md5=a,0\n"})),
    no("a WHEEL of version 2", "version 1.x", demo_wheel(change={"{info}/WHEEL": b"Wheel-Version: 2.0\n"})),
    no(
        "a WHEEL without tags",
        "is not in both",
        demo_wheel(change={"{info}/WHEEL": wheels.WHEEL_TEXT.rpartition(b"Tag")[0]}),
    ),
    no(
        "a WHEEL with another tag",
        "is not in both",
        demo_wheel(change={"{info}/WHEEL": wheels.WHEEL_TEXT + b"Tag: py2-none-any\n"}),
    ),
    no(
        "a WHEEL with another build",
        "build number",
        demo_wheel(change={"{info}/WHEEL": wheels.WHEEL_TEXT + b"Build: 3\n"}),
    ),
    no("a WHEEL that is no text", "list of 'Key: value'", demo_wheel(change={"{info}/WHEEL": b"\xff" * 100})),
]


@cache
def bomb_wheel() -> bytes:
    """100 MiB of zeros, 1,000 times smaller."""
    return wheels.wheel("demo", "1.0", files={"demo/zeros": bytes(100 * 1024 * 1024)})[1]


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    for key, value in more.items():
        setattr(made, key, value)
    return made


PKG = {"demo-1.0/PKG-INFO": wheels.metadata_text("demo", "1.0")}


def tar(members: dict[str, bytes] | None = None, *extra: tarfile.TarInfo) -> Callable[[], Form]:
    return lambda: plain(SDIST, wheels.tar_bytes({**PKG, **(members or {})}, extra))


def packed(data: bytes) -> Callable[[], Form]:
    return lambda: plain(SDIST, data)


def zip_sdist(members: dict[str, bytes]) -> Callable[[], Form]:
    return lambda: plain("demo-1.0.zip", wheels.zip_bytes(members))


@cache
def bomb_tar() -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as file:
        file.write(entry("demo-1.0/zeros", size=100 * 1024 * 1024).tobuf())
        for _ in range(100):
            file.write(bytes(1024 * 1024))
    return out.getvalue()


LEGAL_TAR = wheels.tar_bytes(PKG)
FILTERED = "installers would refuse to unpack"
SDISTS = [
    no("no gzip", "not a well-formed gzipped tar", packed(b"PK\3\4 not gzip")),
    no("a gzip of no tar", "not a well-formed gzipped tar", packed(gzip.compress(b"not a tar" * 200))),
    no("a gzip cut off", "is cut off", packed(LEGAL_TAR[:-9])),
    no("a gzip of another checksum", "well-formed", packed(LEGAL_TAR[:-8] + b"\0" * 8)),
    no("bytes behind the gzip", "follow the end of the gzip", packed(LEGAL_TAR + b"tail")),
    no("two gzips", "follow the end of the gzip", packed(LEGAL_TAR + LEGAL_TAR)),
    no("a tar behind the tar", "follow the end of the tar", packed(gzip.compress(gzip.decompress(LEGAL_TAR) * 2))),
    no("no PKG-INFO", "has no demo-1.0/PKG-INFO", lambda: plain(SDIST, wheels.tar_bytes({"demo-1.0/a": b""}))),
    no("an empty tar", "holds no file", lambda: plain(SDIST, wheels.tar_bytes({}))),
    no("two top folders", "exactly one top folder", tar({"other/x": b""})),
    no("a loose file", "exactly one top folder", tar({"loose": b""})),
    no(
        "another top folder",
        "does not match the filename",
        lambda: plain(SDIST, wheels.tar_bytes({"x-1.0/PKG-INFO": b""})),
    ),
    no("a path upwards", BAD_NAME, tar({"demo-1.0/../../evil": b""})),
    no("an absolute path", BAD_NAME, tar({"/etc/evil": b""})),
    no("a path with a dot", BAD_NAME, tar({"demo-1.0/./a": b""})),
    no("a file twice", "more than once", tar({}, entry("demo-1.0/PKG-INFO"))),
    no("a link out of the archive", FILTERED, tar({}, entry("demo-1.0/l", tarfile.SYMTYPE, "../../../etc/passwd"))),
    no("an absolute link", FILTERED, tar({}, entry("demo-1.0/l", tarfile.SYMTYPE, "/etc/passwd"))),
    no("a hard link out of the archive", FILTERED, tar({}, entry("demo-1.0/l", tarfile.LNKTYPE, "../etc/passwd"))),
    no("a device", "device, a pipe", tar({}, entry("demo-1.0/d", tarfile.CHRTYPE))),
    no("a pipe", "device, a pipe", tar({}, entry("demo-1.0/p", tarfile.FIFOTYPE))),
    no("a file below a file", "lies below a file", tar({"demo-1.0/a": b"", "demo-1.0/a/b": b""})),
    no("a bomb", "more than 50 times its size", lambda: plain(SDIST, bomb_tar())),
    no(
        "PKG-INFO of another",
        "inside the file is not the project",
        lambda: plain(SDIST, wheels.tar_bytes({"demo-1.0/PKG-INFO": wheels.metadata_text("evil", "1.0")})),
    ),
    no(
        "PKG-INFO of another version",
        "inside the file is not the version",
        lambda: plain(SDIST, wheels.tar_bytes({"demo-1.0/PKG-INFO": wheels.metadata_text("demo", "2.0")})),
    ),
    no(
        "an empty PKG-INFO",
        "is not a metadata version",
        lambda: plain(SDIST, wheels.tar_bytes({"demo-1.0/PKG-INFO": b""})),
    ),
    no("a licence file that is missing", "license_file 'COPYING'", demo_sdist(metadata={"License-File": "COPYING"})),
    no("a zip sdist without PKG-INFO", "has no demo-1.0/PKG-INFO", zip_sdist({"demo-1.0/a": b""})),
    no("a zip sdist with two folders", "exactly one top folder", zip_sdist({**PKG, "x/a": b""})),
    no("a tar called zip", "zip end record", lambda: plain("demo-1.0.zip", LEGAL_TAR)),
]
METADATA = [
    no("metadata 3.0", "not a metadata version", demo_wheel(metadata_version="3.0")),
    no("metadata of foreign digits", "not a metadata version", demo_wheel(metadata_version="\u0662.1")),
    no("the name twice", "is given 2 times", meta(Name="demo")),
    no("the version twice", "is given 2 times", meta(Version="2.0")),
    no("a requirement that is none", "not a dependency specifier", demo_wheel(requires=["not a requirement !"])),
    no("a marker of parentheses", "not a dependency specifier", demo_wheel(requires=["a; " + "(" * 3000])),
    no("a version that is none for Python", "not a version specifier", demo_wheel(requires_python="three")),
    no("any text for Python", "not a version specifier", demo_wheel(requires_python="===\u00e9")),
    no("an extra that is none", "not a legal extra name", meta(Provides_Extra="a b")),
    no("a name as dynamic", "may not be dynamic", meta(Dynamic="Name")),
    no("an unknown field as dynamic", "not a core metadata field", meta(Dynamic="Nonsense")),
    no("a licence that is none", "not an SPDX expression", meta(License_Expression="mine, all mine")),
    no("a licence file outside", "not a path inside the project", meta(License_File="../LICENSE")),
    no("a licence file that is missing", "license_file 'LICENSE'", meta(License_File="LICENSE")),
    no("a description of PDF", "not a known content type", meta(Description_Content_Type="application/pdf")),
    no("a description in Latin-1", "another charset", meta(Description_Content_Type="text/plain; charset=latin-1")),
    no("a label of 40 characters", "not a label of 1 to 32", meta(Project_URL="l" * 40 + ", https://a.example/")),
    no("an import name that is none", "is not an import name", meta(Import_Name="a-b")),
    no("a name and a namespace", "is an import name too", meta(Import_Name="a", Import_Namespace="a")),
    no("a long summary", "is longer than", meta(Summary="x" * 3000)),
    no("a mail of many parts", "cannot be read", meta(Content_Type="multipart/mixed; boundary=x")),
    no(
        "bytes of no encoding",
        "cannot be read",
        demo_wheel(
            change={
                "{info}/METADATA": wheels.metadata_text("demo", "1.0", metadata={"Author": "x"}).replace(
                    b"Author: x", b"Author: \xff\xfe"
                )
            }
        ),
    ),
    no(
        "no name",
        "is not a legal project name",
        demo_wheel(change={"{info}/METADATA": b"Metadata-Version: 2.1\nVersion: 1.0\n\n"}),
    ),
]
LEGAL = [
    yes("an sdist", lambda: wheels.sdist("plain", "1.0")),
    yes("a zip sdist", lambda: wheels.sdist("zipped", "1.0", suffix=".zip")),
    yes(
        "a link inside an sdist",
        lambda: (
            "linked-1.0.tar.gz",
            wheels.tar_bytes(
                {"linked-1.0/PKG-INFO": wheels.metadata_text("linked", "1.0")},
                [entry("linked-1.0/l", tarfile.SYMTYPE, "PKG-INFO")],
            ),
        ),
    ),
    yes("a signature without a row", lambda: wheels.wheel("signed", "1.0", replace={"{info}/RECORD.jws": b"{}"})),
    yes("a .data folder", lambda: wheels.wheel("scripted", "1.0", change={"scripted-1.0.data/scripts/x": b"#!python"})),
    yes(
        "a licence file",
        lambda: wheels.wheel(
            "licensed", "1.0", metadata={"License-File": "LICENSE"}, change={"{info}/licenses/LICENSE": b"x"}
        ),
    ),
    yes(
        "a licence file of old metadata",
        lambda: wheels.wheel("older", "1.0", metadata_version="2.1", metadata={"License-File": "LICENSE"}),
    ),
    yes("a name that is not ASCII", lambda: wheels.wheel("accents", "1.0", change={"accents/caf\u00e9.txt": b"x"})),
    yes(
        "stored members", lambda: ("stored-1.0-py3-none-any.whl", rewritten(wheels.wheel("stored", "1.0")[1], _pass, 0))
    ),
    yes("folders of their own", lambda: wheels.wheel("folders", "1.0", replace={"folders/empty/": b""})),
    yes("an old wheel", lambda: wheels.wheel("ancient", "0.1", metadata_version="2.0")),
    *[
        yes(f"metadata {version}", partial(wheels.wheel, f"meta-{version}", "1.0", metadata_version=version))
        for version in ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
    ],
    yes(
        "both kinds of licence, as orjson has them",
        lambda: wheels.wheel(
            "both",
            "1.0",
            metadata={"License-Expression": "MIT", "Classifier": "License :: OSI Approved"},
        ),
    ),
    yes("two thousand files", lambda: wheels.wheel("many", "1.0", files={f"many/{n}.py": b"" for n in range(2000)})),
    yes(
        "the same under strict rules",
        lambda: wheels.wheel("careful", "1.0", metadata={"Home-page": "https://a.example/"}),
        "strict",
    ),
    yes("an sdist under strict rules", lambda: wheels.sdist("careful", "1.0"), "strict"),
]
ROWS: list[Row] = [*ZIPS, *WHEELS, *(replace(row, what=f"sdist: {row.what}") for row in SDISTS), *METADATA, *LEGAL]
