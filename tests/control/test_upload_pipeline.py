"""The pipeline: legal uploads of every tool pass, each broken rule is told, and all of them at once."""

from pathlib import Path

import pytest
import wheels
from control.judging import SDIST, WHEEL, run, told

from holdfast.control import uploads
from holdfast.control.uploads.rules import PRIVATE, PUBLIC

TESTS = Path(__file__).parent


def test_every_step_has_a_file_of_tests():
    steps = sorted(path.stem for path in Path(uploads.__path__[0]).glob("steps_*.py"))

    assert len(steps) >= 6
    assert [] == [step for step in steps if not (TESTS / f"test_upload_{step}.py").exists()]


@pytest.mark.parametrize("profile", [PRIVATE, PUBLIC], ids=lambda p: p.name)
@pytest.mark.parametrize("archive", [WHEEL, SDIST], ids=["wheel", "sdist"])
@pytest.mark.parametrize("tool", sorted(wheels.BODIES))
def test_what_each_tool_sends_passes(tmp_path, tool, archive, profile):
    judged = run(tmp_path, wheels.BODIES[tool](*archive), profile)

    assert judged.problems == ()
    assert judged.upload is not None
    assert judged.upload.distribution.name == "demo-pkg"
    assert judged.upload.metadata.name == "Demo-Pkg"
    assert judged.upload.attestations == ()


def test_the_metadata_published_is_the_files_own_whatever_the_form_says(tmp_path):
    """flit always sends metadata_version 2.3; the form is a hint."""
    body = wheels.twine_body(*WHEEL, metadata_version="2.1", requires_python=">=2", summary="other")

    upload = run(tmp_path, body).upload

    assert upload is not None
    assert upload.metadata.requires_python == ">=3.9"
    assert upload.metadata_bytes == wheels.metadata_text("Demo-Pkg", "1.0", requires_python=">=3.9")


def test_a_form_without_name_version_or_digests_is_taken_from_the_file(tmp_path):
    body = wheels.encode([(":action", "file_upload")], *WHEEL)

    assert run(tmp_path, body).problems == ()


def test_the_action_may_stand_in_the_query(tmp_path):
    assert run(tmp_path, wheels.encode([], *WHEEL), query={":action": "file_upload"}).problems == ()


WRONG_FIELDS = [
    ({"action": "submit"}, [(":action", "is not file_upload")]),
    ({"action": ""}, [(":action", "is not file_upload")]),
    ({"protocol_version": "2"}, [("protocol_version", "is not 1")]),
    ({"filetype": "bdist_egg"}, [("filetype", "is not accepted")]),
    ({"filetype": "sdist"}, [("filetype", "does not fit the filename")]),
    ({"pyversion": "cp39"}, [("pyversion", "does not fit the filename (py3)")]),
    ({"name": "other"}, [("name", "is not the project of the filename (demo-pkg)")]),
    ({"name": "démo"}, [("name", "is not a legal project name")]),
    ({"version": "2.0"}, [("version", "is not the version of the filename (1.0)")]),
    ({"version": "one"}, [("version", "is not a PEP 440 version")]),
    ({"sha256_digest": "xyz"}, [("sha256_digest", "is not a digest in hex")]),
    ({"attestations": "{}"}, [("attestations", "is not a JSON list of 1 to 16 attestations")]),
    ({"attestations": "[" * 100_000}, [("attestations", "is not a JSON list of 1 to 16 attestations")]),
]


@pytest.mark.parametrize(("fields", "expected"), WRONG_FIELDS)
def test_each_wrong_field_is_told(tmp_path, fields, expected):
    assert told(run(tmp_path, wheels.twine_body(*WHEEL, **fields))) == expected


def test_problems_of_form_archive_and_metadata_are_told_together(tmp_path):
    filename, data = wheels.wheel("demo", "1.0", metadata={"Requires-Dist": "!", "Requires-Python": "x"})

    judged = run(tmp_path, wheels.twine_body(filename, data, protocol_version="3", md5_digest="0" * 32))

    assert {field for field, _ in told(judged)} == {
        "protocol_version",
        "md5_digest",
        "requires_dist",
        "requires_python",
    }


def test_profiles_differ_in_data_only(tmp_path):
    local = wheels.wheel("demo", "1.0+corp", requires=["a @ https://a.example/a.whl"])
    spelt = ("Demo.Pkg-1.0-py3-none-any.whl", wheels.wheel("demo.pkg", "1.0")[1])

    assert run(tmp_path, wheels.twine_body(*local)).problems == ()
    assert run(tmp_path, wheels.twine_body(*spelt)).problems == ()
    assert {field for field, _ in told(run(tmp_path, wheels.twine_body(*local), PUBLIC))} == {
        "version",
        "requires_dist",
    }
    assert told(run(tmp_path, wheels.twine_body(*spelt), PUBLIC)) == [
        ("filename", "must begin with the normalised name demo_pkg")
    ]


def test_what_a_client_sent_is_never_shown_raw(tmp_path):
    judged = run(tmp_path, wheels.twine_body(*WHEEL, name="<script>\r\nSet-Cookie: a=b" + "x" * 500))

    text = judged.problems[0].sentence()
    assert text.isascii()
    assert text.isprintable()
    assert "<" not in text
    assert len(text) < 500
