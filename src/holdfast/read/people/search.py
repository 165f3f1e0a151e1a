"""Finding projects by name: over the names this reader knows, hosted here or in a hosted layer; never an upstream's.

Names stand in texts of some hundred lines, which C searches in a few hundredths of a millisecond each. It runs in a
thread and lets the others run between them: however many names there are, the front goes on answering. Spellings that
read alike (`l` and `1`, no separators) are found by a second such text.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nlargest

from holdfast.core.name_rules import look_alike_key
from holdfast.core.names import is_project_name, normalize
from holdfast.core.simple_json import ListedProject

PAGE_RESULTS = 20
SLICE_NAMES = 500  # about 8 KB of text
RESULTS_MAX = 1000  # found at all; who gets more wants a narrower search
QUERY_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class Slice:
    """Names that follow each other, in lines: "\\nname\\nname\\n"."""

    first: int  # the number of the first name
    text: str
    alike: str  # the same lines, as they read


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one index as a search wants them."""

    serial: int
    projects: tuple[ListedProject, ...]  # in name order
    slices: tuple[Slice, ...] = field(repr=False)
    newest: tuple[ListedProject, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asked. `name` is the normalised form, "" for what can be in no name."""

    text: str
    name: str
    page: int


def names_of(serial: int, projects: Sequence[ListedProject], newest_max: int) -> Names:
    """Make the texts; quarantined projects are not found. Runs in a thread."""
    shown: list[ListedProject] = []
    slices = []
    for start in range(0, len(projects), SLICE_NAMES):
        part = [project for project in projects[start : start + SLICE_NAMES] if project.status != "quarantined"]
        text = "\n".join(["", *(project.name for project in part), ""])
        slices.append(Slice(len(shown), text, look_alike_key(text)))  # line by line: it takes characters one by one
        shown += part
        time.sleep(0)
    newest = nlargest(newest_max, shown, key=lambda project: project.serial)
    return Names(serial, tuple(shown), tuple(slices), tuple(newest))


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
    for alike, wanted in (
        (False, f"\n{query.name}\n"),
        (False, f"\n{query.name}"),
        (False, f"-{query.name}"),
        (False, query.name),
        (True, look_alike_key(query.name)),
    ):
        for one in names.slices:
            found.update((one.first + line, None) for line in _lines(one.alike if alike else one.text, wanted))
            time.sleep(0)
            if len(found) >= RESULTS_MAX:
                break
    return [names.projects[number] for number in list(found)[:RESULTS_MAX]]


def _lines(text: str, wanted: str) -> Iterator[int]:
    """The numbers of the lines that have the text in them."""
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
