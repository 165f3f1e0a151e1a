"""Whatever is uploaded, judging it ends with an upload or with problems in printable ASCII, never with a crash."""

import contextlib
import io
import tempfile
from pathlib import Path

import wheels
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.control.uploads.multipart import Form, read_form
from holdfast.control.uploads.pipeline import judge
from holdfast.control.uploads.rules import PRIVATE, PUBLIC
from holdfast.control.uploads.steps_filename import read_filename
from holdfast.core.core_metadata import MetadataRules, parse
from holdfast.core.multipart import MalformedForm
from holdfast.core.name_rules import check_new_name, imitated, look_alike_key
from holdfast.core.names import is_normalized, normalize
from holdfast.core.upload_problems import Problem
from holdfast.core.wheel_file import check_wheel_file
from holdfast.core.wheel_record import read_rows

WHEEL, SDIST = wheels.wheel("demo", "1.0"), wheels.sdist("demo", "1.0")
PROFILES = st.sampled_from([PRIVATE, PUBLIC])
FIELDS = st.sampled_from(
    "Name Version Summary Requires-Dist Requires-Python Provides-Extra License-Expression License-File Classifier"
    " Dynamic Description-Content-Type Project-URL Home-page Import-Name Import-Namespace Keywords Author-email".split()
)
NEARLY = st.text(alphabet="a1._-+!<>=~;,()[]@/:'\" \t\u0661\u00e9*|&", max_size=40)


def sentences(problems: object) -> None:
    for problem in problems:  # type: ignore[attr-defined]
        assert isinstance(problem, Problem)
        text = problem.sentence()
        assert text.isascii()
        assert text.isprintable()
        assert len(text) < 1000


def judged(content_type: str, body: bytes, profile=PRIVATE) -> bool | None:
    """True for an upload, False for problems, None for a form that cannot be read; no file is left in the last case."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        form: Form | None = None
        with contextlib.suppress(MalformedForm):
            form = read_form(io.BytesIO(body), content_type, folder)
        if form is None:
            assert list(folder.iterdir()) == []
            return None
        found = judge(form, {}, profile)
        assert (found.upload is None) == bool(found.problems)
        sentences(found.problems)
        return found.upload is not None


@given(st.sampled_from([WHEEL, SDIST]), PROFILES, st.data())
def test_a_form_with_some_bytes_overwritten_is_judged(archive, profile, data):
    content_type, body = wheels.twine_body(*archive)
    spoilt = bytearray(body)
    for _ in range(data.draw(st.integers(1, 6))):
        spoilt[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    judged(content_type, bytes(spoilt), profile)


@given(st.data())
def test_a_form_cut_off_anywhere_before_its_last_boundary_is_no_form(data):
    content_type, body = wheels.twine_body(*WHEEL)
    assert judged(content_type, body[: data.draw(st.integers(0, len(body) - 5))]) is None


@given(st.text(max_size=100), st.binary(max_size=300))
def test_any_content_type_and_any_body_are_judged(content_type, body):
    assert judged(content_type, body) is not True
    assert judged(f"multipart/form-data; boundary={content_type}", body) is not True


@given(st.dictionaries(st.sampled_from(["name", "version", "filetype", "pyversion", "attestations"]), NEARLY), PROFILES)
def test_any_fields_are_judged(fields, profile):
    judged(*wheels.twine_body(*WHEEL, **fields), profile)


@given(st.one_of(NEARLY, st.text(max_size=300)), st.sampled_from(["", ".whl", ".tar.gz", ".zip"]), PROFILES)
@example("demo-1.0 ", ".tar.gz", PRIVATE)
@example("demo-1.0-" + "a." * 60 + "a-" + "b." * 60 + "b-any", ".whl", PRIVATE)
@example("demo-" + "9" * 220, ".tar.gz", PRIVATE)
def test_a_filename_that_passes_is_of_one_reading(stem, ending, profile):
    named = read_filename(stem + ending, profile)
    sentences(named.problems)
    if named.parsed is not None and not named.problems:
        assert (stem + ending).isascii()
        assert " " not in stem + ending
        assert is_normalized(named.parsed.name)
        assert normalize((stem + ending).split("-", 1)[0]) == named.parsed.name or ending != ".whl"
        assert len(str(named.parsed.version)) <= 140


@given(st.lists(st.tuples(FIELDS, st.one_of(NEARLY, st.text(max_size=60)))), PROFILES)
def test_metadata_of_any_fields_is_judged(fields, profile):
    lines = ["Metadata-Version: 2.4", "Name: demo", "Version: 1.0", *(f"{key}: {value}" for key, value in fields)]
    found = parse("\n".join(lines).encode("utf-8", "surrogatepass"), profile.metadata)
    sentences(found.problems)
    assert found.metadata is not None or found.problems


@given(st.binary(max_size=400))
def test_any_record_and_any_wheel_file_are_judged(data):
    sentences(read_rows(data, "demo-1.0.dist-info/RECORD", 1000)[1])
    sentences(check_wheel_file(data, "demo-1.0-py3-none-any.whl"))
    sentences(check_wheel_file(b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: " + data, "demo-1.0-py3-none-any.whl"))


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True).map(normalize))
def test_names_are_judged_alike_however_they_are_separated(name):
    assert look_alike_key(name) == look_alike_key(name.replace("-", "")) == look_alike_key(look_alike_key(name))
    assert imitated(name) != name
    sentences(check_new_name(name, [name]))


@given(st.integers(1, 3000))
def test_metadata_of_deep_markers_is_judged(depth):
    requirement = f"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nRequires-Dist: a; {'(' * depth}\n"
    assert parse(requirement.encode(), MetadataRules()).problems
