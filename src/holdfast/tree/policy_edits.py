"""Denials and passes among the operators' decisions: put in, taken out, recognised. Pure functions of Overrides."""

from datetime import datetime

import msgspec

from holdfast.core.rules import denied
from holdfast.tree.overrides import Denial, Overrides, PolicyPass

Release = tuple[str, str, str]  # index, normalised project, normalised version


def is_same_rule(one: str, rule: str) -> bool:
    """Whether a denial as it was written says what the canonical `rule` says."""
    try:
        found = denied(one, "")
    except ValueError:  # by another release, or by hand: nothing but its own text names it
        return one == rule
    return found.pattern + found.versions == rule


def is_denied(old: Overrides, rule: str, index: str) -> bool:
    """Whether an operator denied exactly that there."""
    return any(one.index == index and is_same_rule(one.what, rule) for one in old.denials)


def with_denial(old: Overrides, made: Denial) -> Overrides:
    """`made.what` is canonical; one that says the same is replaced."""
    return msgspec.structs.replace(old, denials=(*_other_denials(old, made.what, made.index), made))


def without_denial(old: Overrides, rule: str, index: str) -> Overrides:
    """The same without what denies exactly that there."""
    return msgspec.structs.replace(old, denials=_other_denials(old, rule, index))


def passes_in_force(old: Overrides, now: datetime) -> tuple[PolicyPass, ...]:
    """The passes whose time has not run out."""
    return tuple(one for one in old.passes if now < one.until)


def with_pass(old: Overrides, made: PolicyPass) -> Overrides:
    """A pass of the same release is replaced."""
    return msgspec.structs.replace(old, passes=(*_other_passes(old, release_of(made)), made))


def without_pass(old: Overrides, release: Release) -> Overrides:
    """The same without the pass of that release."""
    return msgspec.structs.replace(old, passes=_other_passes(old, release))


def release_of(one: PolicyPass) -> Release:
    """What a pass lets through."""
    return one.index, one.project, one.version


def _other_denials(old: Overrides, rule: str, index: str) -> tuple[Denial, ...]:
    return tuple(one for one in old.denials if one.index != index or not is_same_rule(one.what, rule))


def _other_passes(old: Overrides, release: Release) -> tuple[PolicyPass, ...]:
    return tuple(one for one in old.passes if release_of(one) != release)
