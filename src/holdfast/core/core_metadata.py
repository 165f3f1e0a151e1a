"""Core metadata: METADATA or PKG-INFO bytes to a frozen value, with every broken rule told at once.

The bytes are parsed by `packaging`; the rules are ours, because an index must accept what real build tools have
written for years (`License-File` under version 2.1, say) and name all problems together.
Source: the core metadata specification, versions 1.0 to 2.5.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from packaging.metadata import parse_email

from holdfast.core import metadata_public, metadata_rules
from holdfast.core.metadata_lines import broken_line, excess, parted
from holdfast.core.upload_problems import Problem, problem

RawValue = str | list[str] | dict[str, str]

_BLANK_LINE = re.compile(rb"\n\n|\n\r|\r\r")  # any of the line ends that the e-mail parser knows
_PARTS = re.compile(rb"(?:^|[\r\n])content-type[ \t]*:\s*(?:multipart|message)", re.IGNORECASE)

VERSIONS = ("1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5")


@dataclass(frozen=True, slots=True)
class MetadataRules:
    """What one rule profile asks of metadata beyond the specification."""

    versions: tuple[str, ...] = VERSIONS
    local_versions: bool = True
    direct_urls: bool = True
    summary_chars_max: int = 2048
    web_links: bool = False  # every link is an http or https URL
    mail_addresses: bool = False  # of authors and maintainers, and nothing else in their fields


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """One file's own metadata. `raw` has every given field under its lower_snake name, as legacy JSON spells it."""

    metadata_version: str
    name: str  # as written
    version: str  # as written
    summary: str
    requires_python: str
    requires_dist: tuple[str, ...]
    provides_extra: tuple[str, ...]
    license_files: tuple[str, ...]
    dynamic: tuple[str, ...]
    description_content_type: str
    raw: Mapping[str, RawValue]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The metadata, None when it has no usable name and version; and every problem found."""

    metadata: CoreMetadata | None
    problems: tuple[Problem, ...]


def parse(data: bytes, rules: MetadataRules) -> Parsed:
    """Read and judge one METADATA or PKG-INFO document. Never raises on any bytes."""
    if rule := excess(data):
        return Parsed(None, (problem("metadata", "", rule, "Build the file again with a current build tool."),))
    raw, unparsed = _read(data)
    problems = [*_line_problems(data), *_unparsed_problems(unparsed), *_check(raw, rules)]
    name, version = raw.get("name"), raw.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        return Parsed(None, tuple(problems))
    return Parsed(_build(raw, name, version), tuple(problems))


def _read(data: bytes) -> tuple[dict[str, RawValue], dict[str, list[str]]]:
    if _has_parts(data):
        return {}, {"metadata-version": []}
    try:
        parsed, unparsed = parse_email(parted(data)[0] + b"\n")
    except Exception:  # noqa: BLE001 - what the e-mail parser raises on hostile bytes is not documented
        return {}, {"metadata-version": []}
    raw: dict[str, RawValue] = {}
    for key, value in parsed.items():
        if value == "UNKNOWN" and key not in ("name", "version"):
            continue  # distutils wrote this for "not given"
        raw[key] = value  # type: ignore[assignment]
    _add_body(raw, unparsed, parted(data)[1])
    return raw, unparsed


def _add_body(raw: dict[str, RawValue], unparsed: dict[str, list[str]], body: bytes) -> None:
    """What follows the headers is the description. The e-mail parser would make an object of each of its lines."""
    try:
        text = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8")
    except UnicodeDecodeError:
        unparsed.setdefault("description", []).append("")
        return
    if not text:
        return
    if "description" in raw:  # said in both places, and nobody knows which counts
        unparsed["description"] = [str(raw.pop("description")), text]
    elif "description" in unparsed:
        unparsed["description"].append(text)
    else:
        raw["description"] = text


def _has_parts(data: bytes) -> bool:
    """True for a mail of many parts, which is no metadata: the e-mail parser takes half a minute for 8 MiB of them."""
    end = _BLANK_LINE.search(data)
    return _PARTS.search(data, 0, end.start() if end else len(data)) is not None


def _line_problems(data: bytes) -> Iterator[Problem]:
    if (line := broken_line(data)) is not None:
        rule = "is a line of the metadata that is no header, or has a control character"
        yield problem("metadata", line, rule, "Build the file again with a current build tool.")


def _unparsed_problems(unparsed: Mapping[str, list[str]]) -> Iterator[Problem]:
    """Known fields that did not parse: given twice, not UTF-8, or project URLs that repeat a label."""
    for field in sorted(unparsed.keys() & metadata_rules.KNOWN_FIELDS):
        values = unparsed[field]
        if len(values) > 1 and field not in metadata_rules.MULTIPLE_FIELDS:
            rule = f"is given {len(values)} times in the metadata"
        else:
            rule = "cannot be read (not UTF-8, or a repeated label)"
        step = "Build the file again with a current build tool."
        yield problem(field.replace("-", "_"), values[0] if values else "", rule, step)


def _check(raw: Mapping[str, RawValue], rules: MetadataRules) -> Iterator[Problem]:
    yield from metadata_rules.check_metadata_version(_text(raw, "metadata_version"), rules.versions)
    yield from metadata_rules.check_name(_text(raw, "name"))
    yield from metadata_rules.check_version(_text(raw, "version"), local_versions=rules.local_versions)
    yield from metadata_rules.check_summary(_text(raw, "summary"), rules.summary_chars_max)
    yield from metadata_rules.check_requirements("requires_dist", _many(raw, "requires_dist"), rules.direct_urls)
    yield from metadata_rules.check_imports(_many(raw, "import_names"), _many(raw, "import_namespaces"))
    yield from metadata_rules.check_project_urls(_mapping(raw, "project_urls"))
    if rules.web_links:
        links = {"home_page": _text(raw, "home_page"), "download_url": _text(raw, "download_url")}
        yield from metadata_rules.check_links({**links, **_mapping(raw, "project_urls")})
    if rules.mail_addresses:
        for field in ("author_email", "maintainer_email"):
            if value := _text(raw, field):
                yield from metadata_public.check_addresses(field, value)
    if not rules.direct_urls:
        for field in ("provides_dist", "obsoletes_dist"):
            yield from metadata_rules.check_requirements(field, _many(raw, field), direct_urls=False)
    for field, check in _SINGLE_CHECKS:
        if value := _text(raw, field):
            yield from check(value)
    for field, check in _MULTIPLE_CHECKS:
        for value in _many(raw, field):
            yield from check(value)


_SINGLE_CHECKS: tuple[tuple[str, Callable[[str], Iterator[Problem]]], ...] = (
    ("license_expression", metadata_rules.check_licence),
    ("requires_python", metadata_rules.check_requires_python),
    ("description_content_type", metadata_rules.check_description_content_type),
)
_MULTIPLE_CHECKS: tuple[tuple[str, Callable[[str], Iterator[Problem]]], ...] = (
    ("provides_extra", metadata_rules.check_extra),
    ("dynamic", metadata_rules.check_dynamic),
    ("license_files", metadata_rules.check_licence_file),
)


def _build(raw: Mapping[str, RawValue], name: str, version: str) -> CoreMetadata:
    return CoreMetadata(
        metadata_version=_text(raw, "metadata_version"),
        name=name,
        version=version,
        summary=_text(raw, "summary"),
        requires_python=_text(raw, "requires_python"),
        requires_dist=_many(raw, "requires_dist"),
        provides_extra=_many(raw, "provides_extra"),
        license_files=_many(raw, "license_files"),
        dynamic=_many(raw, "dynamic"),
        description_content_type=_text(raw, "description_content_type"),
        raw=MappingProxyType(dict(raw)),
    )


def _text(raw: Mapping[str, RawValue], field: str) -> str:
    value = raw.get(field, "")
    return value if isinstance(value, str) else ""


def _many(raw: Mapping[str, RawValue], field: str) -> tuple[str, ...]:
    value = raw.get(field, ())
    return tuple(value) if isinstance(value, list) else ()


def _mapping(raw: Mapping[str, RawValue], field: str) -> dict[str, str]:
    value = raw.get(field, {})
    return value if isinstance(value, dict) else {}
