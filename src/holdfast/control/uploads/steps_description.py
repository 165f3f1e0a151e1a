"""The description renders, where the profile asks for it: else the project's page shows its markup as plain text.

Only reStructuredText can fail to; Markdown and plain text always give a page. The text is read in a child process
within limits (rendering.py). What the limits stop is no reason to refuse a file: the uploader is warned.
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.control.uploads.rules import Profile
from holdfast.core.core_metadata import CoreMetadata
from holdfast.core.upload_problems import Problem, problem, shown

RENDERED_BYTES_MAX = 400_000  # the longest descriptions known are half of it
WALL_SECONDS_MAX = 6.0  # hatch reads no answer ten seconds after its last byte
CHILDREN_MAX = 2  # at once, of a machine's control process
WAIT_SECONDS_MAX = 1.0  # for one of them to end
TOO_LONG = f"The description was not looked at: it is longer than {RENDERED_BYTES_MAX} bytes. Pages show its beginning."
TOO_BUSY = "The description was not looked at: it took too long. Pages may show it as plain text."

_children = threading.BoundedSemaphore(CHILDREN_MAX)
_MESSAGE = re.compile(r"^<string>:(?P<line>[0-9]*): \((?P<level>[A-Z]+)/[0-9]\) (?P<said>.*)$", re.MULTILINE)

Rendering = tuple[bool, str]  # whether it renders, and what was said
Render = Callable[[bytes], Rendering]
"""Renders reStructuredText. Raises OutOfBounds."""


class OutOfBounds(Exception):  # noqa: N818 - a verdict about a text
    """The text takes more than it may."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What is wrong with the description, and what the uploader should know."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def check_description(metadata: CoreMetadata, profile: Profile, render: Render | None = None) -> Looked:
    """Look at the description of the file's own metadata. `render` is the child process unless told otherwise."""
    description = metadata.raw.get("description", "")
    if not profile.rendered_descriptions or not isinstance(description, str) or not description.strip():
        return Looked()
    kind = metadata.description_content_type.partition(";")[0].strip().lower()
    if kind not in ("", "text/x-rst"):  # without one it is reStructuredText, says the specification
        return Looked()
    text = description.encode("utf-8", "replace")
    if len(text) > RENDERED_BYTES_MAX:
        return Looked(warnings=(TOO_LONG,))
    try:
        is_rendered, said = (render or rendered_apart)(text)
    except OutOfBounds:
        return Looked(warnings=(TOO_BUSY,))
    if is_rendered:
        return Looked()
    rule = f"does not render as {kind or 'text/x-rst (no content type is given)'}{_first_message(said)}"
    step = "Repair the markup, or say Description-Content-Type: text/markdown if it is Markdown."
    return Looked((problem("description", description, rule, step),))


def rendered_apart(text: bytes) -> Rendering:
    """Ask a child process. Raises OutOfBounds when it dies by its limits or none is free."""
    if not _children.acquire(timeout=WAIT_SECONDS_MAX):
        raise OutOfBounds
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-m", "holdfast.control.uploads.rendering"],
            input=text,
            capture_output=True,
            timeout=WALL_SECONDS_MAX,
            env={},  # no credentials of ours where a stranger's text is read
            check=True,
        )
        told = json.loads(done.stdout)
        return bool(told["rendered"]), str(told["why"])
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise OutOfBounds from error
    finally:
        _children.release()


def _first_message(said: str) -> str:
    """The first thing docutils found, e.g. ` (line 2: Title underline too short)`."""
    found = _MESSAGE.search(said)
    if found is None:
        return ""
    line = f"line {found['line']}: " if found["line"] else ""
    return f" ({line}{shown(found['said']).rstrip('.')})"
