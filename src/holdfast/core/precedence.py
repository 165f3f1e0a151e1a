"""Which index a name belongs to: the ownership rules of layered indexes, as a table without I/O.

The first index of a layer stack that owns a name owns it wholly. Only a known absence falls through to the next
one: a hosted name that was deleted, emptied or quarantined stays owned, and a question nobody can answer is
Unavailable, never the next index's answer. That is what keeps a stranger's upload from taking a private name.

The caller asks what the decision says, writes the answer down as the layer's state, and decides again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from holdfast.core.names import NAME_CHARS_MAX, is_project_name, normalize


class Hosted(Enum):
    """What the hosted index knows about a name."""

    PRESENT = auto()  # listed, in whatever status, with or without files
    GONE_OWNED = auto()  # deleted, and still owned
    GONE_RELEASED = auto()  # deleted, and an operator gave the name up
    UNKNOWN = auto()  # its log was read and never mentioned the name
    UNKNOWABLE = auto()  # its log cannot be read (or not for too long), and the name was not in what was read


class Layer(Enum):
    """What is known of one lower layer's standing towards a name."""

    UNASKED = auto()
    PRESENT = auto()
    CLAIMED = auto()  # a hosted index that owns the name and shows nothing under it: deleted, or reserved
    ABSENT = auto()  # the layer itself said so
    UNAVAILABLE = auto()  # asked, and no answer can be had right now


class Action(Enum):
    """What a decision tells the caller to do."""

    SERVE_HOSTED = auto()
    SERVE_LAYER = auto()  # the layer named in the decision owns the name
    ASK_LAYER = auto()  # ask the layer named in the decision, then decide again
    ABSENT = auto()
    UNAVAILABLE = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """`layer` is set for SERVE_LAYER and ASK_LAYER, `reason` for ABSENT and UNAVAILABLE."""

    action: Action
    layer: str = ""
    reason: str = ""


class Creation(Enum):
    """Whether a name may be created in the hosted index."""

    ALLOWED = auto()
    SHADOWS = auto()  # the layer has it, or owns the name: needs an operator's `shadow` grant
    ASK_LAYER = auto()
    UNAVAILABLE = auto()  # a layer cannot be asked and there is no grant


@dataclass(frozen=True, slots=True)
class CreationDecision:
    """`layer` names the layer in question unless the creation is allowed."""

    creation: Creation
    layer: str = ""


_SERVE_HOSTED = Decision(Action.SERVE_HOSTED)
_HOSTED_ANSWERS = {
    Hosted.PRESENT: _SERVE_HOSTED,
    Hosted.GONE_OWNED: Decision(Action.ABSENT, reason="the project was deleted; its name stays with this index"),
    Hosted.UNKNOWABLE: Decision(
        Action.UNAVAILABLE, reason="this index cannot tell right now whether it has the project"
    ),
}
_RESERVED = Decision(Action.ABSENT, reason="the name is reserved for this index and nothing was uploaded under it")
_NOWHERE = Decision(Action.ABSENT, reason="no such project")


def decide(hosted: Hosted, *, reserved: bool, layers: Sequence[tuple[str, Layer]]) -> Decision:
    """Who answers for a name. `layers` are the lower layers in order with what is known of each.

    `reserved` says that the name matches one of the hosted index's reserved patterns.
    """
    if hosted in _HOSTED_ANSWERS:
        return _HOSTED_ANSWERS[hosted]
    if reserved:
        return _RESERVED
    for name, state in layers:
        if state is Layer.PRESENT:
            return Decision(Action.SERVE_LAYER, name)
        if state is Layer.UNASKED:
            return Decision(Action.ASK_LAYER, name)
        if state is Layer.CLAIMED:
            return Decision(Action.ABSENT, reason=f"the name belongs to {name}, which has no such project")
        if state is Layer.UNAVAILABLE:
            return Decision(Action.UNAVAILABLE, reason=f"{name} cannot be asked for the project right now")
    return _NOWHERE


def standing(hosted: Hosted, *, reserved: bool) -> Layer:
    """What a hosted index is to the indexes above it; `reserved` by the index itself. Its own layers never count."""
    if hosted is Hosted.PRESENT:
        return Layer.PRESENT
    if hosted is Hosted.UNKNOWABLE:
        return Layer.UNAVAILABLE
    return Layer.CLAIMED if reserved or hosted is Hosted.GONE_OWNED else Layer.ABSENT


def is_asked_for(name: str, *, only: tuple[str, ...], except_: tuple[str, ...]) -> bool:
    """True when an upstream with these patterns is asked for the normalised name; else it counts as without it."""
    return (not only or matches_pattern(name, only)) and not (except_ and matches_pattern(name, except_))


def decide_creation(*, reserved: bool, shadow: bool, layers: Sequence[tuple[str, Layer]]) -> CreationDecision:
    """Whether a first upload may take a name that lower layers may have.

    A reserved name never falls through, so its owners need nobody's answer; an operator's `shadow` grant
    overrides every layer, also one that cannot be asked.
    """
    if reserved or shadow:
        return CreationDecision(Creation.ALLOWED)
    for name, state in layers:
        if state in (Layer.PRESENT, Layer.CLAIMED):
            return CreationDecision(Creation.SHADOWS, name)
        if state is Layer.UNASKED:
            return CreationDecision(Creation.ASK_LAYER, name)
        if state is Layer.UNAVAILABLE:
            return CreationDecision(Creation.UNAVAILABLE, name)
    return CreationDecision(Creation.ALLOWED)


def is_name_pattern(text: str) -> bool:
    """True when `text` can reserve names: a project name in any spelling, with `*` for any characters, even none."""
    return len(text) <= NAME_CHARS_MAX and is_project_name(re.sub(r"\*+", "x", text))


def matches_pattern(name: str, patterns: tuple[str, ...]) -> bool:
    """True when the normalised name matches one of the patterns (`acme-*`); only `*` is special."""
    return any(_matches(name, pieces) for pieces in _compiled(patterns))


@lru_cache(maxsize=256)  # one entry per configured index and kind of pattern
def _compiled(patterns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(normalize(pattern).split("*")) for pattern in patterns)


def _matches(name: str, pieces: tuple[str, ...]) -> bool:
    """Match the texts between stars from left to right, each at its first place: linear, whatever the pattern."""
    if len(pieces) == 1:
        return name == pieces[0]
    first, *middle, last = pieces
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in middle:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
