"""Whatever a record holds, its JSON and HTML pages parse, agree with each other and with the record."""

import json
import re
from datetime import UTC
from urllib.parse import unquote, urljoin

from hypothesis import given
from hypothesis import strategies as st
from records import Page, files_in_html, files_in_json

from holdfast.core import legacy_json, simple_html, simple_json
from holdfast.core.filenames import sort_key
from holdfast.core.model import STATUSES, File, Record, parse_time
from holdfast.core.simple_json import ListedProject

BASE = "https://pkgs.example/team"
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
TEXT = st.text(max_size=30)
VERSIONS = st.sampled_from(["", "1.0", "1.0.1", "1!2.0", "2.0rc1", "2.0+local.1", "10.0"])
FILENAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 .+!_~-]{0,30}", fullmatch=True)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)

FILES = st.builds(
    File,
    filename=st.one_of(FILENAMES, TEXT.filter(bool)),
    sha256=st.one_of(HEX, st.just("")),
    size=st.one_of(st.none(), st.integers(0, 2**40)),
    version=VERSIONS,
    upload_time=st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
    requires_python=st.one_of(st.just(""), st.just(">=3.8"), TEXT),
    yanked=st.booleans(),
    yanked_reason=TEXT,
    metadata_sha256=st.one_of(HEX, st.just("")),
    has_metadata=st.booleans(),
    provenance_sha256=st.one_of(HEX, st.just("")),
    provenance_url=st.one_of(st.just(""), st.just("https://up.example/?a=1&b=<2>")),
    hashes=st.one_of(st.just(()), st.just((("sha512", "12"),))),
)
RECORDS = st.builds(
    Record,
    index=st.just("main"),
    name=NAMES,
    display=NAMES,
    serial=st.integers(0, 2**40),
    files=st.lists(FILES, max_size=5).map(lambda files: tuple(sorted(files, key=sort_key))),
    status=st.sampled_from(STATUSES),
    status_reason=TEXT,
    upstream_serial=st.one_of(st.none(), st.integers(0, 2**40)),
)


def as_html_shows(value):
    """Text as HTML can carry it: control characters became spaces, and an empty reason is none."""
    if isinstance(value, dict):
        return {key: as_html_shows(inner) for key, inner in value.items()}
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", value) if isinstance(value, str) else value


@given(RECORDS)
def test_html_says_of_each_file_what_json_says(record):
    in_json = files_in_json(simple_json.detail(record, public_base=BASE))
    in_html = files_in_html(simple_html.detail(record, public_base=BASE))

    assert [as_html_shows(file) for file in in_json] == in_html


@given(RECORDS)
def test_json_says_what_the_record_says(record):
    page = json.loads(simple_json.detail(record, public_base=BASE))

    files = () if record.status == "quarantined" else record.files
    assert page["project-status"]["status"] == record.status
    assert page["versions"] == list(dict.fromkeys(f.version for f in files if f.version))
    assert len(page["files"]) == len(files)
    for told, file in zip(page["files"], files, strict=True):
        assert told["filename"] == file.filename.encode("utf-8", "replace").decode()
        assert told.get("size") == file.size
        assert (parse_time(told["upload-time"]) if "upload-time" in told else None) == file.upload_time
        assert told["yanked"] == ((file.yanked_reason or True) if file.yanked else False)
        assert told["requires-python"] == (file.requires_python or None)


@given(RECORDS)
def test_each_link_leads_into_the_index_and_ends_in_the_filename(record):
    for file in json.loads(simple_json.detail(record, public_base=BASE))["files"]:
        url = urljoin(f"{BASE}/simple/{record.name}/", file["url"])

        assert url.startswith(f"{BASE}/packages/")
        assert unquote(url.rsplit("/", 1)[1], errors="strict") == file["filename"]


@given(RECORDS)
def test_the_same_record_gives_the_same_canonical_bytes(record):
    page = simple_json.detail(record, public_base=BASE)

    assert page == simple_json.detail(record, public_base=BASE)
    assert page == json.dumps(json.loads(page), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@given(RECORDS)
def test_the_legacy_document_links_where_the_simple_page_links(record):
    if record.status == "quarantined" or not any(file.version for file in record.files):
        return
    document = json.loads(legacy_json.project_document(record, None, public_base=BASE))

    listed = [file["url"] for files in document["releases"].values() for file in files]
    linked = [
        urljoin(f"{BASE}/simple/{record.name}/", told["url"])
        for told, file in zip(
            json.loads(simple_json.detail(record, public_base=BASE))["files"], record.files, strict=True
        )
        if file.version
    ]
    assert sorted(linked) == sorted(listed)
    assert document["urls"] == document["releases"][document["info"]["version"]]


@given(st.lists(st.builds(ListedProject, NAMES, TEXT.filter(bool), st.integers(0, 99), st.sampled_from(STATUSES))))
def test_both_project_lists_name_the_same_projects(projects):
    in_json = [p["name"] for p in json.loads(simple_json.project_list(projects, 5))["projects"]]
    in_html = [text for _attributes, text in Page(simple_html.project_list(projects, 5)).anchors]

    assert [as_html_shows(name) for name in in_json] == in_html
    assert len(in_json) == sum(p.status != "quarantined" for p in projects)
