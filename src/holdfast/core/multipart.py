"""multipart/form-data, what front and control must read alike (RFC 7578, RFC 2046 5.1): boundaries and part headers.

Frameworks forgive: base64 parts, folders in filenames, repeated headers. What two parsers could read differently is
refused here instead.
"""

import re
from collections.abc import Sequence

CONTENT = "content"  # the part that is the uploaded file
HEADER_BYTES_MAX = 4096  # of one part

_CONTENT_TYPE = re.compile(
    r"multipart/form-data; *boundary=(?:\"(?P<quoted>[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-])\""
    r"|(?P<bare>[0-9A-Za-z'()+_./:?-]{1,70}))",
    re.ASCII | re.IGNORECASE,
)
_DISPOSITION = re.compile(
    r"form-data; ?name=\"(?P<name>[ !#-\[\]-~]{1,100})\"(?:; ?filename=\"(?P<filename>[^\"\\\r\n]{0,300})\")?",
    re.IGNORECASE,
)
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2; others end the headers for some readers
_CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f]")  # of a filename the next check tells more
_PLAIN_ENCODINGS = ("binary", "7bit", "8bit")


class MalformedForm(Exception):  # noqa: N818 - a verdict about the client's bytes
    """The body cannot be read in one way only. The text is a sentence for the client."""


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names. Raises MalformedForm."""
    found = _CONTENT_TYPE.fullmatch(content_type.strip())
    if found is None:
        raise MalformedForm("The body must be multipart/form-data with a boundary.")
    return (found["quoted"] or found["bare"]).encode("ascii")


def part_of(lines: Sequence[bytes]) -> tuple[str, str | None]:
    """(name, filename or None) from the header lines of a part. Raises MalformedForm."""
    headers: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(b":")
        name = key.decode("latin-1").lower()
        if not colon or _HEADER_NAME.fullmatch(key) is None or _CONTROL.search(value) or name in headers:
            raise MalformedForm("A part of the form has a malformed or repeated header.")
        try:
            headers[name] = value.strip().decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedForm("A header of the form is not UTF-8.") from error
    found = _DISPOSITION.fullmatch(headers.get("content-disposition", ""))
    if found is None:
        raise MalformedForm("A part of the form has no plain Content-Disposition with a name.")
    if headers.get("content-transfer-encoding", "binary").lower() not in _PLAIN_ENCODINGS:
        raise MalformedForm("Parts of the form may not be encoded.")
    return found["name"], found["filename"]
