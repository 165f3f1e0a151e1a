"""What a person reads after the start can be pasted as it is."""

import shlex
import sys
from pathlib import Path

import pytest

from holdfast.cli.welcome import sentences
from holdfast.config import Config


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
