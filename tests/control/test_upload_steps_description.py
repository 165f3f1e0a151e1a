"""A description that makes no page is told where the profile asks for it; one past the limits is a warning."""

import pytest
from control.judging import metadata

from holdfast.control.uploads.rules import PRIVATE, PUBLIC
from holdfast.control.uploads.steps_description import (
    RENDERED_BYTES_MAX,
    TOO_BUSY,
    TOO_LONG,
    Looked,
    OutOfBounds,
    check_description,
    rendered_apart,
)

GOOD = "Demo\n====\n\nHello *you*.\n"
BROKEN = "Demonstration\n====\n\nHello.\n"
RST = "text/x-rst; charset=UTF-8"


def never(text: bytes) -> tuple[bool, str]:
    raise AssertionError("nothing is to be rendered")


def test_what_renders_is_fine():
    assert Looked() == check_description(metadata(GOOD, Description_Content_Type=RST), PUBLIC)


def test_what_does_not_is_told_with_the_line_and_what_to_do():
    looked = check_description(metadata(BROKEN, Description_Content_Type=RST), PUBLIC)

    [problem] = looked.problems
    assert "description" == problem.field
    assert "does not render as text/x-rst (line 2: Title underline too short)" == problem.rule
    assert "text/markdown" in problem.step


def test_without_a_content_type_it_is_read_as_restructured_text():
    [problem] = check_description(metadata(BROKEN), PUBLIC).problems

    assert "no content type is given" in problem.rule


@pytest.mark.parametrize(
    ("description", "kind", "profile"),
    [
        (BROKEN, RST, PRIVATE),
        (BROKEN, "text/markdown", PUBLIC),
        (BROKEN, "text/plain", PUBLIC),
        ("", RST, PUBLIC),
        (" \n", RST, PUBLIC),
    ],
    ids=["private", "Markdown", "plain", "none", "blank"],
)
def test_nothing_is_rendered_where_nothing_can_be_wrong(description, kind, profile):
    assert Looked() == check_description(metadata(description, Description_Content_Type=kind), profile, never)


def test_a_text_of_many_bytes_is_not_looked_at_and_the_uploader_is_warned():
    long = metadata("x " * (RENDERED_BYTES_MAX // 2 + 1), Description_Content_Type=RST)

    assert Looked(warnings=(TOO_LONG,)) == check_description(long, PUBLIC, never)


def test_what_takes_too_much_is_not_refused_and_the_uploader_is_warned():
    def render(text: bytes) -> tuple[bool, str]:
        raise OutOfBounds

    assert Looked(warnings=(TOO_BUSY,)) == check_description(metadata(GOOD), PUBLIC, render)


def test_what_was_said_is_shown_as_plain_ascii():
    looked = check_description(metadata(GOOD), PUBLIC, lambda text: (False, "<string>:1: (ERROR/3) <b>\u202e\n"))

    assert looked.problems[0].sentence().isascii()
    assert "<b>" not in looked.problems[0].rule


def test_the_child_reads_no_files_and_runs_no_raw_html():
    include = ".. include:: /etc/passwd\n\n.. raw:: html\n\n   <script>alert(1)</script>\n"

    is_rendered, said = rendered_apart(include.encode())

    assert "root:" not in said
    assert "disabled" in said or not is_rendered
