"""What upload tools show of a refusal: the status line's phrase, where they show nothing of the body.

Granian sends the standard phrase alone ("400 Bad Request"), and twine without --verbose prints no more than that. So
the first line of a refusal's text goes into the line, for whoever can be sent one of ours (takeover.py).
"""

from holdfast.wire.messages import Request, Response

PHRASE_CHARS_MAX = 200  # some lines of a terminal; the body has all of it


def phrase_of(request: Request, response: Response) -> str:
    """The phrase for the answer to an upload, "" for every other one: an ordinary answer then.

    One line of printable ASCII (RFC 9112 §4 allows more, which tools read as they like): a body can neither end the
    line nor begin another one.
    """
    if request.method != "POST" or not 400 <= response.status < 500 or not isinstance(response.body, bytes):
        return ""
    if not request.path.rstrip("/").endswith("/legacy") or not _is_text(response):
        return ""
    line = response.body[: 4 * PHRASE_CHARS_MAX].partition(b"\n")[0].decode("utf-8", "replace")
    return " ".join("".join(c if " " <= c <= "~" else " " for c in line).split())[:PHRASE_CHARS_MAX].rstrip()


def _is_text(response: Response) -> bool:
    return any(name == "content-type" and value.startswith("text/plain") for name, value in response.headers)
