"""Mail addresses of metadata, as public rules want them."""

import time

import pytest

from holdfast.core.metadata_public import ADDRESSES_CHARS_MAX, check_addresses


def wrong(value: str) -> list[str]:
    return [problem.value for problem in check_addresses("author_email", value)]


@pytest.mark.parametrize(
    "value",
    [
        "alice@company.example",
        "Alice Doe <alice@company.example>",
        '"Doe, Alice" <alice@company.example>',
        "Alice <a@b.example>, Bob <b@b.example>",
        "first.last+tag@sub.company.example",
        "o'neil@company.example",
        "j\u00f6rg@b\u00e4ume.example",
    ],
)
def test_addresses_as_people_write_them_are_taken(value: str):
    assert [] == wrong(value)


@pytest.mark.parametrize(
    "value",
    [
        "Alice",
        "alice@",
        "@company.example",
        "alice@localhost",
        "alice@company..example",
        ".alice@company.example",
        "alice@@company.example",
        "Alice <alice>",
        "a" * 250 + "@b.example",
        "alice@company.example, bob",
    ],
)
def test_what_is_no_address_is_told(value: str):
    assert wrong(value)


def test_a_problem_has_all_its_parts_and_is_plain():
    [problem] = check_addresses("maintainer_email", "b\u202e@")

    assert ("maintainer_email", "is not a mail address") == (problem.field, problem.rule)
    assert "Alice Doe" in problem.step
    assert problem.value.isascii()
    assert "<" not in problem.value


@pytest.mark.parametrize(
    "hostile", ["(" * 100_000, "a@b.example," * 9000, '"' * 3999, "<" * 3999, "a." * 1999, "," * 3999]
)
def test_hostile_fields_cost_little(hostile: str):
    started = time.process_time()

    assert wrong(hostile)

    assert time.process_time() - started < 2
    assert len(hostile) > ADDRESSES_CHARS_MAX or "@b" not in hostile
