"""What a banned network is answered: no credential is looked at, and each client is told in the form that it shows.

twine prints the status line, which a front makes of an upload's plain text; uv and twine read an exchange's `errors`.
"""

import json

from holdfast.control.uploads import answer as uploads
from holdfast.control.web.answers import told_outside
from holdfast.core.errors import Refused
from holdfast.core.page_paths import ME, is_control_page
from holdfast.core.problem import Problem, printable, translate

_EXCHANGES = "/_/oidc/"
_REASON_CHARS_MAX = 400
_JSON_HEADERS = (
    ("content-type", "application/json"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
)  # fmt: skip
_NEXT_STEP = "Installing goes on from here. If this is not meant for you, ask whoever runs this instance."


def shut_out(refused: Refused, path: str, accept: str, base_url: str) -> Problem:
    """The answer for a path without the public URL's prefix."""
    if path.rstrip("/").endswith("/legacy"):
        told = uploads.refused(refused, accept)
        return Problem(told.status, told.headers, told.body)
    if path.startswith(_EXCHANGES):
        error = {"code": "not-enabled", "description": printable(refused.reason, _REASON_CHARS_MAX)}
        document = {"message": "Token request failed", "errors": [error]}
        return Problem(403, _JSON_HEADERS, json.dumps(document).encode() + b"\n")
    if is_control_page(path) and path != ME:
        return told_outside(refused, base_url, _NEXT_STEP)
    return translate(refused)
