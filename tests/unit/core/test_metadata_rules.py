"""Rules on single fields, each by itself: what passes, and what is told of what does not."""

from collections.abc import Iterable

import pytest

from holdfast.core import metadata_rules as rules
from holdfast.core.upload_problems import Problem


def told(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    found = list(problems)
    assert all(problem.step.endswith((".", "2.5")) or problem.step for problem in found)
    return [(problem.field, problem.rule) for problem in found]


@pytest.mark.parametrize("label", ["a", "a" * 32, "Home page"])
def test_labels_of_1_to_32_characters_are_taken(label: str):
    assert [] == told(rules.check_project_urls({label: "https://a.example/"}))


@pytest.mark.parametrize(
    ("label", "url", "rule"),
    [
        ("", "https://a.example/", "is not a label of 1 to 32 characters"),
        ("a" * 33, "https://a.example/", "is not a label of 1 to 32 characters"),
        ("Home", "", "has no URL"),
    ],
)
def test_other_labels_and_missing_urls_are_told(label: str, url: str, rule: str):
    assert [("project_urls", rule)] == told(rules.check_project_urls({label: url}))


@pytest.mark.parametrize("field", sorted(rules.KNOWN_FIELDS - {"name", "version", "metadata-version"}))
def test_any_other_field_may_be_dynamic_in_any_case(field: str):
    assert [] == told(rules.check_dynamic(field)) == told(rules.check_dynamic(field.title()))


@pytest.mark.parametrize("field", ["Name", "version", "Metadata-Version"])
def test_what_names_the_release_may_not_be_dynamic(field: str):
    assert [("dynamic", "may not be dynamic")] == told(rules.check_dynamic(field))


def test_an_unknown_field_may_not_be_dynamic():
    assert [("dynamic", "is not a core metadata field")] == told(rules.check_dynamic("Colour"))


@pytest.mark.parametrize(
    "value", ["text/plain", "text/x-rst; charset=UTF-8", "text/markdown; variant=GFM", "Text/Markdown"]
)
def test_the_three_kinds_of_description_are_taken(value: str):
    assert [] == told(rules.check_description_content_type(value))


@pytest.mark.parametrize(
    ("value", "rule"),
    [("text/html", "is not a known content type"), ("text/plain; charset=latin-1", "names another charset")],
)
def test_other_kinds_are_told(value: str, rule: str):
    assert [("description_content_type", rule)] == told(rules.check_description_content_type(value))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//a.example", "ftp://a.example/", "https:///x", "https://a.example/ x"]
)
def test_links_lead_to_web_servers(url: str):
    assert [("project_urls", "is not an http or https URL")] == told(rules.check_links({"Home": url}))
    assert [] == told(rules.check_links({"Home": "https://a.example/x?y#z"}))


@pytest.mark.parametrize("value", ["a @ https://a.example/a.whl", "a@file:///x"])
def test_a_direct_url_is_told_where_none_is_wanted(value: str):
    assert [] == told(rules.check_requirements("requires_dist", (value,), direct_urls=True))
    assert [("requires_dist", "names a direct URL")] == told(rules.check_requirements("requires_dist", (value,), False))


@pytest.mark.parametrize("value", ["1.0", "1!1.0rc1.post2.dev3", "v1.0", "1.0-1"])
def test_pep_440_versions_are_taken(value: str):
    assert [] == told(rules.check_version(value, local_versions=False))


@pytest.mark.parametrize("value", ["", "one", " 1.0", "1.0\n", "\u0661.0", "1" * 129])
def test_what_is_no_version_is_told(value: str):
    assert [("version", "is not a PEP 440 version")] == told(rules.check_version(value, local_versions=True))


def test_a_local_part_is_told_where_none_is_wanted():
    assert [] == told(rules.check_version("1.0+a", local_versions=True))
    assert [("version", "has a local part")] == told(rules.check_version("1.0+a", local_versions=False))


@pytest.mark.parametrize("value", ["/etc/passwd", "../LICENSE", "a/../../b", "a\\b"])
def test_licence_files_are_inside_the_project(value: str):
    assert [("license_file", "is not a path inside the project")] == told(rules.check_licence_file(value))


def test_a_summary_is_one_line_of_bounded_length():
    assert [] == told(rules.check_summary("x" * 512, 512))
    assert [("summary", "is longer than 512 characters")] == told(rules.check_summary("x" * 513, 512))
    assert [("summary", "has more than one line")] == told(rules.check_summary("a\nb", 512))
