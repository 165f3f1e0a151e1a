"""The legacy JSON documents: every key, the choice of the newest release, and what mirrors need."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from packaging.metadata import parse_email
from records import BASE, DEMO, SDIST, WHEEL, demo, plain_file

from holdfast.core.errors import Absent, Corrupt, Refused
from holdfast.core.legacy_json import (
    NOT_FOUND,
    find_version,
    metadata_source,
    newest_version,
    project_document,
    release_document,
)

METADATA = b"""\
Metadata-Version: 2.4
Name: Demo.Pkg
Version: 1.0+cu12
Summary: A demo
Keywords: one,two
Home-page: https://home.example/
Author: Alice
Author-email: alice@example.org
License-Expression: MIT
License-File: LICENSE
Classifier: Private :: A
Classifier: Private :: B
Platform: any
Platform: linux
Requires-Dist: idna>=3
Requires-Python: >=3.8,<4
Project-URL: Docs, https://docs.example/a,b
Provides-Extra: old
Dynamic: requires-dist
Description-Content-Type: text/markdown

# Demo \xc3\xa9
"""
RAW = parse_email(METADATA)[0]

FILE = {
    "comment_text": None,
    "digests": {"blake2b_256": "b" * 64, "md5": "a" * 32, "sha256": "abcd" + "1" * 60},
    "downloads": -1,
    "filename": "demo_pkg-1.0+cu12-py3-none-any.whl",
    "has_sig": False,
    "md5_digest": "a" * 32,
    "packagetype": "bdist_wheel",
    "python_version": "py3",
    "requires_python": ">=3.8,<4",
    "size": 1234,
    "upload_time": "2026-01-02T03:04:05",
    "upload_time_iso_8601": "2026-01-02T03:04:05.000678Z",
    "url": f"{BASE}/packages/ab/cd/{'1' * 60}/demo_pkg-1.0%2Bcu12-py3-none-any.whl",
    "yanked": False,
    "yanked_reason": None,
}
YANKED_FILE = {
    "comment_text": None,
    "digests": {"sha256": "0" * 64},
    "downloads": -1,
    "filename": "demo_pkg-1.0.tar.gz",
    "has_sig": False,
    "md5_digest": None,
    "packagetype": "sdist",
    "python_version": "source",
    "requires_python": None,
    "size": 99,
    "upload_time": "2026-01-01T00:00:00",
    "upload_time_iso_8601": "2026-01-01T00:00:00Z",
    "url": f"{BASE}/packages/00/00/{'0' * 60}/demo_pkg-1.0.tar.gz",
    "yanked": True,
    "yanked_reason": 'broken <b>"build"</b>',
}
INFO = {
    "author": "Alice",
    "author_email": "alice@example.org",
    "bugtrack_url": None,
    "classifiers": ["Private :: A", "Private :: B"],
    "description": "# Demo é\n",
    "description_content_type": "text/markdown",
    "docs_url": None,
    "download_url": None,
    "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
    "dynamic": ["requires-dist"],
    "home_page": "https://home.example/",
    "keywords": "one,two",
    "license": None,
    "license_expression": "MIT",
    "license_files": ["LICENSE"],
    "maintainer": None,
    "maintainer_email": None,
    "name": "Demo.Pkg",
    "package_url": f"{BASE}/project/demo-pkg/",
    "platform": "any,linux",
    "project_url": f"{BASE}/project/demo-pkg/",
    "project_urls": {"Docs": "https://docs.example/a,b"},
    "provides_extra": ["old"],
    "release_url": f"{BASE}/project/demo-pkg/1.0%2Bcu12/",
    "requires_dist": ["idna>=3"],
    "requires_python": ">=3.8,<4",
    "summary": "A demo",
    "version": "1.0+cu12",
    "yanked": False,
    "yanked_reason": None,
}


def project_of(*files, metadata=None, **changes) -> dict:
    """The parsed project document of the demo project with these files."""
    return json.loads(project_document(demo(*files, **changes), metadata, public_base=BASE))


def test_a_project_document_has_every_key_in_order():
    document = project_document(DEMO, RAW, public_base=BASE)

    expected = {
        "info": INFO,
        "last_serial": 7,
        "releases": {"1.0": [YANKED_FILE], "1.0+cu12": [FILE]},
        "urls": [FILE],
        "vulnerabilities": [],
    }
    assert json.loads(document) == expected
    assert document == json.dumps(expected, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_release_document_has_no_releases_key():
    document = json.loads(release_document(DEMO, "1.0", None, public_base=BASE))

    assert list(document) == ["info", "last_serial", "urls", "vulnerabilities"]
    assert document["urls"] == [YANKED_FILE]
    assert document["info"]["version"] == "1.0"
    assert document["info"]["yanked"] is True
    assert document["info"]["yanked_reason"] == 'broken <b>"build"</b>'


def test_without_metadata_the_document_has_the_same_keys_and_what_the_record_knows():
    info = json.loads(release_document(DEMO, "1.0+cu12", None, public_base=BASE))["info"]

    known = ("bugtrack_url", "docs_url", "downloads", "name", "package_url", "project_url", "release_url", "version")
    assert info == {
        **dict.fromkeys(INFO),
        **{key: INFO[key] for key in known},
        "classifiers": [],
        "description": "",
        "requires_python": ">=3.8,<4",
        "yanked": False,
    }


def test_what_a_mirror_reads_is_there():
    """bandersnatch 8: the serial, and each file's absolute URL with a path it can lay out on disk."""
    document = project_of(WHEEL, serial=41)

    assert document["last_serial"] == 41
    file = document["releases"]["1.0+cu12"][0]
    assert json.loads(project_document(demo(WHEEL), None, public_base="https://pkgs.example"))["urls"][0][
        "url"
    ].startswith("https://pkgs.example/packages/ab/cd/")
    assert {"filename", "size", "upload_time_iso_8601", "requires_python", "yanked"} <= file.keys()
    assert file["digests"]["sha256"] == WHEEL.sha256


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"project_urls": ["Docs, https://a.example/,x", "Broken", "Empty, "]}, {"Docs": "https://a.example/,x"}),
        ({"project_urls": {"Docs": "https://a.example/"}}, {"Docs": "https://a.example/"}),
        ({"project_urls": {}}, None),
        ({}, None),
    ],
)
def test_project_urls_come_as_a_mapping_from_either_form(metadata, expected):
    assert project_of(WHEEL, metadata=metadata)["info"]["project_urls"] == expected


@pytest.mark.parametrize(("keywords", "expected"), [("a b", "a b"), (["a", "b"], "a,b"), ([], None), (3, None)])
def test_keywords_are_one_text(keywords, expected):
    assert project_of(WHEEL, metadata={"keywords": keywords})["info"]["keywords"] == expected


def test_values_of_a_wrong_kind_are_left_out():
    info = project_of(WHEEL, metadata={"summary": ["x"], "requires_dist": {"a": 1}, "classifiers": ["a", 2]})["info"]

    assert (info["summary"], info["requires_dist"], info["classifiers"]) == (None, None, ["a"])


def test_an_upstream_file_that_tells_little_has_nulls():
    bare = plain_file("1.0", sha256="", size=None, python_version="", hashes=(("sha512", "12"),))

    file = project_of(bare)["urls"][0]

    assert file["digests"] == {"sha512": "12"}
    assert (file["size"], file["upload_time"], file["upload_time_iso_8601"], file["python_version"]) == (None,) * 4
    assert file["url"] == f"{BASE}/packages/-/demo-pkg/demo_pkg-1.0-py3-none-any.whl"


def test_files_without_a_version_are_left_out_of_the_releases():
    document = project_of(plain_file(""), plain_file("1.0"))

    assert list(document["releases"]) == ["1.0"]


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["1.0", "1.10", "1.9"], "1.10"),
        (["1.0", "2.0rc1"], "1.0"),
        (["1.0a1", "1.0rc1", "1.0.dev1"], "1.0rc1"),
        (["1.0", "2.0!"], "1.0"),
        (["1.0!", "2.0!"], "2.0"),
        (["1.0a1", "2.0!"], "1.0a1"),  # not yanked comes before final
        (["1.0", "1!0.1"], "1!0.1"),
        (["1.0", "1.0.post1"], "1.0.post1"),
        (["1.0", "1.0+local"], "1.0+local"),
        ([""], ""),
        ([], ""),
    ],
)
def test_the_newest_is_unyanked_then_final_then_highest(versions, newest):
    """A `!` at the end marks a yanked one."""
    files = [plain_file(v.removesuffix("!"), yanked=v.endswith("!")) for v in versions]

    assert newest_version(files) == newest


def test_a_release_is_yanked_only_when_all_its_files_are():
    kept = plain_file("2.0")
    yanked = replace(kept, filename="demo_pkg-2.0.tar.gz", yanked=True, yanked_reason="r")

    assert newest_version([plain_file("1.0"), kept, yanked]) == "2.0"
    info = project_of(plain_file("1.0"), kept, yanked)["info"]
    assert (info["version"], info["yanked"], info["yanked_reason"]) == ("2.0", False, None)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1.0", "1.0"),
        ("1.0.0", "1.0"),
        ("1", "1.0"),
        ("v1.0", "1.0"),
        ("1.0+CU12", "1.0+cu12"),
        ("2", None),
        ("", None),
        ("x", None),
    ],
)
def test_a_version_is_found_in_any_spelling(raw, expected):
    if expected is None:
        with pytest.raises(Absent, match="demo-pkg has no such release"):
            find_version(DEMO, raw)
    else:
        assert find_version(DEMO, raw) == expected


def test_an_exact_spelling_is_found_before_an_equal_version():
    record = demo(plain_file("1.0"), plain_file("1.0.0", filename="b.whl"))

    assert [find_version(record, raw) for raw in ("1.0", "1.0.0", "1")] == ["1.0", "1.0.0", "1.0"]


@pytest.mark.parametrize(
    ("files", "version", "expected"),
    [
        ((SDIST, WHEEL), None, WHEEL),
        ((SDIST, WHEEL), "1.0", None),
        ((replace(SDIST, has_metadata=True), WHEEL), "1.0", replace(SDIST, has_metadata=True)),
        ((replace(SDIST, metadata_sha256="c" * 64), WHEEL), "1.0", replace(SDIST, metadata_sha256="c" * 64)),
        (
            (replace(SDIST, has_metadata=True, yanked=False), plain_file("1.0", has_metadata=True)),
            "1.0",
            plain_file("1.0", has_metadata=True),
        ),
    ],
)
def test_a_release_is_described_by_its_wheels_metadata_else_its_sdists(files, version, expected):
    assert metadata_source(demo(*files), version) == expected


def test_a_project_without_releases_is_absent():
    for ask in (lambda: project_document(demo(), None, public_base=BASE), lambda: metadata_source(demo())):
        with pytest.raises(Absent, match="demo-pkg has no releases"):
            ask()
    with pytest.raises(Absent):
        release_document(demo(), "1.0", None, public_base=BASE)
    assert json.loads(NOT_FOUND) == {"message": "Not Found"}


def test_a_project_in_quarantine_is_refused_not_absent():
    record = replace(DEMO, status="quarantined", status_reason="looked at")

    for ask in (
        lambda: project_document(record, None, public_base=BASE),
        lambda: release_document(record, "1.0", None, public_base=BASE),
        lambda: metadata_source(record, "1.0"),
    ):
        with pytest.raises(Refused, match="demo-pkg is in quarantine: looked at"):
            ask()


def test_hostile_text_stays_inside_its_string():
    evil = '"},"x":{"\n\x00\udc80é'

    document = project_of(
        replace(WHEEL, filename=evil, requires_python=evil, yanked=True, yanked_reason=evil),
        metadata={"summary": evil, "description": evil},
    )

    clean = evil.replace("\udc80", "?")
    assert document["info"]["summary"] == clean
    assert document["urls"][0]["filename"] == clean
    assert document["urls"][0]["yanked_reason"] == clean
    assert list(document) == ["info", "last_serial", "releases", "urls", "vulnerabilities"]


def test_a_digest_that_is_not_hex_never_reaches_a_document():
    with pytest.raises(Corrupt):
        project_of(plain_file("1.0", sha256='"},{"'))


def test_times_are_utc():
    file = project_of(plain_file("1.0", upload_time=datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)))["urls"][0]

    assert (file["upload_time"], file["upload_time_iso_8601"]) == ("2026-05-06T07:08:09", "2026-05-06T07:08:09Z")
