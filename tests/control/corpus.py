"""Uploads, hostile and legal, one row each: what it is, how its form is made, and what the uploader is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import wheels

Form = tuple[str, bytes]  # Content-Type and body


@dataclass(frozen=True, slots=True)
class Row:
    """One upload. `words` stand in the answer; a refusal leaves nothing behind."""

    what: str
    make: Callable[[], Form]
    status: int
    words: str
    index: str = "main"  # "strict" has the public rules


def plain(filename: str, data: bytes) -> Form:
    """A form that says nothing but the action: the file alone decides."""
    return wheels.encode([(":action", "file_upload")], filename, data)


def whole(archive: tuple[str, bytes], **more: str) -> Form:
    """What twine sends."""
    return wheels.twine_body(*archive, **more)


def no(what: str, words: str, make: Callable[[], Form], index: str = "main") -> Row:
    """A refused upload."""
    return Row(what, make, 400, words, index)


def yes(what: str, archive: Callable[[], tuple[str, bytes]], index: str = "main") -> Row:
    """A legal upload, as twine sends it."""
    return Row(what, lambda: whole(archive()), 200, "is published", index)


def demo_wheel(**how: object) -> Callable[[], Form]:
    """A wheel of demo 1.0 with something changed, told of by its true name."""
    return lambda: plain(*wheels.wheel("demo", "1.0", **how))  # type: ignore[arg-type]


def demo_sdist(**how: object) -> Callable[[], Form]:
    """The same for an sdist."""
    return lambda: plain(*wheels.sdist("demo", "1.0", **how))  # type: ignore[arg-type]


def meta(**fields: object) -> Callable[[], Form]:
    """A wheel whose METADATA has these fields, `_` for `-`."""
    given: Mapping[str, object] = {key.replace("_", "-"): value for key, value in fields.items()}
    return demo_wheel(metadata=given)


def renamed(filename: str) -> Callable[[], Form]:
    """The legal wheel or sdist of demo 1.0 under another filename."""
    archive = wheels.wheel("demo", "1.0") if filename.endswith((".whl", ".WHL")) else wheels.sdist("demo", "1.0")
    return partial(plain, filename, archive[1])
