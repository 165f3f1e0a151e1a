"""Previews: what a staged release would add to its project, for whoever knows the address. One object per session.

The object is rewritten with each change of the session and deleted with its end. It holds an ordinary record, whose
files nothing else in the tree names: no page, list, journal segment or export can show them.
"""

from datetime import datetime

import msgspec

from holdfast.core import preview_token
from holdfast.core.errors import Absent, Corrupt
from holdfast.core.model import Record
from holdfast.core.names import is_index_name, is_normalized, is_sha256
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.record import decode_record, encode_record

_VERSION = 1
RECORD_BYTES_MAX = 32 * 1024 * 1024  # of a staged record, uncompressed; a thousand files need about a megabyte


class Preview(msgspec.Struct, frozen=True):
    """A session's files as one may see them. `record` is a stored record with the digest `record_sha256`."""

    v: int
    token_sha256: str
    index: str
    name: str  # normalised
    expires: datetime
    record_sha256: str
    record: bytes

    def staged(self) -> Record:
        """The record itself. Raises Corrupt."""
        return decode_record(self.record, self.record_sha256, RECORD_BYTES_MAX)


def put_preview(store: Store, token: str, record: Record, expires: datetime) -> None:
    """Show these files under the token, in place of what it showed before. Raises Unavailable."""
    encoded, digest = encode_record(record), preview_token.digest(token)
    found = Preview(_VERSION, digest, record.index, record.name, expires, encoded.digest, encoded.stored_bytes)
    store.put(addresses.preview(digest), _encoder.encode(found))


def drop_preview(store: Store, token_sha256: str) -> None:
    """Show nothing under the token any more. Raises Unavailable."""
    try:
        store.head(addresses.preview(token_sha256))
    except Absent:
        return
    store.delete(addresses.preview(token_sha256))


def read_preview(store: Store, token_sha256: str) -> Preview:
    """What is shown under the token with that digest. Raises Absent, Corrupt, Unavailable."""
    key = addresses.preview(token_sha256)
    stored = store.get(key)
    try:
        found = _decoder.decode(stored)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"{key} does not parse: {error}") from error
    sound = found.v == _VERSION and is_index_name(found.index) and is_normalized(found.name)
    if not sound or not is_sha256(found.record_sha256) or found.expires.tzinfo is None:
        raise Corrupt(f"{key} is no preview of format {_VERSION}")
    if not preview_token.same_digest(found.token_sha256, token_sha256):
        raise Corrupt(f"{key} is the preview of another token")
    return found


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Preview)
