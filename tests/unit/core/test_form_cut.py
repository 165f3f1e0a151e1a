"""A form whose file was cut out while it arrived is read as the whole form is, whatever the chunks were."""

import contextlib
import io
import tempfile
from pathlib import Path

import pytest
import wheels
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.control.uploads.multipart import read_form
from holdfast.core.digests import Digests, DigestsOfFile
from holdfast.core.form_cut import Cut, Cutter, read_reference, reference
from holdfast.core.multipart import MalformedForm

BOUNDARY = b"b0"
TYPE = "multipart/form-data; boundary=b0"
HEAD = b'--b0\r\nContent-Disposition: form-data; name="name"\r\n\r\ndemo\r\n'
FILE = b'--b0\r\nContent-Disposition: form-data; name="content"; filename="a-1.tar.gz"\r\n\r\n'
END = b"\r\n--b0--\r\n"
CUT = Cut("x.content", 12, DigestsOfFile(3, "a" * 64, "b" * 64, "c" * 32))

Read = tuple[dict[str, tuple[str, ...]], tuple[str, str, str, str, bytes] | None]


def cut_apart(body: bytes, chunk_bytes: int) -> tuple[bytes, bytes, int | None]:
    """(form, content, where) as a front leaves them."""
    cutter, form, content = Cutter(BOUNDARY), b"", b""
    pieces = [piece for at in range(0, len(body), chunk_bytes) for piece in cutter.feed(body[at : at + chunk_bytes])]
    for where, piece in (*pieces, *cutter.end()):
        form, content = (form, content + piece) if where == "content" else (form + piece, content)
    return form, content, cutter.at


def read(body: bytes, content: bytes = b"", at: int | None = None) -> Read | None:
    """What control makes of a form, None when it refuses it. No file is left behind then."""
    with tempfile.TemporaryDirectory() as name:
        folder, cut = Path(name), None
        if at is not None:
            digests = Digests()
            digests.update(content)
            cut = Cut("cut", at, digests.finish())
            (folder / "cut").write_bytes(content)
        found = None
        with contextlib.suppress(MalformedForm):
            found = read_form(io.BytesIO(body), TYPE, folder, cut=cut)
        if found is None:
            assert [] == [path for path in folder.iterdir() if path.name != "cut"]
            return None
        file = found.content
        facts = None
        if file is not None:
            facts = (file.filename, file.sha256, file.blake2b_256, file.md5, file.path.read_bytes())
        return dict(found.fields), facts


def agree(body: bytes, chunk_bytes: int) -> Read | None:
    """What both ways of reading agree on."""
    form, content, at = cut_apart(body, chunk_bytes)
    whole = read(body)
    assert whole == read(form, content, at)
    return whole


@pytest.mark.parametrize("tool", sorted(wheels.BODIES))
def test_what_each_tool_sends_is_cut_and_read_alike(tool: str):
    content_type, body = wheels.BODIES[tool](*wheels.wheel("demo", "1.0"))
    cutter = Cutter(content_type.partition("boundary=")[2].strip('"').encode())

    pieces = [*cutter.feed(body), *cutter.end()]

    assert wheels.wheel("demo", "1.0")[1] == b"".join(piece for where, piece in pieces if where == "content")


@pytest.mark.parametrize("chunk_bytes", [1, 2, 7, 64, 10_000])
@pytest.mark.parametrize("content", [b"", b"\r", b"\r\n", b"\r\n--b", b"\n--b1\r\n-", bytes(3000), b"\r\n-" * 500])
def test_a_form_is_read_alike_in_chunks_of_any_size(content: bytes, chunk_bytes: int):
    found = agree(HEAD + FILE + content + END, chunk_bytes)

    assert found is not None and found[1] is not None
    assert (("demo",), content) == (found[0]["name"], found[1][4])


@pytest.mark.parametrize(
    "body",
    [
        HEAD + FILE + b"x\n--b0--\r\n" + END,  # a boundary after a bare line feed
        HEAD + FILE + b"--b0" + END,
        HEAD + FILE + b"x" + END + b"more",
        HEAD + FILE + b"x\r\n" + FILE + b"y" + END,  # two files
        HEAD + FILE + b"x",  # cut off
        HEAD + FILE[:-1],
        b"\r\n" + HEAD + FILE + b"x" + END,
        HEAD + FILE.replace(b"form-data", b"form-data;;") + b"x" + END,
        HEAD + FILE.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 5000 + b"\r\n\r\n") + b"x" + END,
        HEAD + FILE.replace(b'; filename="a-1.tar.gz"', b"") + b"x" + END,
        b"",
        b"--b",
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 5, 10_000])
def test_what_is_refused_whole_is_refused_cut(body: bytes, chunk_bytes: int):
    assert agree(body, chunk_bytes) is None


PIECES = st.sampled_from(
    [HEAD, FILE, END, b"\r\n", b"\r", b"\n", b"--b0", b"--b0--", b"--", b"b0", b"x" * 40, b"\r\n--b"]
)


@given(st.lists(PIECES, max_size=12), st.integers(1, 60))
@example([HEAD, FILE, b"x", END], 3)
def test_any_mixture_of_a_forms_pieces_is_read_alike(pieces: list[bytes], chunk_bytes: int):
    agree(b"".join(pieces), chunk_bytes)


def test_control_learns_of_a_cut_by_its_reference():
    assert ("form", CUT) == read_reference(reference("form", CUT))
    assert ("form", None) == read_reference(reference("form", None))


@pytest.mark.parametrize("change", [("at 12", "at -1"), ("x.content", "../x"), ("sha256 a", "sha256 A"), (";", "; ")])
def test_another_text_is_no_reference(change: tuple[str, str]):
    text = reference("form", CUT).replace(*change)

    assert (text, None) == read_reference(text)


@pytest.mark.parametrize("at", [0, 10, len(HEAD + FILE) - 1, len(HEAD + FILE) + 1, 10_000])
def test_a_cut_at_another_place_is_refused(at: int):
    assert read(HEAD + FILE + END, b"x", at) is None
    assert read(HEAD + FILE + END, b"x", len(HEAD + FILE)) is not None


def test_a_cut_from_a_form_without_a_content_part_is_refused():
    assert read(HEAD + END[2:], b"x", 10) is None
