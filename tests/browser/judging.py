"""What every page is held to in a browser, whatever is on it: seen, heard, reached by keyboard, narrow.

Each check gives sentences; a page without any can be used by everybody, as far as a program can tell.
"""

from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python
from markup import Markup
from playwright.sync_api import Page

DESKTOP, PHONE, NARROWEST = (
    {"width": width, "height": height} for width, height in ((1280, 900), (390, 844), (320, 600))
)
SERIOUS = ("serious", "critical")
WAYS = tuple((size, scheme) for size in (DESKTOP, PHONE) for scheme in ("light", "dark"))
# One document whatever the scheme and width: looked at once. Contrast is most of axe-core's time, and depends on what
# an element and those around it are, not on which row it stands in: one of each kind is looked at, in every way.
DOCUMENT = "document, {resultTypes: ['violations'], rules: {'color-contrast': {enabled: false}}}"
LAYOUT = "document, {resultTypes: ['violations'], runOnly: ['scrollable-region-focusable', 'target-size']}"
CONTRAST = "window.oneOfEachKind(), {resultTypes: ['violations'], runOnly: ['color-contrast']}"
ONE_OF_EACH_KIND = """window.oneOfEachKind = () => {
    const found = new Map();
    for (const one of document.querySelectorAll('body *')) {
        const says = [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (!(says || one.matches('input, select, textarea')) || !one.checkVisibility()) continue;
        let kind = '';
        for (let node = one; node !== document.body; node = node.parentElement) {
            const row = node.matches('li') ? [...node.parentElement.children].indexOf(node) % 2 : '';
            kind += `${node.tagName} ${node.className} ${node.ariaCurrent} ${row} ${node.type ?? ''}>`;
        }
        found.has(kind) || found.set(kind, one);
    }
    return [...found.values()];
};"""
QR_CODE = "data:image/svg+xml"  # the one picture that no address may have: it is a secret
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
THUMB = 44  # pixels high is what a thumb finds (WCAG 2.5.5); a link within a sentence need not be
SMALL_TARGETS = """(least) => {
    const bars = 'nav a, button, select, summary, .button, .tabs > label, input[type=search]';
    const targets = bars + ', .versions a, .choices a';
    return [...document.querySelectorAll(targets)].filter((one) => one.checkVisibility() && !one.closest('.unseen'))
        .map((one) => [one, one.getBoundingClientRect().height]).filter(([_, height]) => height < least)
        .map(([one, height]) => `${height} pixels high: ${one.outerHTML.slice(0, 100)}`);
}"""
# Whatever the Tab key stops at, in turn: it must show that it is where one is. Tabs show it on their labels.
UNSEEN_STOPS = """() => {
    const stops = document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]');
    const faults = [];
    for (const stop of stops) {
        if (stop.tabIndex > 0) faults.push('out of order: ' + stop.outerHTML.slice(0, 150));
        if (stop.tabIndex < 0 || stop.disabled || stop.type === 'hidden' || !stop.checkVisibility()) continue;
        stop.focus();
        if (document.activeElement !== stop) { faults.push('not reached: ' + stop.outerHTML.slice(0, 150)); continue; }
        const shown = getComputedStyle(stop.matches('.tabs > input') ? stop.nextElementSibling : stop);
        if (shown.outlineStyle === 'none' || parseFloat(shown.outlineWidth) < 2)
            faults.push('no sign of the focus: ' + stop.outerHTML.slice(0, 150));
    }
    return faults;
}"""


@cache
def axe_source() -> str:
    """axe-core, as the wrapper from the lock carries it."""
    return Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()


def violations(page: Page, what: str = "document, {resultTypes: ['violations']}") -> list[str]:
    """What axe-core finds that keeps somebody from using the page, a line each."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe_source())
        page.evaluate(ONE_OF_EACH_KIND)
    found: dict[str, Any] = page.evaluate(f"axe.run({what})")
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:120]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"][:3]
    ]


def faults(page: Page) -> list[str]:
    """Of the open page: light and dark, wide and narrow, by keyboard. It is left wide and light."""
    found = violations(page, DOCUMENT)
    for size, scheme in WAYS:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found += [f"{size['width']} {scheme}: {fault}" for fault in violations(page, CONTRAST)]
    found += [f"{PHONE['width']}: {fault}" for fault in violations(page, LAYOUT)]
    found += sideways(page)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    return found + by_keyboard(page)


def sideways(page: Page) -> list[str]:
    """Nobody scrolls sideways, on the narrowest telephone either (WCAG 1.4.10: 320 CSS pixels)."""
    page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]
    wider = page.evaluate(SIDEWAYS)
    return [f"{wider} pixels have to be scrolled to sideways at {NARROWEST['width']}"] if wider else []


def hard_to_touch(page: Page) -> list[str]:
    """What is too small for a thumb on a telephone. The page is left narrow."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    small: list[str] = page.evaluate(SMALL_TARGETS, THUMB)
    return small


def by_keyboard(page: Page) -> list[str]:
    """The first stop skips to the content; every stop is reached in the document's order, and seen."""
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    skips = [] if first == "Skip to the content" else [f"the first stop of the keyboard is {first!r}"]
    return skips + page.evaluate(UNSEEN_STOPS)


def invalid(body: bytes) -> list[str]:
    """What is not valid HTML, or against the house's rules of it, in a page as it was sent."""
    return [fault for fault in Markup(body).faults if QR_CODE not in fault]
