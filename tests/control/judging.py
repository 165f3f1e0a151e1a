"""A form through the whole pipeline, and what is said of it: what the tests of single steps share."""

import io
from pathlib import Path

import wheels

from holdfast.control.uploads.multipart import Content, Form, read_form
from holdfast.control.uploads.pipeline import Judged, judge
from holdfast.control.uploads.rules import PRIVATE, Profile
from holdfast.core.core_metadata import CoreMetadata, parse

WHEEL = wheels.wheel("Demo-Pkg", "1.0", requires_python=">=3.9")
SDIST = wheels.sdist("Demo-Pkg", "1.0")


def run(
    folder: Path, body: tuple[str, bytes], profile: Profile = PRIVATE, query: dict[str, str] | None = None
) -> Judged:
    return judge(read_form(io.BytesIO(body[1]), body[0], folder), query or {}, profile)


def told(judged: Judged) -> list[tuple[str, str]]:
    return [(problem.field, problem.rule) for problem in judged.problems]


def form(**fields: str) -> Form:
    """Text fields alone; `action` stands for `:action`."""
    return Form({":action" if key == "action" else key: (value,) for key, value in fields.items()}, None)


def content(filename: str = WHEEL[0], data: bytes = b"x", **digests: str) -> Content:
    """A file that is nowhere, for steps that do not look into it."""
    return Content(Path("/nonexistent"), filename, len(data), **{"sha256": "", "blake2b_256": "", "md5": "", **digests})


def metadata(description: str = "", **fields: object) -> CoreMetadata:
    """Core metadata with these fields, `_` for `-`; whatever is wrong with them is not told here."""
    given = {key.replace("_", "-"): value for key, value in fields.items()}
    data = wheels.metadata_text("demo", "1.0", metadata=given, description=description)  # type: ignore[arg-type]
    found = parse(data, PRIVATE.metadata).metadata
    assert found is not None
    return found
