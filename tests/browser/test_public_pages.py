"""Every page for people in a real browser, with control and database dead: accessible, quiet, and fit for a phone."""

import pytest
from browser.judging import PHONE, faults, hard_to_touch, invalid, violations
from browser.pages_list import PUBLIC as PAGES
from browser.shots import keep
from playwright.sync_api import Browser, Page


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_everybody_can_use_the_page(page: Page, served: str, path: str, request: pytest.FixtureRequest) -> None:
    """What judging.py holds pages to, and nothing that the browser complains of but a page's own status."""
    answer = page.goto(served + path)
    assert answer is not None
    keep(page, f"public {request.node.callspec.id}")
    found = invalid(answer.body()) + faults(page) + hard_to_touch(page)

    complaints = page.complaints  # type: ignore[attr-defined]
    assert ([], []) == (found, [text for text in complaints if f"status of {answer.status}" not in text])


def test_axe_finds_what_is_wrong(page: Page) -> None:
    """So that a page without findings is one that was looked at."""
    page.set_content(
        '<html lang="en"><title>t</title><img src="x"><input><p style="color:#ccc;background:#fff">faint</p>'
    )

    found = {line.partition(" ")[0] for line in violations(page)}

    assert {"image-alt", "label", "color-contrast"} <= found


def test_the_page_works_without_script(chromium: Browser, served: str) -> None:
    """Search, tabs and unfolding are the browser's own."""
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(served)
    page.get_by_label("Find a project by its name").fill("toolb")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Toolbox").click()

    assert page.url.endswith("/project/toolbox/")
    page.get_by_text("uv", exact=True).click()
    assert page.get_by_text("uv add --default-index").is_visible()
    assert not page.get_by_text("pip install --index-url").is_visible()
    page.get_by_text("older versions").click()
    assert page.get_by_role("link", name="1.3", exact=True).is_visible()
    context.close()


def test_the_keyboard_reaches_everything(page: Page, served: str) -> None:
    """The first stop skips to the content; each stop can be seen; the arrow keys change tabs."""
    page.goto(f"{served}/project/toolbox/")
    page.keyboard.press("Tab")
    assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id")
    page.locator("#install-pip").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#install-uv").is_checked()
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert "none" != outline, page.evaluate("document.activeElement.outerHTML")


def test_the_script_adds_comforts(page: Page, served: str) -> None:
    """A button copies a snippet; moments are told as how long ago, with the absolute one at hand."""
    page.goto(f"{served}/project/toolbox/")
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    moment = page.locator("time[data-ago]").first

    assert page.evaluate("navigator.clipboard.readText()").startswith("pip install --index-url ")
    assert "ago" in (moment.text_content() or "") or "last" in (moment.text_content() or "")
    assert (moment.get_attribute("title") or "").endswith("UTC")


def test_nothing_is_asked_of_elsewhere(page: Page, served: str) -> None:
    """Neither pictures of descriptions nor anything else; and of the account only with a sign that somebody is in."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES.values():
        page.goto(served + path)

    assert [] == [url for url in asked if not url.startswith(served) or url.endswith("/_/me")]
