"""What every current tool sends must be there, where the profile asks for it."""

import pytest
from control.judging import SDIST, WHEEL, content, form

from holdfast.control.uploads.rules import PRIVATE, PUBLIC
from holdfast.control.uploads.steps_complete import check_complete

WHOLE = {"filetype": "bdist_wheel", "pyversion": "py3", "sha256_digest": "0"}


@pytest.mark.parametrize(
    ("filename", "left_out", "expected"),
    [
        (WHEEL[0], (), []),
        (WHEEL[0], ("filetype",), ["filetype"]),
        (WHEEL[0], ("pyversion",), ["pyversion"]),
        (WHEEL[0], ("sha256_digest",), ["sha256_digest"]),
        (WHEEL[0], tuple(WHOLE), list(WHOLE)),
        (SDIST[0], ("pyversion",), []),  # flit leaves it out
    ],
)
def test_what_is_missing_is_told_by_public_rules_alone(filename, left_out, expected):
    given = form(**{field: value for field, value in WHOLE.items() if field not in left_out})

    assert expected == [problem.field for problem in check_complete(given, content(filename), PUBLIC)]
    assert [] == list(check_complete(given, content(filename), PRIVATE))


@pytest.mark.parametrize("field", ["sha256_digest", "blake2_256_digest", "md5_digest"])
def test_any_of_the_three_digests_is_enough(field):
    given = form(filetype="sdist", **{field: "0"})

    assert [] == list(check_complete(given, content(SDIST[0]), PUBLIC))
