"""RECORD: a wheel whose list of files is not its files is refused, each difference told once."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
import wheels

from holdfast.core.archive import examine

LEGAL = wheels.wheel("demo", "1.0", files={"demo/a.py": b"a", "demo/b.py": b"b"})
OWN = "demo-1.0.dist-info/RECORD"
META = "demo-1.0.dist-info/METADATA"


def told(folder: Path, archive: tuple[str, bytes]) -> list[tuple[str, str]]:
    path = folder / "content"
    path.write_bytes(archive[1])
    return [(p.value, p.rule) for p in examine(path, archive[0]).problems]


def with_record(edit) -> tuple[str, bytes]:
    """A wheel whose RECORD is the legal one after `edit`."""
    files = {"demo/a.py": b"a", "demo/b.py": b"b"}
    info = {META: wheels.metadata_text("demo", "1.0"), "demo-1.0.dist-info/WHEEL": wheels.WHEEL_TEXT}
    legal = wheels.record_text({**files, **info}, OWN).decode()
    return wheels.wheel("demo", "1.0", files=files, replace={"{info}/RECORD": edit(legal).encode()})


def test_a_wheel_whose_record_matches_is_fine(tmp_path):
    assert told(tmp_path, LEGAL) == []
    assert told(tmp_path, with_record(lambda text: text)) == []
    assert told(tmp_path, with_record(lambda text: text.replace("\n", "\r\n"))) == []


def test_digests_in_hex_are_read(tmp_path):
    """gmsh's wheels have them."""
    hexed = with_record(
        lambda text: re.sub(r"demo/a.py,sha256=[^,]+", "demo/a.py,sha256=" + sha256(b"a").hexdigest(), text)
    )

    assert told(tmp_path, hexed) == []


BROKEN = [
    (lambda t: t.replace("demo/a.py,", "demo/c.py,"), "demo/a.py", "is in the wheel and not in its RECORD"),
    (lambda t: t + "demo/ghost.py,sha256=x,1\n", "demo/ghost.py", "is in RECORD and not in the wheel"),
    (lambda t: t.replace("sha256=", "sha256=A", 1), "demo/a.py", "has not the digest and size that RECORD says"),
    (lambda t: t.replace(",1\n", ",2\n", 1), "demo/a.py", "has not the digest and size that RECORD says"),
    (lambda t: t + t.splitlines()[0] + "\n", "demo/a.py", "is in RECORD more than once"),
    (lambda t: t.replace("sha256=", "md5=", 1), "demo/a.py", "without a digest by sha256, sha384, sha512"),
    (lambda t: "demo/a.py,,1\n" + t.split("\n", 1)[1], "demo/a.py", "without a digest by sha256, sha384, sha512"),
    (lambda t: "demo/a.py\n" + t, "demo/a.py", "is a row of RECORD without its three columns"),
    (lambda t: t.replace("demo/a.py", '"demo/a.py'), OWN, "is not a CSV file in UTF-8"),
]


@pytest.mark.parametrize(("edit", "value", "rule"), BROKEN)
def test_each_difference_is_told(tmp_path, edit, value, rule):
    assert any(value == v and rule in r for v, r in told(tmp_path, with_record(edit)))


def test_a_signature_needs_no_row(tmp_path):
    assert told(tmp_path, wheels.wheel("demo", "1.0", replace={"{info}/RECORD.jws": b"{}"})) == []


def test_many_files_that_are_not_listed_are_one_problem(tmp_path):
    extra = {f"demo/{n}.py": b"" for n in range(9)}

    assert told(tmp_path, wheels.wheel("demo", "1.0", replace=extra)) == [
        ("demo/0.py", "is in the wheel and not in its RECORD (9 such files)")
    ]
