"""A path as it may be logged: without what opens something for whoever reads the log.

That is the secret in a preview's address, and the keys in links of mails, which are good until they are used or run
out: a new password, an address that is confirmed, an invitation, a network that is let in.
"""

import re

from holdfast.core.preview_token import SEGMENT

_PREVIEW = re.compile(rf"/{SEGMENT}/[^/]*")
_ACCOUNT = "/account/"
_MAILED = re.compile(rf"({_ACCOUNT}(?:password/reset/key|confirm-email|invitation|let-in)/)[^/]+")


def loggable(path: str) -> str:
    """The decoded path, with `-` in place of each secret."""
    if SEGMENT in path:
        path = _PREVIEW.sub(f"/{SEGMENT}/-", path)
    return _MAILED.sub(r"\1-", path) if _ACCOUNT in path else path
