"""Everything an upstream's page says reaches our pages: what JSON says reaches JSON and HTML, what HTML says, too."""

import json
from datetime import UTC, datetime

import pytest

from holdfast.core import simple_html, simple_json
from holdfast.pull.build import PageJob, build_page
from holdfast.tree.record import decode_record

URL = "https://index.example/simple/demo/"
BASE = "https://packages.example"
SHA, OTHER = "ab" * 32, "cd" * 32
PROVENANCE = "https://index.example/integrity/demo/1.0/demo-1.0-py3-none-any.whl/provenance"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


def record_of(kind, body):
    job = PageJob(
        upstream="up",
        name="demo",
        url=URL,
        body=body,
        content_encoding="",
        content_type=kind,
        etag="",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        bytes_max=1_000_000,
    )
    return decode_record(build_page(job).page, None)


def shown(kind, body):
    """Our JSON and our HTML of an upstream's page."""
    record = record_of(kind, body)
    return (
        json.loads(simple_json.detail(record, public_base=BASE)),
        simple_html.detail(record, public_base=BASE).decode(),
    )


FILE = {"filename": "demo-1.0-py3-none-any.whl", "url": "demo-1.0-py3-none-any.whl", "hashes": {"sha256": SHA}}
FILE_FACTS = {
    "yanked with a reason": ({"yanked": "broken"}, {"yanked": "broken"}, 'data-yanked="broken"'),
    "yanked": ({"yanked": True}, {"yanked": True}, 'data-yanked=""'),
    "not yanked": ({"yanked": False}, {"yanked": False}, None),
    "requires-python": (
        {"requires-python": ">=3.8,<4"},
        {"requires-python": ">=3.8,<4"},
        'data-requires-python="&gt;=3.8,&lt;4"',
    ),
    "core-metadata": (
        {"core-metadata": {"sha256": OTHER}},
        {"core-metadata": {"sha256": OTHER}, "data-dist-info-metadata": {"sha256": OTHER}},
        f'data-dist-info-metadata="sha256={OTHER}" data-core-metadata="sha256={OTHER}"',
    ),
    "core-metadata without digest": (
        {"core-metadata": True},
        {"core-metadata": True},
        'data-dist-info-metadata="true" data-core-metadata="true"',
    ),
    "the older spelling": (
        {"dist-info-metadata": {"sha256": OTHER}},
        {"core-metadata": {"sha256": OTHER}},
        f'data-core-metadata="sha256={OTHER}"',
    ),
    "provenance": ({"provenance": PROVENANCE}, {"provenance": PROVENANCE}, f'data-provenance="{PROVENANCE}"'),
    "size": ({"size": 17}, {"size": 17}, None),
    "upload-time": (
        {"upload-time": "2024-01-02T03:04:05.000006Z"},
        {"upload-time": "2024-01-02T03:04:05.000006Z"},
        None,
    ),
    "sha256": ({}, {"hashes": {"sha256": SHA}}, f"#sha256={SHA}"),
}


@pytest.mark.parametrize(("said", "expected", "attribute"), FILE_FACTS.values(), ids=FILE_FACTS)
def test_what_json_says_of_a_file_is_in_our_json_and_html(said, expected, attribute):
    body = json.dumps({"meta": {"api-version": "1.4"}, "name": "demo", "files": [{**FILE, **said}]}).encode()

    page, html = shown(JSON_TYPE, body)

    assert expected == {key: page["files"][0].get(key) for key in expected}
    assert attribute is None or attribute in html
    if not said.get("yanked"):
        assert "data-yanked" not in html


PAGE_FACTS = {
    "project-status": (
        {"project-status": {"status": "archived", "reason": "finished"}},
        {"project-status": {"status": "archived", "reason": "finished"}},
        [
            '<meta name="pypi:project-status" content="archived">',
            '<meta name="pypi:project-status-reason" content="finished">',
        ],
    ),
    "alternate-locations": (
        {"alternate-locations": ["https://a.example/demo/", "https://b.example/demo/"]},
        {"alternate-locations": ["https://a.example/demo/", "https://b.example/demo/"]},
        [
            '<meta name="pypi:alternate-locations" content="https://a.example/demo/">',
            '<meta name="pypi:alternate-locations" content="https://b.example/demo/">',
        ],
    ),
    "tracks": (
        {"meta": {"api-version": "1.2", "tracks": ["https://a.example/demo/"]}},
        {"meta": {"_last-serial": 0, "api-version": "1.4", "tracks": ["https://a.example/demo/"]}},
        ['<meta name="pypi:tracks" content="https://a.example/demo/">'],
    ),
    "versions": ({"versions": ["1.0"]}, {"versions": ["1.0"]}, []),
    "serial": (
        {"meta": {"api-version": "1.4", "_last-serial": 9}},
        {"meta": {"_last-serial": 9, "api-version": "1.4"}},
        ["<!--SERIAL 9-->"],
    ),
}


@pytest.mark.parametrize(("said", "expected", "lines"), PAGE_FACTS.values(), ids=PAGE_FACTS)
def test_what_json_says_of_a_project_is_in_our_json_and_html(said, expected, lines):
    page, html = shown(
        JSON_TYPE, json.dumps({"meta": {"api-version": "1.4"}, "name": "demo", "files": [FILE], **said}).encode()
    )

    assert expected == {key: page.get(key) for key in expected}
    assert [] == [line for line in lines if line not in html]


HTML_FACTS = {
    "yanked": ('data-yanked="broken"', {"yanked": "broken"}),
    "yanked without a reason": ("data-yanked", {"yanked": True}),
    "requires-python": ('data-requires-python="&gt;=3.8,&lt;4"', {"requires-python": ">=3.8,<4"}),
    "core-metadata": (f'data-core-metadata="sha256={OTHER}"', {"core-metadata": {"sha256": OTHER}}),
    "dist-info-metadata": (f'data-dist-info-metadata="sha256={OTHER}"', {"core-metadata": {"sha256": OTHER}}),
    "core-metadata without digest": ('data-core-metadata="true"', {"core-metadata": True}),
    "provenance": (f'data-provenance="{PROVENANCE}"', {"provenance": PROVENANCE}),
}


@pytest.mark.parametrize(("attribute", "expected"), HTML_FACTS.values(), ids=HTML_FACTS)
def test_what_html_says_of_a_file_is_in_our_json_and_html(attribute, expected):
    anchor = f'<a href="demo-1.0-py3-none-any.whl#sha256={SHA}" {attribute}>demo-1.0-py3-none-any.whl</a>'

    page, html = shown("text/html", f"<!DOCTYPE html><html><body>{anchor}</body></html>".encode())

    assert {"hashes": {"sha256": SHA}, **expected} == {key: page["files"][0][key] for key in ("hashes", *expected)}
    again, _ = shown("text/html", html.encode())
    assert page["files"] == again["files"]


@pytest.mark.parametrize("key", ["project-status", "alternate-locations", "tracks"])
def test_what_html_says_of_a_project_is_in_our_json_and_html(key):
    _, expected, lines = PAGE_FACTS[key]
    head = "\n".join(lines)

    page, html = shown(
        "text/html", f'<html><head>{head}</head><body><a href="demo-1.0.zip">x</a></body></html>'.encode()
    )

    assert expected == {key: page.get(key) for key in expected}
    assert [] == [line for line in lines if line not in html]
