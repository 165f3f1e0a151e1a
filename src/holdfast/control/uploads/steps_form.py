"""Steps over the form alone: what is asked for, and whether the digests are those of the bytes that came.

A step takes values and yields problems; it changes nothing and asks nobody.
"""

from collections.abc import Iterator, Mapping

from holdfast.control.uploads.multipart import Content, Form
from holdfast.core.upload_problems import Problem, problem

DEAD_ACTIONS = ("submit", "submit_pkg_info", "doc_upload")
SINGLE_FIELDS = (
    *(":action", "protocol_version", "name", "version", "filetype", "pyversion", "metadata_version"),
    *("sha256_digest", "blake2_256_digest", "md5_digest", "requires_python", "attestations"),
)
FILETYPES = ("bdist_wheel", "sdist")
_HEX_CHARS = {"sha256_digest": 64, "blake2_256_digest": 64, "md5_digest": 32}


def asked_action(form: Form, query: Mapping[str, str]) -> str:
    """The `:action`, from the form or, as old tools do, from the query."""
    return form.one(":action") or query.get(":action", "")


def check_action(form: Form, query: Mapping[str, str]) -> Iterator[Problem]:
    """Only file_upload is left of the protocol; the two places must not disagree."""
    action, asked = asked_action(form, query), query.get(":action", "")
    if action != "file_upload" or (asked and asked != action):
        yield problem(":action", action, "is not file_upload", "Send the field :action=file_upload.")


def check_protocol_version(form: Form, query: Mapping[str, str]) -> Iterator[Problem]:
    """Version 1 is the only one there ever was."""
    version = form.one("protocol_version") or query.get("protocol_version", "1")
    if version != "1":
        yield problem("protocol_version", version, "is not 1", "Use a current upload tool.")


def check_repeated_fields(form: Form) -> Iterator[Problem]:
    """A field that decides something and comes twice could be read in two ways."""
    for field in SINGLE_FIELDS:
        values = form.fields.get(field, ())
        if len(values) > 1:
            yield problem(field, values[1], f"was sent {len(values)} times", "Send it once.")


def check_filetype(form: Form, content: Content) -> Iterator[Problem]:
    """The declared kind is one of two, and the filename's own."""
    filetype = form.one("filetype")
    if filetype and filetype not in FILETYPES:
        yield problem("filetype", filetype, "is not accepted", f"Use one of {', '.join(FILETYPES)}.")
    elif filetype and (filetype == "bdist_wheel") != content.filename.endswith(".whl"):
        yield problem("filetype", filetype, "does not fit the filename", "Upload wheels as bdist_wheel, else sdist.")


def check_size(content: Content, bytes_max: int) -> Iterator[Problem]:
    """The front has bounded the body; this is the index's own limit."""
    if content.size > bytes_max:
        yield problem("content", content.size, f"is larger than {bytes_max} bytes", "Ask the operator for more.")
    if content.size == 0:
        yield problem("content", content.filename, "is empty", "Build the file again.")


def check_digests(form: Form, content: Content) -> Iterator[Problem]:
    """Each digest that was given, in hex, is that of the bytes."""
    found = {
        "sha256_digest": content.sha256,
        "blake2_256_digest": content.blake2b_256,
        "md5_digest": content.md5,
    }
    for field, digest in found.items():
        given = form.one(field).strip().lower()
        if not given:
            continue
        if len(given) != _HEX_CHARS[field] or not set(given) <= set("0123456789abcdef"):
            yield problem(field, given, "is not a digest in hex", "Send lower-case hexadecimal digits.")
        elif given != digest:
            rule = f"is not the digest of the bytes that arrived ({digest})"
            yield problem(field, given, rule, "The file changed on its way: upload it again.")
