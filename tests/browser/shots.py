"""What a page looks like, for a person to judge: pictures of it in every way, in the folder HOLDFAST_SHOTS names.

    HOLDFAST_SHOTS=shots make test LANES=browser ARGS="-k test_everybody_can_use_the_page"

Without the variable nothing is drawn, and the states of refusals.py are left out. Each picture is of the whole page:
`<page>.<width>.<scheme>.png`.
"""

import os
import re
from pathlib import Path

from browser.judging import WAYS
from playwright.sync_api import Page

FOLDER = os.environ.get("HOLDFAST_SHOTS", "")


def keep(page: Page, name: str) -> None:
    """Draw the open page in every way. It is left as the last way leaves it."""
    if not FOLDER:
        return
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    Path(FOLDER).mkdir(parents=True, exist_ok=True)
    for size, scheme in WAYS:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.screenshot(path=Path(FOLDER) / f"{stem}.{size['width']}.{scheme}.png", full_page=True)
