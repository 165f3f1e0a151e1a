"""Fixtures for tests that start programs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Start, starting


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(*arguments, **variables)` runs a Python program; what is still running at the end is stopped."""
    with starting(tmp_path) as begin:
        yield begin
