"""Where the profile asks for it: what every current tool sends, and whose absence means a hand-made form."""

from collections.abc import Iterator

from holdfast.control.uploads.multipart import Content, Form
from holdfast.control.uploads.rules import Profile
from holdfast.core.upload_problems import Problem, problem

_DIGESTS = ("sha256_digest", "blake2_256_digest", "md5_digest")
_STEP = "Use a current upload tool."


def check_complete(form: Form, content: Content, profile: Profile) -> Iterator[Problem]:
    """Kind, a wheel's Python tag (flit leaves an sdist's out), and one digest."""
    if not profile.full_forms:
        return
    if not form.one("filetype"):
        yield problem("filetype", "", "is missing", _STEP)
    if not form.one("pyversion") and content.filename.endswith(".whl"):
        yield problem("pyversion", "", "is missing", _STEP)
    if not any(form.one(field).strip() for field in _DIGESTS):
        yield problem("sha256_digest", "", "is missing: one digest is needed", _STEP)
