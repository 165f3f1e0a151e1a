"""What a person reads after the start can be pasted as it is."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from holdfast.cli.readyz import trouble
from holdfast.cli.welcome import sentences
from holdfast.config import Config

ANSWERS = ((200, "{}"), (0, ""), (503, "no JSON"))


def test_what_is_not_ready_is_not_called_so_and_says_why_and_what_next(tmp_path: Path) -> None:
    known = Config(data=tmp_path)
    unmounted = json.dumps({"ready": False, "tree": {"trouble": "the store http://u:p@s.example is not there"}})

    said = [sentences(known, "", show_token=False, trouble=trouble(*answer))[0] for answer in ANSWERS]

    assert said[0].startswith("Holdfast is ready at")
    assert ["/readyz did not answer", "/readyz answers 503"] == [line.partition("NOT READY: ")[2] for line in said[1:3]]
    told = sentences(known, "", show_token=False, trouble=trouble(503, unmounted))[:2]
    assert told[0].endswith("NOT READY: the store http://…@s.example is not there")
    assert f"--data {tmp_path} check` says what to do" in told[1]


def test_commands_can_be_pasted_from_folders_with_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell reads the program and the data folder as one word each, wherever the checkout lies."""
    program = tmp_path / "my checkout" / "bin" / "holdfast"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    config = Config(data=tmp_path / "my data")

    lines = sentences(config, "", show_token=False)
    create = next(line for line in lines if "token create" in line)

    words = shlex.split(create.partition(": ")[2])
    assert [str(program), "--data", str(config.data), "token", "create", "NAME"] == words
