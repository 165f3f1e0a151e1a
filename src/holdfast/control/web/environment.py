"""The Jinja2 environment of control's pages: autoescape for everything, an error for a name that is not there."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

# No script, style or image but our own files; no frame, no other form's target, no base.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment(**_django: Any) -> Environment:
    """What Django's Jinja2 back end and the error pages render with. Django's own options are not wanted."""
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
