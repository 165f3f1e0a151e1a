"""What must never be printed, and how it is cut out of text. Only the standard library: all that prints may use it."""

import re

HIDDEN = "…"

_TOKEN = re.compile(r"\b(holdfast_[A-Za-z0-9]{1,12})_[A-Za-z0-9_]{8,}")
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s\"'<>]*@", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"\b((?:proxy-)?authorization\W{1,4})?\b(basic|bearer|digest|token)\s+[\w.~+/=-]{6,}", re.I)
_SECRET_NAME = re.compile(r"authorization|cookie|password|passwd|passphrase|secret|token$|api_?key|credential", re.I)


def redact(text: str) -> str:
    """`text` without token secrets, Authorization values and the user part of URLs. A token keeps its public id."""
    text = _TOKEN.sub(rf"\1_{HIDDEN}", text)
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    return _AUTHORIZATION.sub(lambda match: f"{match[1] or ''}{match[2]} {HIDDEN}", text)


def is_secret_name(name: str) -> bool:
    """True when a field or header of that name holds nothing but a secret."""
    return _SECRET_NAME.search(name) is not None
