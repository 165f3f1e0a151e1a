"""The HTML pages: the frozen shape to the byte, then what it says."""

from dataclasses import replace

import pytest
from records import BASE, DEMO, SDIST, WHEEL, Page, demo, files_in_html, files_in_json, plain_file

from holdfast.core import simple_html, simple_json
from holdfast.core.errors import Corrupt
from holdfast.core.simple_json import ListedProject

FROZEN_DETAIL = """\
<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <meta name="pypi:project-status" content="archived">
    <meta name="pypi:project-status-reason" content="done &amp; &lt;dusted&gt;">
    <title>Links for demo-pkg</title>
  </head>
  <body>
    <h1>Links for demo-pkg</h1>
    <a href="../../packages/00/00/000000000000000000000000000000000000000000000000000000000000/demo_pkg-1.0.tar.gz\
#sha256=0000000000000000000000000000000000000000000000000000000000000000" \
data-yanked="broken &lt;b&gt;&quot;build&quot;&lt;/b&gt;">demo_pkg-1.0.tar.gz</a><br />
    <a href="../../packages/ab/cd/111111111111111111111111111111111111111111111111111111111111/\
demo_pkg-1.0%2Bcu12-py3-none-any.whl#sha256=abcd111111111111111111111111111111111111111111111111111111111111" \
data-requires-python="&gt;=3.8,&lt;4" \
data-dist-info-metadata="sha256=eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee" \
data-core-metadata="sha256=eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee" \
data-provenance="https://pkgs.example/team/integrity/demo-pkg/1.0%2Bcu12/\
demo_pkg-1.0%2Bcu12-py3-none-any.whl/provenance">demo_pkg-1.0+cu12-py3-none-any.whl</a><br />
  </body>
</html>
<!--SERIAL 7-->
"""

FROZEN_LIST = """\
<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <title>Simple index</title>
  </head>
  <body>
    <a href="a/">a</a><br />
    <a href="b-c/">B.c</a><br />
  </body>
</html>
<!--SERIAL 12-->
"""


def test_the_shape_of_a_project_page_is_frozen():
    """PEP 833: people read these pages with regular expressions. A change here breaks somebody."""
    record = replace(DEMO, status="archived", status_reason="done & <dusted>")

    assert FROZEN_DETAIL == simple_html.detail(record, public_base=BASE).decode()


def test_the_shape_of_the_project_list_is_frozen():
    projects = [ListedProject("a", "a", 1), ListedProject("b-c", "B.c", 2), ListedProject("q", "q", 3, "quarantined")]

    assert FROZEN_LIST == simple_html.project_list(projects, 12).decode()


def test_html_and_json_name_the_same_files():
    assert files_in_json(simple_json.detail(DEMO, public_base=BASE)) == files_in_html(
        simple_html.detail(DEMO, public_base=BASE)
    )


def test_a_quarantined_project_keeps_its_page_and_status_and_offers_no_file():
    page = Page(simple_html.detail(replace(DEMO, status="quarantined", status_reason="malware"), public_base=BASE))

    assert page.anchors == []
    assert page.metas == [
        ("pypi:repository-version", "1.4"),
        ("pypi:project-status", "quarantined"),
        ("pypi:project-status-reason", "malware"),
    ]


def test_the_fields_of_pep_708_come_as_one_meta_each():
    extras = (
        ("tracks", '["https://t.example/"]'),
        ("alternate-locations", '["https://a.example/", "https://b.example/?x&y"]'),
    )

    page = Page(simple_html.detail(demo(upstream_extras=extras), public_base=BASE))

    assert page.metas[2:] == [
        ("pypi:tracks", "https://t.example/"),
        ("pypi:alternate-locations", "https://a.example/"),
        ("pypi:alternate-locations", "https://b.example/?x&y"),
    ]


def test_the_last_line_is_the_serial():
    assert simple_html.detail(demo(serial=41), public_base=BASE).splitlines()[-1] == b"<!--SERIAL 41-->"
    assert simple_html.project_list([], 42).splitlines()[-1] == b"<!--SERIAL 42-->"


def test_yanked_without_a_reason_is_an_empty_attribute():
    page = simple_html.detail(demo(replace(SDIST, yanked_reason="")), public_base=BASE)

    assert b' data-yanked=""' in page


def test_metadata_without_a_known_digest_is_true():
    page = simple_html.detail(demo(plain_file("1.0", has_metadata=True)), public_base=BASE)

    assert b' data-dist-info-metadata="true" data-core-metadata="true"' in page


@pytest.mark.parametrize(
    ("hashes", "fragment"),
    [
        ((("md5", "1"), ("sha512", "2")), "#sha512=2"),
        ((("sha1", "3"), ("md5", "4")), "#sha1=3"),
        ((("md5", '5"><b>'),), "#md5=5&quot;&gt;&lt;b&gt;"),
        ((("crc", "6"),), ""),
        ((), ""),
    ],
)
def test_a_file_without_sha256_carries_its_strongest_other_digest(hashes, fragment):
    page = simple_html.detail(demo(plain_file("1.0", sha256="", hashes=hashes)), public_base=BASE).decode()

    assert f'<a href="../../packages/-/demo-pkg/demo_pkg-1.0-py3-none-any.whl{fragment}">' in page


def test_hostile_text_stays_text():
    evil = '"><script>alert(1)</script>\x00\x1b\n'
    file = replace(
        WHEEL,
        filename=evil,
        requires_python=evil,
        yanked=True,
        yanked_reason=evil,
        provenance_sha256="",
        provenance_url=evil,
    )

    page = simple_html.detail(demo(file, status_reason=evil), public_base=BASE)

    assert b"<script" not in page
    assert b"\x00" not in page
    assert Page(page).anchors[0][1] == evil.replace("\x00", " ").replace("\x1b", " ").replace("\n", " ")


def test_a_lone_surrogate_does_not_break_the_page():
    page = simple_html.detail(demo(replace(SDIST, yanked_reason="\udc80")), public_base=BASE)

    assert b'data-yanked="?"' in page


def test_a_digest_that_is_not_hex_never_reaches_a_page():
    with pytest.raises(Corrupt):
        simple_html.detail(demo(plain_file("1.0", sha256='"><script>')), public_base=BASE)


@pytest.mark.parametrize("count", [0, 1, 1999, 2000, 2001, 4001])
def test_a_long_list_comes_in_chunks_that_join_to_one_page(count):
    projects = [ListedProject(f"p{i}", f"P{i}", i) for i in range(count)]

    chunks = list(simple_html.project_list_chunks(iter(projects), 9))

    anchors = Page(b"".join(chunks)).anchors
    assert [({"href": f"p{i}/"}, f"P{i}") for i in range(count)] == anchors
    assert len(chunks) == 2 + count // 2000
