"""The JSON pages, key by key as the specifications have them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from records import BASE, DEMO, SDIST, WHEEL, demo, plain_file

from holdfast.core.errors import Corrupt
from holdfast.core.model import File
from holdfast.core.simple_json import (
    ListedProject,
    detail,
    file_path,
    file_url,
    page_serial,
    project_list,
    project_list_chunks,
    renderer,
    url_segment,
    versions_of,
)


def page_of(*files: File, **changes) -> dict:
    """The parsed page of the demo project with these files."""
    return json.loads(detail(demo(*files, **changes), public_base=BASE))


def test_a_page_says_all_that_version_1_4_has_to_say():
    assert {
        "meta": {"api-version": "1.4", "_last-serial": 7},
        "name": "demo-pkg",
        "project-status": {"status": "active"},
        "versions": ["1.0", "1.0+cu12"],
        "files": [
            {
                "filename": "demo_pkg-1.0.tar.gz",
                "url": f"../../packages/00/00/{'0' * 60}/demo_pkg-1.0.tar.gz",
                "hashes": {"sha256": "0" * 64},
                "requires-python": None,
                "size": 99,
                "upload-time": "2026-01-01T00:00:00Z",
                "yanked": 'broken <b>"build"</b>',
                "core-metadata": False,
                "data-dist-info-metadata": False,
                "provenance": None,
            },
            {
                "filename": "demo_pkg-1.0+cu12-py3-none-any.whl",
                "url": f"../../packages/ab/cd/{'1' * 60}/demo_pkg-1.0%2Bcu12-py3-none-any.whl",
                "hashes": {"sha256": "abcd" + "1" * 60},
                "requires-python": ">=3.8,<4",
                "size": 1234,
                "upload-time": "2026-01-02T03:04:05.000678Z",
                "yanked": False,
                "core-metadata": {"sha256": "e" * 64},
                "data-dist-info-metadata": {"sha256": "e" * 64},
                "provenance": f"{BASE}/integrity/demo-pkg/1.0%2Bcu12/demo_pkg-1.0%2Bcu12-py3-none-any.whl/provenance",
            },
        ],
    } == json.loads(detail(DEMO, public_base=BASE))


def test_a_page_is_compact_with_sorted_keys_and_the_same_bytes_each_time():
    page = detail(DEMO, public_base=BASE)

    assert page == json.dumps(json.loads(page), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert page == detail(replace(DEMO), public_base=BASE)


def test_an_empty_project_has_a_whole_page():
    assert page_of() == {
        "meta": {"api-version": "1.4", "_last-serial": 7},
        "name": "demo-pkg",
        "project-status": {"status": "active"},
        "versions": [],
        "files": [],
    }


@pytest.mark.parametrize("status", ["active", "archived", "deprecated"])
def test_a_status_is_told_with_its_reason_and_hides_nothing(status):
    page = page_of(SDIST, status=status, status_reason='moved to "other"')

    assert page["project-status"] == {"status": status, "reason": 'moved to "other"'}
    assert page["versions"] == ["1.0"]


def test_a_quarantined_project_offers_neither_files_nor_versions():
    page = page_of(SDIST, WHEEL, status="quarantined")

    assert (page["files"], page["versions"]) == ([], [])
    assert page["project-status"] == {"status": "quarantined"}


def test_yanked_without_a_reason_is_true():
    assert page_of(replace(SDIST, yanked_reason=""))["files"][0]["yanked"] is True


def test_a_reason_left_over_from_a_lifted_yank_is_not_shown():
    assert page_of(replace(SDIST, yanked=False))["files"][0]["yanked"] is False


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"has_metadata": True, "metadata_sha256": "c" * 64}, {"sha256": "c" * 64}),
        ({"has_metadata": True, "metadata_sha256": ""}, True),
        ({"has_metadata": False, "metadata_sha256": "c" * 64}, False),
    ],
)
def test_core_metadata_is_advertised_only_when_it_can_be_served(changes, expected):
    file = page_of(plain_file("1.0", **changes))["files"][0]

    assert file["core-metadata"] == file["data-dist-info-metadata"] == expected


def test_an_upstreams_provenance_url_is_passed_through():
    url = "https://up.example/integrity/x?a=1&b=2"

    assert page_of(plain_file("1.0", provenance_url=url))["files"][0]["provenance"] == url


def test_what_an_upstream_does_not_say_is_left_out_rather_than_made_up():
    file = page_of(plain_file("1.0", size=None, upload_time=None))["files"][0]

    assert "size" not in file
    assert "upload-time" not in file


def test_a_file_without_sha256_is_linked_by_project_and_shows_its_other_digests():
    file = page_of(plain_file("1.0", sha256="", hashes=(("sha512", "1"), ("md5", "2"))))["files"][0]

    assert file["hashes"] == {"md5": "2", "sha512": "1"}
    assert file["url"] == "../../packages/-/demo-pkg/demo_pkg-1.0-py3-none-any.whl"


def test_versions_are_unique_and_leave_out_unknown_ones():
    files = (plain_file(""), plain_file("1.0"), replace(SDIST, filename="x"), plain_file("2.0"))

    assert versions_of(files) == ["1.0", "2.0"]


def test_an_upload_time_of_another_zone_is_shown_in_utc():
    moment = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))

    assert page_of(plain_file("1.0", upload_time=moment))["files"][0]["upload-time"] == "2026-01-01T00:00:00Z"


def test_a_lone_surrogate_does_not_break_the_page_for_strict_parsers():
    page = detail(demo(replace(SDIST, yanked_reason="bad \udc80 byte")), public_base=BASE)

    assert json.loads(page.decode("utf-8"))["files"][0]["yanked"] == "bad ? byte"


def test_text_beyond_ascii_and_control_characters_survive():
    reason = 'naïve\n\t\\ "quoted" \x00 \u2028 😀'

    assert page_of(replace(SDIST, yanked_reason=reason))["files"][0]["yanked"] == reason


@pytest.mark.parametrize("field", ["sha256", "metadata_sha256"])
@pytest.mark.parametrize("digest", ['"><script>', "é" * 64, "xy" * 32, "abc"])
def test_a_digest_that_is_not_hex_never_reaches_a_page(field, digest):
    with pytest.raises(Corrupt, match="the record of demo-pkg has a digest that is not hex"):
        detail(demo(plain_file("1.0", **{field: digest})), public_base=BASE)


def test_fields_of_the_rejected_pep_708_are_passed_through_where_they_are_lists_of_urls():
    extras = (("alternate-locations", '["https://a.example/x/"]'), ("tracks", '["https://t.example/x/"]'))

    page = page_of(upstream_extras=extras)

    assert page["alternate-locations"] == ["https://a.example/x/"]
    assert page["meta"]["tracks"] == ["https://t.example/x/"]


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[1]", '"x"', "null", "[" * 100_000, "[]"])
def test_fields_an_upstream_got_wrong_are_no_fields(text):
    page = page_of(upstream_extras=(("alternate-locations", text), ("tracks", text), ("files", text)))

    assert "alternate-locations" not in page
    assert "tracks" not in page["meta"]
    assert page["files"] == []


@pytest.mark.parametrize(("serial", "upstream_serial", "expected"), [(7, 9, 7), (0, 9, 9), (0, None, 0)])
def test_the_page_serial_is_the_projects_own_else_its_upstreams(serial, upstream_serial, expected):
    record = replace(DEMO, serial=serial, upstream_serial=upstream_serial)

    assert page_serial(record) == expected
    assert json.loads(detail(record, public_base=BASE))["meta"]["_last-serial"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a-1.0_x~y.whl", "a-1.0_x~y.whl"),
        ("a-1!2.0+x.whl", "a-1%212.0%2Bx.whl"),
        ("a b%20.zip", "a%20b%2520.zip"),
        ("a/../b", "a%2F..%2Fb"),
        ("é", "%C3%A9"),
        ("\udc80", "%3F"),
    ],
)
def test_a_filename_is_one_url_segment_that_decodes_to_itself(text, expected):
    assert url_segment(text) == expected


def test_the_link_on_a_page_and_the_path_below_the_root_agree():
    assert file_url(WHEEL, "demo-pkg") == "../../" + file_path(WHEEL, "demo-pkg")
    assert file_path(WHEEL, "demo-pkg") == f"packages/ab/cd/{'1' * 60}/demo_pkg-1.0%2Bcu12-py3-none-any.whl"


def test_a_list_shows_display_names_with_their_serials():
    projects = [ListedProject("a", "A", 1), ListedProject("b-c", "b.C", 2, "archived")]

    assert json.loads(project_list(projects, 5)) == {
        "meta": {"_last-serial": 5, "api-version": "1.4"},
        "projects": [{"_last-serial": 1, "name": "A"}, {"_last-serial": 2, "name": "b.C"}],
    }


def test_quarantined_projects_are_left_out_of_the_list():
    projects = [
        ListedProject("a", "a", 1, "quarantined"),
        ListedProject("b", "b", 2),
        ListedProject("c", "c", 3, "quarantined"),
    ]

    assert [p["name"] for p in json.loads(project_list(projects, 5))["projects"]] == ["b"]


@pytest.mark.parametrize("count", [0, 1, 1999, 2000, 2001, 4000, 4001])
def test_a_long_list_comes_in_chunks_that_join_to_one_document(count):
    projects = [ListedProject(f"p{i}", f"P{i}", i) for i in range(count)]

    chunks = list(project_list_chunks(iter(projects), 9))

    assert [p["name"] for p in json.loads(b"".join(chunks))["projects"]] == [f"P{i}" for i in range(count)]
    assert len(chunks) == 2 + count // 2000
    assert max(map(len, chunks)) < 200_000


def test_rendered_bytes_are_kept_apart_by_public_address():
    assert renderer(BASE) == renderer(BASE)
    assert renderer(BASE) != renderer("https://other.example")


def test_times_without_fractions_carry_none():
    whole = plain_file("1.0", upload_time=datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC))

    assert page_of(whole)["files"][0]["upload-time"] == "2026-05-06T07:08:09Z"
