"""Leaked tokens: whoever finds one, a secret scanner above all, has it revoked by showing it, without a credential.

The answer is the same for tokens of ours, of others, and for no tokens at all.
"""

from typing import Any

from holdfast.control.api.call import Call
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import NotYetPublished
from holdfast.control.tokens.actions import LEAKED_MAX, end_leaked_tokens

PLACE_CHARS_MAX = 500


def report(call: Call) -> dict[str, int]:
    """Revoke tokens that lie about where others can read them. A bare list of `{"token": ...}` is taken as well."""
    call.parts.leak_reports.count(call.parts.clock, call.actor.address)
    shown = call.body.get("tokens")
    if not isinstance(shown, list) or len(shown) > LEAKED_MAX:
        raise NotAccepted(f"the field tokens must be a list of at most {LEAKED_MAX} tokens")
    texts = [text for one in shown if isinstance(text := _text(one), str)]
    publisher, found_at = call.parts.publisher, call.text("found_at", "") or _first_url(shown)
    try:
        end_leaked_tokens(publisher, texts, found_at[:PLACE_CHARS_MAX], call.actor, deadline=call.deadline)
    except NotYetPublished:  # revoked for uploads, and soon for reads: the answer is the same
        return {"received": len(shown)}
    return {"received": len(shown)}


def _text(one: Any) -> Any:
    return one.get("token") if isinstance(one, dict) else one


def _first_url(shown: list[Any]) -> str:
    """Where a scanner says it found the first, in printable characters."""
    urls = (one.get("url") for one in shown if isinstance(one, dict))
    found = next((url for url in urls if isinstance(url, str)), "")
    return "".join(c for c in found if c.isprintable() and not "\ud800" <= c <= "\udfff")
