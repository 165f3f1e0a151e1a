"""Classifiers are held to the public list where the profile asks for it, and the list's age is told."""

from importlib.metadata import version

import pytest
from control.judging import metadata
from trove_classifiers import deprecated_classifiers

from holdfast.control.uploads.rules import PRIVATE, PUBLIC
from holdfast.control.uploads.steps_classifiers import check_classifiers

KNOWN = "Programming Language :: Python :: 3"
REPLACED = next(name for name, instead in deprecated_classifiers.items() if instead)
ENDED = next(name for name, instead in deprecated_classifiers.items() if not instead)


def rules(*classifiers: str) -> list[tuple[str, str]]:
    found = metadata(Classifier=list(classifiers))
    assert [] == list(check_classifiers(found, PRIVATE)), "a private index may have classifiers of its own"
    return [(problem.value, f"{problem.rule}. {problem.step}") for problem in check_classifiers(found, PUBLIC)]


def test_classifiers_of_the_list_are_taken():
    assert [] == rules(KNOWN, "License :: OSI Approved :: MIT License")
    assert [] == rules(KNOWN + " "), "blanks around a value are not part of it"
    assert [] == rules()


@pytest.mark.parametrize("classifier", ["Private :: Do Not Upload", "Nonsense", KNOWN.lower()])
def test_one_that_does_not_exist_is_told_with_the_age_of_the_list(classifier):
    [(value, said)] = rules(KNOWN, classifier)

    assert classifier == value
    assert f"trove-classifiers {version('trove-classifiers')}" in said


def test_a_deprecated_one_is_told_with_what_to_use_instead():
    [(value, said)] = rules(REPLACED)

    assert REPLACED == value
    assert f"is deprecated. Use {deprecated_classifiers[REPLACED][0]}" in said


def test_a_deprecated_one_that_nothing_replaces_is_told():
    [(_, said)] = rules(ENDED)

    assert "nothing replaces it" in said


def test_each_is_told_once():
    assert 1 == len(rules("Nonsense", "Nonsense"))
