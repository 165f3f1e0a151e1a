"""Pages as other people write them: base URLs, odd spellings, escapes, and everything that must not lose a page."""

import gzip
import json
import time

import pytest

from holdfast.core.errors import Unavailable
from holdfast.pull.build import decoded
from holdfast.pull.parse import parse_page
from holdfast.pull.parse_html import html_page

URL = "https://index.example/root/simple/demo/"
SHA = "ab" * 32
JSON = "application/vnd.pypi.simple.v1+json"


def html_file(anchor, head=""):
    page = parse_page(f"<html><head>{head}</head><body>{anchor}</body></html>".encode(), "text/html", URL, "demo")
    assert 1 == len(page.files), page
    return page.files[0]


def json_file(**entry):
    entry = {"filename": "demo-1.0.tar.gz", "url": "demo-1.0.tar.gz", "hashes": {}, **entry}
    body = json.dumps({"meta": {"api-version": "1.0"}, "name": "demo", "files": [entry]}).encode()
    return parse_page(body, JSON, URL, "demo").files[0]


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("demo-1.0.tar.gz", "https://index.example/root/simple/demo/demo-1.0.tar.gz"),
        ("../../files/demo-1.0.tar.gz", "https://index.example/root/files/demo-1.0.tar.gz"),
        ("/files/demo-1.0.tar.gz", "https://index.example/files/demo-1.0.tar.gz"),
        ("//other.example/demo-1.0.tar.gz", "https://other.example/demo-1.0.tar.gz"),
        ("http://other.example:81/demo-1.0.tar.gz", "http://other.example:81/demo-1.0.tar.gz"),
        (
            "https://other.example/demo-1.0%2Bcpu.tar.gz?sig=a%2Fb",
            "https://other.example/demo-1.0%2Bcpu.tar.gz?sig=a%2Fb",
        ),
        ("https://user:secret@other.example/demo-1.0.tar.gz", "https://other.example/demo-1.0.tar.gz"),
        ("a folder/demo-1.0.tar.gz", "https://index.example/root/simple/demo/a%20folder/demo-1.0.tar.gz"),
    ],
)
def test_links_become_absolute_addresses_that_can_be_asked_as_they_are(href, expected):
    assert expected == html_file(f'<a href="{href}">demo</a>').upstream_url
    assert expected == json_file(url=href).upstream_url


def test_a_base_element_moves_relative_links():
    file = html_file('<a href="demo-1.0.tar.gz">x</a>', head='<base href="https://files.example/demo/">')

    assert "https://files.example/demo/demo-1.0.tar.gz" == file.upstream_url


@pytest.mark.parametrize(
    "url", ["ftp://other.example/demo-1.0.tar.gz", "https://[bad/demo-1.0.tar.gz", "mailto:someone@other.example"]
)
def test_a_link_that_cannot_be_asked_loses_its_file_only(url):
    body = json.dumps(
        {
            "name": "demo",
            "files": [
                {"filename": "demo-1.0.tar.gz", "url": url},
                {"filename": "demo-2.0.tar.gz", "url": "demo-2.0.tar.gz"},
            ],
        }
    ).encode()

    page = parse_page(body, JSON, URL, "demo")

    assert (["demo-2.0.tar.gz"], 1) == ([file.filename for file in page.files], page.skipped)


def test_an_anchor_tells_all_that_html_can_tell():
    file = html_file(
        f'<a href="demo-1.0-py3-none-any.whl#sha256={SHA.upper()}" data-requires-python="&gt;=3.8, &lt;4"'
        f' data-yanked="it &quot;breaks&quot;" data-core-metadata="sha256={SHA}">demo-1.0-py3-none-any.whl</a>'
    )

    assert (SHA, ">=3.8, <4", True, 'it "breaks"', True, SHA) == (
        file.sha256,
        file.requires_python,
        file.yanked,
        file.yanked_reason,
        file.has_metadata,
        file.metadata_sha256,
    )


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", (False, "")),
        ('data-core-metadata="true"', (True, "")),
        ('data-core-metadata="false"', (False, "")),
        (f'data-dist-info-metadata="sha256={SHA}"', (True, SHA)),
    ],
)
def test_metadata_is_advertised_in_old_and_new_words(attributes, expected):
    file = html_file(f'<a href="demo-1.0-py3-none-any.whl" {attributes}>x</a>')

    assert expected == (file.has_metadata, file.metadata_sha256)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, (False, "")),
        ({"core-metadata": True}, (True, "")),
        ({"core-metadata": False}, (False, "")),
        ({"core-metadata": {"sha256": SHA}}, (True, SHA)),
        ({"dist-info-metadata": {"sha256": SHA}}, (True, SHA)),
        ({"data-dist-info-metadata": {"sha256": SHA}}, (True, SHA)),
    ],
)
def test_json_metadata_is_advertised_in_three_spellings(entry, expected):
    file = json_file(**entry)

    assert expected == (file.has_metadata, file.metadata_sha256)


def test_digests_that_are_none_are_dropped_and_others_kept_only_without_sha256():
    file = json_file(hashes={"MD5": "AB" * 16, "sha512": "short", "shake_128": "ab", "rot13": "x", "sha1": 7})
    assert (("md5", "ab" * 16),) == file.hashes
    assert "ab" * 16 == file.md5

    assert () == json_file(hashes={"sha256": SHA, "md5": "ab" * 16}).hashes


@pytest.mark.parametrize(
    ("value", "expected"), [(False, (False, "")), (True, (True, "")), ("", (False, "")), ("bad", (True, "bad"))]
)
def test_yanked_is_a_truth_or_a_reason(value, expected):
    file = json_file(yanked=value)

    assert expected == (file.yanked, file.yanked_reason)


@pytest.mark.parametrize("value", ["not a time", 7, None, "2024-13-01T00:00:00Z"])
def test_an_upload_time_that_is_none_loses_the_time_only(value):
    assert json_file(**{"upload-time": value}).upload_time is None


def test_a_filename_behind_a_script_is_taken_from_the_text():
    file = html_file('<a href="get.php?id=7">demo-1.0.tar.gz</a>')

    assert ("demo-1.0.tar.gz", "https://index.example/root/simple/demo/get.php?id=7") == (
        file.filename,
        file.upstream_url,
    )


def test_status_and_passed_through_fields_are_carried():
    body = json.dumps(
        {
            "meta": {"api-version": "1.4", "_last-serial": 9},
            "name": "Demo",
            "files": [],
            "project-status": {"status": "archived", "reason": "finished"},
            "alternate-locations": ["https://b.example/simple/demo/"],
            "namespaces": ["not ours to pass"],
        }
    ).encode()

    page = parse_page(body, JSON, URL, "demo")

    assert ("Demo", "archived", "finished", 9) == (page.display, page.status, page.status_reason, page.serial)
    assert (("alternate-locations", '["https://b.example/simple/demo/"]'),) == page.extras


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"no gzip", "gzip"), (b"x", "br"), (b"", "zstd"), (b"\x1f\x8b\x08\x00", "gzip")],
)
def test_an_encoding_that_was_not_asked_for_or_does_not_hold_is_unavailable(body, encoding):
    with pytest.raises(Unavailable):
        decoded(body, encoding, 1000)


@pytest.mark.parametrize("depth", [100_000])
def test_a_page_of_nested_brackets_is_no_page(depth):
    with pytest.raises(Unavailable):
        parse_page(b"[" * depth, JSON, URL, "demo")


@pytest.mark.parametrize("junk", [b"<a ", b"<a href='", b"<!--"])
def test_unfinished_markup_at_the_end_of_a_page_costs_no_time(junk):
    anchor = b"<a href='demo-1.0.tar.gz'>demo-1.0.tar.gz</a>"
    spent = time.process_time()

    page = html_page(anchor + junk * (48_000 // len(junk)), "https://index.test/simple/demo/", "demo")

    assert ["demo-1.0.tar.gz"] == [file.filename for file in page.files]
    assert time.process_time() - spent < 2  # it took 4 to 28 s


def test_markup_that_the_parser_refuses_is_no_project_page():
    with pytest.raises(Unavailable, match="cannot be read"):
        html_page(b"<![x[<a href='demo-1.0.tar.gz'>demo-1.0.tar.gz</a>", "https://index.test/simple/demo/", "demo")


def test_a_body_of_countless_gzip_members_is_refused():
    with pytest.raises(Unavailable, match="members"):
        decoded(gzip.compress(b"") * 1000, "gzip", 1000)
