"""Rules on core metadata that only an index open to strangers asks: mail addresses and dependencies of other kinds.

What old build tools wrote into these fields harms nobody inside an organisation. Source: the core metadata
specification, RFC 5322 3.4, and what the largest public index refuses.
"""

import re
from collections.abc import Iterator
from email.utils import getaddresses

from holdfast.core.upload_problems import Problem, problem

ADDRESSES_CHARS_MAX = 4_000  # about a hundred people; the parser takes its square
# Dot-atoms before and after the @, other scripts included (RFC 6531); nobody answers mail at a bare host name.
_WORD = r"[^\s\x00-\x20\x7f\"(),.:;<>@\[\\\]]+"
_ADDRESS = re.compile(rf"{_WORD}(?:\.{_WORD})*@(?:{_WORD}\.)+{_WORD}")
_STEP = "Use a form like 'Alice Doe <alice@company.example>', several with commas between."


def check_addresses(field: str, value: str) -> Iterator[Problem]:
    """One field of mail addresses, with names or without."""
    if len(value) > ADDRESSES_CHARS_MAX:
        yield problem(field, value, f"is longer than {ADDRESSES_CHARS_MAX} characters", "Name fewer people.")
        return
    for _name, address in getaddresses([value]):
        if len(address) > 254 or _ADDRESS.fullmatch(address) is None:
            yield problem(field, address or value, "is not a mail address", _STEP)
