"""Logs: one JSON object per line, a message readable alone, and no secret in any of it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from holdfast import log
from holdfast.redact import redact

TOKEN = "holdfast_Abc123Def456_" + "s" * 43 + "_aB3dE6"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_message_fields_level_time_and_role() -> None:
    stream = io.StringIO()
    log.setup("info", "front", stream)

    structlog.get_logger().info("published %s", "flask", project="flask", duration_ms=3)

    (line,) = lines(stream)
    assert {"event": "published flask", "project": "flask", "duration_ms": 3, "level": "info", "role": "front"} == {
        name: line[name] for name in line if name not in ("at", "pid")
    }


def test_libraries_log_in_the_same_form_and_below_the_level_nothing_is_written() -> None:
    stream = io.StringIO()
    log.setup("warning", "pull", stream)

    logging.getLogger("library").info("too much")
    logging.getLogger("library").warning("slow %s", "upstream")

    assert [("slow upstream", "warning", "pull")] == [(x["event"], x["level"], x["role"]) for x in lines(stream)]


def test_no_secret_passes() -> None:
    stream = io.StringIO()
    log.setup("info", "front", stream)
    logger = structlog.get_logger()

    try:
        raise ValueError(f"bad token {TOKEN} for https://alice:hunter2@index.example/simple/")
    except ValueError:
        logger.exception("failed with Authorization: Basic aHVudGVyMjpodW50ZXIy")
    logger.info(
        "asked",
        headers={"Authorization": "Bearer hunter2hunter2", "cookie": "hunter2", "x-plain": ["a", f"b {TOKEN}"]},
        password="hunter2",
        url=b"https://:hunter2@index.example/",
        error=OSError("https://hunter2@index.example/"),
    )
    logging.getLogger("library").error("gave %s", TOKEN, extra={"secret": "hunter2"})

    text = stream.getvalue()
    assert "hunter2" not in text
    assert "aHVudGVy" not in text
    assert "ssss" not in text
    assert "holdfast_Abc123Def456_…" in text, "the public id stays: it is how a person finds the token"
    assert "https://…@index.example/simple/" in text


def test_ordinary_text_is_left_alone() -> None:
    for text in (
        "https://index.example/@2026-01-01/simple/",
        "pip install a@b",
        "token list",
        "basic usage",
        "holdfast_data",
    ):
        assert redact(text) == text


def test_on_a_terminal_only_warnings_and_errors_appear_as_sentences() -> None:
    stream = Terminal()
    log.setup("info", "control", stream)
    logger = structlog.get_logger()

    logger.info("quiet")
    logger.warning("the database %s is locked", "x", seconds=3)

    assert stream.getvalue() == "warning: the database x is locked (control)\n"
