"""The Jinja2 environment: autoescape always on, an undefined name is a defect that shows in the tests."""

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from holdfast.pages.assets import asset_path

TEMPLATES = Path(__file__).with_name("templates")
# What a sentence of operators has in it that is more than words: an address of the web, or a date.
_ADDRESS = r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]"
_MARKED = re.compile(rf"({_ADDRESS}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})")
_UNITS = ("kB", "MB", "GB", "TB")


def render(template: str, **context: Any) -> str:
    """The document of a template in `templates/`."""
    return _own().get_template(template).render(**{"notices": (), "messages": (), "here": ""} | context)


def environment(**options: Any) -> Environment:
    """A new environment; `options` are those of Django's Jinja2 back end, which control's pages go through."""
    ours = {
        "loader": FileSystemLoader(TEMPLATES),
        "autoescape": select_autoescape(default=True, default_for_string=True),
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "auto_reload": False,
    }
    made = Environment(**(options | ours))  # noqa: S701 -- autoescape is on by `ours`, for every name
    made.globals["asset"] = asset_path
    made.filters.update(
        when=when,
        day=day,
        filesize=filesize,
        segment=segment,
        plural=plural,
        breakable=breakable,
        host=host,
        told=told,
        announced=announced,
    )
    return made


@cache
def _own() -> Environment:
    return environment()


def when(moment: datetime, prefix: str = "") -> Markup:
    """A moment as a `<time>`: absolute in the page, which anybody may cache; the script adds how long ago that is."""
    utc = moment.astimezone(UTC)
    text = f"{utc.day} {utc:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}" data-ago="{}">{}</time>').format(utc.isoformat(timespec="seconds"), prefix, text)


def day(moment: datetime) -> Markup:
    """A moment as a `<time>` that shows its day."""
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="seconds"), f"{utc.day} {utc:%b %Y}")


def filesize(bytes_count: int) -> str:
    """A size for people, in units of a thousand."""
    if bytes_count < 1000:
        return f"{bytes_count} B"
    size = float(bytes_count)
    for unit in _UNITS:
        size /= 1000
        if size < 999.5:
            return f"{size:.1f} {unit}" if size < 10 else f"{size:.0f} {unit}"
    return f"{size:.0f} {_UNITS[-1]}"


def segment(text: str) -> str:
    """Text as one segment of a path."""
    return quote(text, safe="")


def host(url: str) -> str:
    """Where an address of the web leads."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def plural(count: int, one: str, many: str = "") -> str:
    """`3 files`, `1 file`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def told(value: object) -> str:
    """A value out of JSON as words: no brackets, no quotes, yes and no."""
    match value:
        case None | "":
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{key} {told(one)}" for key, one in value.items()) or "nothing"
        case list() | tuple():
            return ", ".join(map(told, value)) or "nothing"
    return str(value)


def announced(text: str) -> Markup:
    """A sentence of operators to everybody: its addresses are links, its dates do not break at their hyphens."""
    said = Markup()
    for number, part in enumerate(_MARKED.split(text)):
        if not number % 2:
            said += part
        elif part.startswith("http"):
            said += Markup('<a href="{0}" rel="nofollow">{0}</a>').format(part)
        else:
            said += Markup('<span class="unbroken">{}</span>').format(part)
    return said


def breakable(text: str) -> Markup:
    """Text that may break after each separator: long filenames on a narrow screen."""
    escaped = str(escape(text))
    for separator in "-_./":
        escaped = escaped.replace(separator, f"{separator}<wbr>")
    return Markup(escaped)  # noqa: S704 -- escaped above
