"""What a person names on the command line, sorted into locks, requirements and what no index has."""

import pytest

from holdfast.core.lockfiles import BadLock
from holdfast.readiness.inputs import read_inputs

A = "a" * 64


def test_files_and_requirements_are_told_apart(tmp_path):
    (tmp_path / "limits.txt").write_text("plain<3\n")
    (tmp_path / "base.txt").write_text("-r app.txt\nbase>=1\n./folder\n")
    (tmp_path / "app.txt").write_text("-r base.txt\n-c limits.txt\n-i https://other.example/simple\nplain\n")
    (tmp_path / "exact.txt").write_text(f"demo==1.0 --hash=sha256:{A}\n")
    (tmp_path / "strange").write_text("strange-name\n")

    inputs = read_inputs(
        (
            str(tmp_path / "app.txt"),
            str(tmp_path / "exact.txt"),
            str(tmp_path / "strange"),
            "single[x]==2",
            "direct @ https://files.example/direct-1.zip",
        )
    )

    assert ["plain", "base>=1", "strange-name", "single[x]==2"] == inputs.requirements
    assert ["plain<3"] == inputs.constraints
    assert [str(tmp_path / "exact.txt")] == [name for name, _ in inputs.locks]
    assert ["./folder", "direct @ https://files.example/direct-1.zip"] == inputs.direct
    assert [(str(tmp_path / "app.txt"), "https://other.example/simple")] == inputs.indexes


@pytest.mark.parametrize(
    ("argument", "kind", "said"),
    [
        ("not a requirement", BadLock, "neither a file nor a requirement"),
        ("missing.txt", OSError, "missing.txt"),
        ("some/folder/uv.lock", OSError, "some/folder/uv.lock"),
        ("bad.txt", BadLock, "bad.txt: line 2: 'a b'"),
        ("binary.txt", BadLock, "binary.txt is no UTF-8 text"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, monkeypatch, argument, kind, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.txt").write_text("fine\na b\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")

    with pytest.raises(kind, match=said):
        read_inputs((argument,))
