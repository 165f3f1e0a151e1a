"""Licences that core metadata declares, and which of them patterns deny."""

import pytest

from holdfast.core.licences import LICENCES_MAX, TEXT_CHARS_MAX, declared_licences, denied_licence

AGPL = "License :: OSI Approved :: GNU Affero General Public License v3"


@pytest.mark.parametrize(
    ("headers", "declared"),
    [
        ("License-Expression: MIT\nLicense: ignored\nClassifier: " + AGPL, ("MIT",)),
        ("License: BSD\nClassifier: Programming Language :: Python\nClassifier: " + AGPL, ("BSD", AGPL)),
        ("License: " + "long text " * 50, ()),
        ("Summary: none\n\nLicense: not a header, but the description", ()),
        ("", ()),
    ],
)
def test_what_metadata_declares(headers, declared):
    assert declared == declared_licences(f"Metadata-Version: 2.4\nName: demo\n{headers}".encode())


@pytest.mark.parametrize(
    ("declared", "patterns", "denied"),
    [
        ("AGPL-3.0-only", ("AGPL*",), True),
        ("agpl-3.0-only", ("AGPL*",), True),
        ("LGPL-3.0-only", ("GPL*", "AGPL*"), False),
        ("MIT", ("MIT",), True),
        ("MIT OR AGPL-3.0-only", ("AGPL*",), False),
        ("GPL-2.0-only OR AGPL-3.0-only", ("AGPL*", "GPL*"), True),
        ("MIT AND AGPL-3.0-only", ("AGPL*",), True),
        ("MIT AND (Apache-2.0 OR AGPL-3.0-only)", ("AGPL*",), False),
        ("MIT OR Apache-2.0 AND AGPL-3.0-only", ("AGPL*",), False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ("GPL*",), True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ("*Classpath*",), True),
        ("(MIT OR", ("AGPL*",), False),
        ("GNU AGPL version 3", ("*AGPL*",), True),
        (AGPL, ("*Affero*",), True),
        (AGPL, ("GNU Affero*",), True),
        ("Proprietary", ("prop*",), True),
        ("M.T", ("M.T",), True),
        ("MIT", ("M.T",), False),
    ],
)
def test_which_licences_patterns_deny(declared, patterns, denied):
    assert (declared if denied else "") == denied_licence((declared,), patterns)


@pytest.mark.parametrize("expression", ["MIT OR " * 20_000 + "MIT", "(" * 900 + "MIT" + ")" * 900, "(" * 200_000])
def test_an_expression_beyond_what_can_be_judged_is_denied_where_any_is(expression):
    declared = declared_licences(f"Metadata-Version: 2.4\nLicense-Expression: {expression}".encode())

    assert denied_licence(declared, ("AGPL*",))
    assert not denied_licence(declared, ())
    assert sum(map(len, declared)) <= 2 * TEXT_CHARS_MAX  # it is remembered


def test_only_so_many_classifiers_are_remembered():
    lines = "".join(f"Classifier: License :: {number} {'x' * 5000}\n" for number in range(40))
    assert sum(map(len, declared_licences(lines.encode()))) <= LICENCES_MAX * 2 * TEXT_CHARS_MAX

    lines = "".join(f"Classifier: License :: {number}\n" for number in range(1000))
    assert LICENCES_MAX == len(declared_licences(lines.encode()))
