"""Classifiers of the file's own metadata, held to the list that is agreed on for public indexes.

The list is as old as the installed package (docs/decisions/0026-trove-classifiers.md), so a problem names its version.
"""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import version

from holdfast.control.uploads.rules import Profile
from holdfast.core.core_metadata import CoreMetadata
from holdfast.core.upload_problems import Problem, problem


def check_classifiers(metadata: CoreMetadata, profile: Profile) -> Iterator[Problem]:
    """Each is on the list and not deprecated. A private index has classifiers of its own."""
    if not profile.known_classifiers:
        return
    known, replacements = _lists()
    given = metadata.raw.get("classifiers", [])
    for classifier in dict.fromkeys(value.strip() for value in given if isinstance(given, list)):
        if (instead := replacements.get(classifier)) is not None:
            step = f"Use {' or '.join(instead)}." if instead else "Leave it out: nothing replaces it."
            yield problem("classifier", classifier, "is deprecated", step)
        elif classifier not in known:
            rule = f"is not a classifier known to this index (trove-classifiers {version('trove-classifiers')})"
            step = "Use one of that list, or leave it out. 'Private :: ...' keeps a file off public indexes."
            yield problem("classifier", classifier, rule, step)


@cache
def _lists() -> tuple[frozenset[str], dict[str, list[str]]]:
    """What there is, and for what is deprecated its replacements. Loaded by the first upload that needs it."""
    from trove_classifiers import classifiers, deprecated_classifiers

    return frozenset(classifiers), dict(deprecated_classifiers)
