"""The templates, their filters, and the names of assets."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from holdfast.pages import CSP, Notice, Site, render
from holdfast.pages.assets import asset_path, assets, is_asset_name, media_type_of
from holdfast.pages.environment import TEMPLATES, environment, filesize, plural, told, when
from holdfast.pages.values import sentence

SITE = Site("https://packages.example/prefix")


def from_text(template: str, **context: object) -> str:
    """What a template given as text makes, in the pages' own environment."""
    return environment().from_string('{% import "parts.html" as parts %}' + template).render(context)


def test_an_assets_name_has_the_hash_of_its_bytes() -> None:
    """So the bytes under a name never change, and may be kept for a year."""
    for name, asset in assets().items():
        assert sha256(asset.body).hexdigest()[:16] in name
        assert is_asset_name(name)
        assert media_type_of(name) == asset.media_type


@pytest.mark.parametrize(
    "name", ["holdfast.css", "../holdfast.0123456789abcdef.css", "holdfast.0123456789abcdef.html", ""]
)
def test_only_names_a_release_could_have_made_are_assets(name: str) -> None:
    """The address is asked of the store: nothing else gets that far."""
    assert not is_asset_name(name)


def test_no_style_or_script_fetches_anything_from_elsewhere() -> None:
    """A page works on a network without a way out."""
    for asset in assets().values():
        text = asset.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
        assert "@import" not in text


def test_the_policy_allows_nothing_inline() -> None:
    """An injected script or style does not run."""
    assert "unsafe" not in CSP
    assert "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'" in CSP


def test_a_page_escapes_what_it_is_given() -> None:
    """Whatever a template is given is text."""
    page = from_text("{{ parts.snippet(evil, evil) }}{{ evil }}", evil='<script>"&')

    assert "<script" not in page
    assert 'aria-label="&lt;script&gt;&#34;&amp;"' in page


def test_an_undefined_name_is_a_defect() -> None:
    """A misspelt name would be an empty place on a page."""
    with pytest.raises(UndefinedError):
        from_text("{{ misspelt }}")


def test_the_layout_tells_what_the_operators_have_to_say() -> None:
    """Banners are on every page; what more there is to read is one step away, and no date breaks at its hyphens."""
    told = "Uploads are <off> until 2026-11-28 01:27 UTC. See https://status.example/a?b=1&c=<x>."
    page = (
        environment()
        .from_string('{% extends "layout.html" %}{% block title %}T{% endblock %}')
        .render(site=SITE, notices=[Notice(told, "danger")])
    )

    assert "<title>T · Holdfast</title>" in page
    assert (
        '<p>Uploads are &lt;off&gt; until <span class="unbroken">2026-11-28</span> 01:27 UTC. See '
        '<a href="https://status.example/a?b=1&amp;c=" rel="nofollow">https://status.example/a?b=1&amp;c=</a>&lt;x&gt;.</p>'
    ) in page
    assert f'href="/prefix/{asset_path("holdfast.css")}"' in page
    assert "<strong>packages.example</strong>" in page


def test_a_field_tells_its_label_help_and_errors_to_everybody() -> None:
    """Who hears the page hears which field is wrong, and why."""
    page = from_text('{{ parts.field("email", "E-mail", type="email", help="Ours", errors=["Wrong"]) }}')

    assert '<label for="f-email">E-mail</label>' in page
    assert 'aria-describedby="f-email-error f-email-help" aria-invalid="true"' in page
    assert '<p class="error" id="f-email-error">Wrong</p>' in page


def test_moments_are_absolute_in_the_page() -> None:
    """Anybody may keep the page; how long ago something was is for the reader's own clock."""
    moment = datetime(2026, 11, 6, 7, 8, 9, tzinfo=UTC)

    assert '<time datetime="2026-11-06T07:08:09+00:00" data-ago="">6 Nov 2026, 07:08 UTC</time>' == when(moment)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_499, "999 kB"), (12_345_678, "12 MB")]
)
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert text == filesize(size)


def test_counts_have_their_noun() -> None:
    assert ["1 file", "2 files", "1,000 dependencies"] == [
        plural(1, "file"),
        plural(2, "file"),
        plural(1000, "dependency", "dependencies"),
    ]


def test_render_finds_templates_by_name() -> None:
    """What both planes call."""
    page = render("error.html", site=SITE, status=404, title="Not here", text="No <such> page", hint="")

    assert page.startswith("<!DOCTYPE html>")
    assert "No &lt;such&gt; page" in page


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"frozen": False, "reason": ""}, "frozen no, reason nothing"),
        (["a", "b"], "a, b"),
        (None, "nothing"),
        ({}, "nothing"),
        (3, "3"),
    ],
)
def test_values_of_the_audit_trail_are_words(value: object, words: str) -> None:
    assert words == told(value)


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("there is no such project", "There is no such project."),
        ("toolbox-1.0.whl was removed: keys", "toolbox-1.0.whl was removed: keys."),
        ("Ask again.", "Ask again."),
        ("", ""),
    ],
)
def test_a_problem_is_told_as_a_sentence(detail: str, shown: str) -> None:
    """And a filename is never spelt in another way than it is."""
    assert shown == sentence(detail)


def test_a_moment_is_told_so_that_it_can_be_said_in_days() -> None:
    """The script says `in 3 days` or `2 days ago` in its place: `until in 3 days`, `since 2 days ago` is no English."""
    folders = (TEMPLATES, files("holdfast.control.web") / "templates")
    texts = {path: path.read_text() for folder in folders for path in Path(str(folder)).rglob("*.html")}
    said = re.compile(r"([Uu]ntil|[Ss]ince) (</span>)?\{\{[^}]*\| when")

    odd = [path.name for path, text in texts.items() if said.search(text)]

    assert len(texts) > 60
    assert [] == odd
