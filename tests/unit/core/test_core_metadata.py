"""Core metadata: real documents are read as they are, broken ones are told rule by rule."""

import time

import pytest
import wheels

from holdfast.core.core_metadata import MetadataRules, parse

PRIVATE = MetadataRules()
STRICT = MetadataRules(local_versions=False, direct_urls=False, summary_chars_max=512)


def test_a_full_document_is_read_field_by_field():
    data = wheels.metadata_text(
        "Demo.Pkg",
        "1.0rc1",
        requires=["idna>=3", "six; extra == 'old'"],
        requires_python=">=3.9",
        metadata={
            "Summary": "A demo",
            "Classifier": ["Private :: A", "Private :: B"],
            "Project-URL": ["Home, https://demo.example/", "Docs, https://docs.example/"],
            "Provides-Extra": "old",
            "Keywords": "a,b",
            "License-Expression": "MIT",
            "License-File": "LICENSE",
            "Description-Content-Type": "text/markdown; charset=UTF-8; variant=GFM",
        },
        description="Hello é\n",
    )

    found = parse(data, PRIVATE)

    assert found.problems == ()
    assert found.metadata is not None
    assert found.metadata.name == "Demo.Pkg"
    assert found.metadata.version == "1.0rc1"
    assert found.metadata.requires_python == ">=3.9"
    assert found.metadata.requires_dist == ("idna>=3", "six; extra == 'old'")
    assert found.metadata.provides_extra == ("old",)
    assert dict(found.metadata.raw) == {
        "metadata_version": "2.4",
        "name": "Demo.Pkg",
        "version": "1.0rc1",
        "summary": "A demo",
        "classifiers": ["Private :: A", "Private :: B"],
        "project_urls": {"Home": "https://demo.example/", "Docs": "https://docs.example/"},
        "provides_extra": ["old"],
        "keywords": ["a", "b"],
        "license_expression": "MIT",
        "license_files": ["LICENSE"],
        "description_content_type": "text/markdown; charset=UTF-8; variant=GFM",
        "requires_python": ">=3.9",
        "requires_dist": ["idna>=3", "six; extra == 'old'"],
        "description": "Hello é\n",
    }


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5"])
def test_every_metadata_version_up_to_2_5_is_accepted(version):
    assert parse(wheels.metadata_text("demo", "1.0", metadata_version=version), PRIVATE).problems == ()


def test_what_old_tools_wrote_is_read_and_unknown_is_dropped():
    """setuptools wrote License-File under metadata 2.1 for years; distutils wrote UNKNOWN."""
    data = wheels.metadata_text(
        "demo",
        "1.0",
        metadata_version="2.1",
        metadata={"License-File": "LICENSE", "Home-page": "UNKNOWN", "X-Odd": "y"},
    )

    found = parse(data, PRIVATE)

    assert found.problems == ()
    assert found.metadata is not None
    assert "home_page" not in found.metadata.raw


BROKEN = [
    ({"Summary": "a" * 2049}, "summary", "is longer than 2048 characters"),
    ({"Requires-Dist": "not a requirement!"}, "requires_dist", "is not a dependency specifier"),
    ({"Requires-Python": "three"}, "requires_python", "is not a version specifier"),
    ({"Dynamic": "Name"}, "dynamic", "may not be dynamic"),
    ({"Dynamic": "Colour"}, "dynamic", "is not a core metadata field"),
    ({"Provides-Extra": "-"}, "provides_extra", "is not a legal extra name"),
    ({"License-File": "../LICENSE"}, "license_file", "is not a path inside the project"),
    ({"License-Expression": "My Own"}, "license_expression", "is not an SPDX expression"),
    ({"Description-Content-Type": "text/html"}, "description_content_type", "is not a known content type"),
    (
        {"Description-Content-Type": "text/plain; charset=latin-1"},
        "description_content_type",
        "names another charset",
    ),
    ({"Project-URL": "x" * 33 + ", https://a.example"}, "project_urls", "is not a label of 1 to 32 characters"),
    ({"Project-URL": ["A, b", "A, c"]}, "project_url", "cannot be read (not UTF-8, or a repeated label)"),
    ({"Import-Name": "a-b"}, "import_names", "is not an import name"),
    ({"Import-Name": "a", "Import-Namespace": "a"}, "import_namespaces", "is an import name too"),
    ({"Name": "other"}, "name", "is given 2 times in the metadata"),
]


@pytest.mark.parametrize(("fields", "field", "rule"), BROKEN)
def test_each_broken_field_is_told_with_its_rule(fields, field, rule):
    found = parse(wheels.metadata_text("demo", "1.0", metadata=fields), PRIVATE)

    assert (field, rule) in [(p.field, p.rule) for p in found.problems]


@pytest.mark.parametrize("name", ["", "-demo", "demo-", "de mo", "démo", "demo\u212a", "a" * 201])
def test_names_outside_the_standard_are_refused(name):
    assert "name" in [p.field for p in parse(wheels.metadata_text(name, "1.0"), PRIVATE).problems]


@pytest.mark.parametrize("version", ["", "one", "1..0", "1.0\u212a", "\u0661.0", "1." + "0" * 130])
def test_versions_outside_the_standard_are_refused(version):
    assert "version" in [p.field for p in parse(wheels.metadata_text("demo", version), PRIVATE).problems]


def test_all_problems_are_told_together_not_one_by_one():
    data = wheels.metadata_text("-", "x", metadata_version="9", requires=["!"], requires_python="y")

    fields = {p.field for p in parse(data, PRIVATE).problems}

    assert fields == {"metadata_version", "name", "version", "requires_dist", "requires_python"}


def test_the_stricter_profile_refuses_local_versions_and_direct_urls():
    data = wheels.metadata_text("demo", "1.0+local", requires=["a @ https://a.example/a.whl"])

    assert parse(data, PRIVATE).problems == ()
    assert {p.rule for p in parse(data, STRICT).problems} == {"has a local part", "names a direct URL"}


@pytest.mark.parametrize(
    "data", [b"", b"\0\xff\xfe", b"\n\n\n", b": : :", b"Name: \xff\xfe\nVersion: 1\n\n", b"\xef\xbb\xbfName: a"]
)
def test_rubbish_gives_problems_and_no_crash(data):
    found = parse(data, PRIVATE)

    assert found.metadata is None
    assert found.problems


def test_a_mail_of_many_parts_is_refused_before_it_is_parsed():
    """The e-mail parser takes half a minute for eight megabytes of boundaries, and no other upload runs meanwhile."""
    kind = b"Content-Type: multipart/mixed; boundary=x"
    data = b"Metadata-Version: 2.1\nName: a\nVersion: 1\n" + kind + b"\n\n" + b"--x\n\n" * 1_000_000
    began = time.process_time()

    parsed = parse(data, MetadataRules())

    assert parsed.metadata is None
    assert "cannot be read" in parsed.problems[0].rule
    assert time.process_time() - began < 1
    assert parse(b"Metadata-Version: 2.1\nName: a\nVersion: 1\n\n" + kind, MetadataRules()).problems == ()


def test_a_dependency_nested_too_deeply_is_a_problem_and_no_crash():
    parsed = parse(wheels.metadata_text("a", "1", requires=["b; " + "(" * 100_000 + "os_name=='a'"]), MetadataRules())

    assert [("requires_dist", "is not a dependency specifier")] == [(p.field, p.rule) for p in parsed.problems]
