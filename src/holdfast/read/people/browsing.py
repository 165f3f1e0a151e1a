"""Finding projects by what they call themselves: every classifier asked for, and which others would narrow it down.

Pure. Runs in a thread and lets the others run between classifiers: sets of numbers, which C cuts across.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import merge
from urllib.parse import quote, urlencode

from holdfast.read.people.press import every, fields
from holdfast.read.people.shelves import Shelf
from holdfast.tree.catalogue import CLASSIFIER_CHARS_MAX, numbers

PAGE_RESULTS = 20
CHOSEN_MAX = 10  # classifiers at once
NARROWER_MAX = 12  # of each kind, the most used ones: whoever has more to choose from is not helped


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asked for."""

    chosen: tuple[str, ...]
    page: int

    def link(self, root: str, chosen: Sequence[str], page: int = 1) -> str:
        """The address of the same with other classifiers, or another page of it."""
        pairs = [("c", one) for one in chosen] + ([("page", str(page))] if page > 1 else [])
        return f"{root}browse/" + (f"?{urlencode(pairs, quote_via=quote)}" if pairs else "")


@dataclass(frozen=True, slots=True)
class Choice:
    """A classifier to choose, or to give up. `text` leaves out the kind it stands under."""

    classifier: str
    text: str
    count: int
    href: str


@dataclass(frozen=True, slots=True)
class Group:
    """Classifiers of one kind: what stands before the first `::`."""

    kind: str
    choices: tuple[Choice, ...]
    more: int = 0  # that are not shown


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what fits."""

    query: Query
    count: int
    shown: tuple[tuple[str, str], ...]  # (index, name)
    chosen: tuple[Choice, ...]  # each with the address without it
    groups: tuple[Group, ...]  # what would narrow it down
    previous: str  # addresses, "" for none
    next: str
    waiting: int  # projects that nobody has sorted yet


def query_of(query: str) -> Query:
    """Read what a link says."""
    (page,) = fields(query, "page")
    chosen = [" ".join(one.split()) for one in every(query, "c")]
    fit = dict.fromkeys(one for one in chosen if 0 < len(one) <= CLASSIFIER_CHARS_MAX)
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1
    return Query(tuple(fit)[:CHOSEN_MAX], max(1, number))


def find(shelves: Sequence[Shelf], query: Query, root: str) -> Found:
    """The projects that call themselves all of it, in name order. `root`: the path of the asking index."""
    fits = [_fitting(shelf, query.chosen) for shelf in shelves]
    count = sum(
        len(shelf.names) - len(shelf.hidden) if fit is None else len(fit)
        for shelf, fit in zip(shelves, fits, strict=True)
    )
    first = (query.page - 1) * PAGE_RESULTS
    shown = _in_order(shelves, fits)[first : first + PAGE_RESULTS] if query.chosen else []
    return Found(
        query,
        count,
        tuple(shown),
        tuple(Choice(one, one, 0, query.link(root, [c for c in query.chosen if c != one])) for one in query.chosen),
        _groups(_counts(shelves, fits, query), query, root, count),
        query.link(root, query.chosen, query.page - 1) if query.page > 1 else "",
        query.link(root, query.chosen, query.page + 1) if query.chosen and first + PAGE_RESULTS < count else "",
        sum(shelf.catalogue.waiting for shelf in shelves),
    )


def _fitting(shelf: Shelf, chosen: Sequence[str]) -> set[int] | None:
    """Places of the projects that have them all; None where nothing is asked for, which is everything."""
    if not chosen:
        return None
    places = {name: place for place, name in enumerate(shelf.catalogue.classifiers)}
    if not all(one in places for one in chosen):
        return set()
    columns = sorted((numbers(shelf.catalogue.members[places[one]]) for one in chosen), key=len)
    found = set(columns[0]) - shelf.hidden
    for column in columns[1:]:
        found.intersection_update(column)
        time.sleep(0)
    return found


def _in_order(shelves: Sequence[Shelf], fits: Sequence[set[int] | None]) -> list[tuple[str, str]]:
    sides = [
        [(shelf.names[place], number) for place in sorted(fit or ())]
        for number, (shelf, fit) in enumerate(zip(shelves, fits, strict=True))
    ]
    return [(shelves[number].index, name) for name, number in merge(*sides)]


def _counts(shelves: Sequence[Shelf], fits: Sequence[set[int] | None], query: Query) -> dict[str, int]:
    """How many of what fits call themselves each other thing, too."""
    counts: dict[str, int] = {}
    for shelf, fit in zip(shelves, fits, strict=True):
        for classifier, members in zip(shelf.catalogue.classifiers, shelf.catalogue.members, strict=True):
            column = numbers(members)
            if fit is None:
                count = len(column) - len(shelf.hidden.intersection(column)) if shelf.hidden else len(column)
            else:
                count = len(fit.intersection(column)) if fit else 0
            if count and classifier not in query.chosen:
                counts[classifier] = counts.get(classifier, 0) + count
            time.sleep(0)
    return counts


def _groups(counts: dict[str, int], query: Query, root: str, count: int) -> tuple[Group, ...]:
    """By kind, in name order; while narrowing only those that make a difference, the most used."""
    kinds: dict[str, list[Choice]] = {}
    for classifier in sorted(counts):
        kind, _, text = classifier.partition(" :: ")
        if not query.chosen or counts[classifier] < count:
            href = query.link(root, [*query.chosen, classifier])
            kinds.setdefault(kind, []).append(Choice(classifier, text or kind, counts[classifier], href))
    if not query.chosen:
        return tuple(Group(kind, tuple(choices)) for kind, choices in sorted(kinds.items()))
    made = []
    for kind, choices in sorted(kinds.items()):
        most = sorted(choices, key=lambda one: -one.count)[:NARROWER_MAX]
        made.append(Group(kind, tuple(most), len(choices) - len(most)))
    return tuple(made)
