"""Finding projects by name: over the names this reader knows, hosted here or in a hosted layer; never an upstream's.

One text has all names in lines, so that a search is a few scans in C, whatever their number: 600,000 names, 9 MB, take
some 10 ms in a thread. Spellings that read alike (`l` and `1`, no separators) are found by a second such text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.core.name_rules import look_alike_key
from holdfast.core.names import is_project_name, normalize
from holdfast.core.simple_json import ListedProject

PAGE_RESULTS = 20
RESULTS_MAX = 1000  # found at all; who gets more wants a narrower search
QUERY_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one index as a search wants them."""

    serial: int
    projects: tuple[ListedProject, ...]  # in name order
    text: str = field(repr=False)  # "\\nname\\nname\\n"
    alike: str = field(repr=False)  # the same lines, as they read
    newest: tuple[ListedProject, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asked. `name` is the normalised form, "" for what can be in no name."""

    text: str
    name: str
    page: int


def names_of(serial: int, projects: Sequence[ListedProject], newest_max: int) -> Names:
    """Make the texts; quarantined projects are not found. Runs in a thread."""
    shown = tuple(project for project in projects if project.status != "quarantined")
    text = "\n".join(["", *(project.name for project in shown), ""])
    alike = look_alike_key(text)  # line by line, in C: it takes every character for itself
    newest = sorted(shown, key=lambda project: -project.serial)[:newest_max]
    return Names(serial, shown, text, alike, tuple(newest))


def query_of(text: str, page: str) -> Query:
    """Read what a form sent."""
    text = " ".join(text.split())[:QUERY_CHARS_MAX]
    joined = text.replace(" ", "-")
    name = normalize(joined).strip("-") if joined.isascii() else ""
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 4 else 1
    return Query(text, name if is_project_name(name) else "", max(1, number))


def find(names: Names, query: Query) -> list[ListedProject]:
    """The projects found, the best first: that very name, then beginnings, then the rest, each in name order."""
    if not query.name:
        return []
    found: dict[int, None] = {}
    for text, wanted in (
        (names.text, f"\n{query.name}\n"),
        (names.text, f"\n{query.name}"),
        (names.text, f"-{query.name}"),
        (names.text, query.name),
        (names.alike, look_alike_key(query.name)),
    ):
        for line in _lines(text, wanted):
            found[line] = None
            if len(found) >= RESULTS_MAX:
                break
    return [names.projects[line] for line in found][:RESULTS_MAX]


def _lines(text: str, wanted: str) -> Iterator[int]:
    """The numbers of the lines that have the text in them, the first RESULTS_MAX."""
    if not wanted.strip("\n"):
        return
    at, line, counted = text.find(wanted), -1, 0
    while at >= 0 and line < len(text):
        begin = at + 1 if text[at] == "\n" else at
        line += text.count("\n", counted, begin)
        counted = begin
        yield line
        end = text.find("\n", begin)
        at = text.find(wanted, end) if end >= 0 else -1


@dataclass(frozen=True, slots=True)
class Results:
    """One page of what was found."""

    query: Query
    count: int
    shown: tuple[ListedProject, ...]
    previous: int  # page number, 0 for none
    next: int
    capped: bool = False  # there may be more


def page_of(found: Sequence[ListedProject], query: Query) -> Results:
    """The results on the page asked for."""
    first = (query.page - 1) * PAGE_RESULTS
    shown = tuple(found[first : first + PAGE_RESULTS])
    next_page = query.page + 1 if first + PAGE_RESULTS < len(found) else 0
    return Results(query, len(found), shown, query.page - 1, next_page, len(found) >= RESULTS_MAX)
