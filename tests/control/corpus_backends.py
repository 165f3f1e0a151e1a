"""Sdists as real build back ends write them, header by header: all of them are legal.

Python's tarfile in pax format (setuptools since 2019, hatchling, flit, poetry-core, pdm-backend) puts into pax records
what a header cannot hold: names that are not ASCII or longer than 100 bytes, times with fractions, ids above 2097151.
"""

import gzip
import io
import tarfile
from collections.abc import Callable

import wheels
from control.corpus import Row, yes

Archive = Callable[[], tuple[str, bytes]]
LONG = "/".join(["a" * 40] * 5) + "/module.py"  # 214 bytes
SLASH_AT_100 = "b" * (99 - len("longest-1.0/")) + "/module.py"  # the field's 100 bytes end with the slash


def sdist(
    name: str, *files: str, form: int = tarfile.PAX_FORMAT, folders: tuple[str, ...] = (), **facts: object
) -> Archive:
    """Files with these `TarInfo` attributes; `folders` get members of their own, before the files."""
    top = f"{name.replace('-', '_')}-1.0"

    def make() -> tuple[str, bytes]:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            for folder in folders:
                archive.addfile(_info(f"{top}/{folder}".rstrip("/"), tarfile.DIRTYPE, facts))
            contents = dict.fromkeys(files, b"x = 1\n") | {"PKG-INFO": wheels.metadata_text(name, "1.0")}
            for file, data in contents.items():
                info = _info(f"{top}/{file}", tarfile.REGTYPE, facts)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return f"{top}.tar.gz", gzip.compress(out.getvalue())

    return make


def _info(name: str, kind: bytes, facts: dict[str, object]) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in facts.items():
        setattr(info, key, value)
    return info


SETUPTOOLS = {"uid": 1000, "gid": 1000, "uname": "builder", "gname": "builder", "mtime": 1767225600.1234567}
REPRODUCIBLE = {"uid": 0, "gid": 0, "uname": "", "gname": "", "mtime": 1580601600}
ROWS: list[Row] = [
    yes(
        "setuptools: folders, owners, times with fractions",
        sdist("be-setuptools", "a/b.py", folders=("", "a"), **SETUPTOOLS),
    ),
    yes("hatchling: no owners, a fixed time", sdist("be-hatchling", "a/b.py", ".gitignore", **REPRODUCIBLE)),
    yes("flit: GNU format of old", sdist("be-flit-old", "a/b.py", form=tarfile.GNU_FORMAT, **REPRODUCIBLE)),
    yes("flit: pax format", sdist("be-flit", "a/b.py", **REPRODUCIBLE)),
    yes("poetry-core: time zero", sdist("be-poetry", "a/b.py", mtime=0)),
    yes("an old ustar", sdist("be-ustar", "a/b.py", form=tarfile.USTAR_FORMAT, folders=("",), mtime=1)),
    yes(
        "pax: names that are not ASCII",
        sdist("be-accents", "caf\u00e9/\u540d.py", folders=("caf\u00e9",), **SETUPTOOLS),
    ),
    yes("GNU: names that are not ASCII", sdist("be-accents-gnu", "caf\u00e9.py", form=tarfile.GNU_FORMAT)),
    yes("pax: ids above 2097151", sdist("be-ids", "a.py", uid=3_000_000_000, gid=2_097_152, mtime=1.5)),
    yes(
        "GNU: ids above 2097151", sdist("be-ids-gnu", "a.py", form=tarfile.GNU_FORMAT, uid=3_000_000_000, gid=2_097_152)
    ),
    yes("pax: owners that are not ASCII", sdist("be-owners", "a.py", uname="j\u00f6rg", gname="b\u00e4ume")),
    yes("pax: a time before 1970", sdist("be-before", "a.py", mtime=-1.25)),
    yes("pax: a path of 214 bytes", sdist("be-long", LONG, **SETUPTOOLS)),
    yes("GNU: a path of 214 bytes", sdist("be-long-gnu", LONG, form=tarfile.GNU_FORMAT)),
    yes("ustar: a path in two fields", sdist("be-long-ustar", f"{'c' * 90}/{'d' * 90}.py", form=tarfile.USTAR_FORMAT)),
    yes("pax: a name field that ends at a slash", sdist("longest", SLASH_AT_100, **SETUPTOOLS)),
    yes("GNU: a name field that ends at a slash", sdist("longest", SLASH_AT_100, form=tarfile.GNU_FORMAT), "strict"),
    yes("pax: a folder of a long name", sdist("be-folders", folders=(LONG.rpartition("/")[0],), **SETUPTOOLS)),
    yes(
        "GNU: a folder of a long name",
        sdist("be-folders-gnu", folders=(LONG.rpartition("/")[0],), form=tarfile.GNU_FORMAT),
    ),
    yes("git archive: a comment for all", sdist("be-git", "a.py", pax_headers={"comment": "c0ffee" * 6})),
]
