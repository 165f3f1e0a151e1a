"""A store in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure.

Credentials and endpoints come from the provider's standard environment (AWS_*, GOOGLE_*, AZURE_*); for a pair's second
bucket, variables of its own come before those (store/pair_environment.py). Whatever is not a plain "no such object" is
Unavailable: a refused credential, a missing bucket, a timeout.
"""

import os
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast
from urllib.parse import urlsplit

import obstore
import structlog
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotModifiedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import from_url

from holdfast.core.errors import Absent, Conflict, Outcome, Unavailable
from holdfast.store.bucket_listing import listed
from holdfast.store.copies import Copies
from holdfast.store.keys import check_key, check_prefix, is_key
from holdfast.store.port import ObjectInfo, StoreRefuses

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 2
READ_SECONDS = 5  # an answer that stalls this long is dead
REQUEST_SECONDS = 30  # one request with its body; a part of 8 MiB needs 2.3 Mbit/s
RETRY_SECONDS = 5  # no further attempt after this; a caller waits at most about twice as long
RETRIES_MAX = 2
PART_BYTES = 8 * 1024 * 1024
PARTS_IN_FLIGHT = 2  # memory of one upload is about PART_BYTES times this (92 MB in all were measured)
UNREADABLE_MAX = 100  # of such names are remembered
BUCKET_BELIEVED_SECONDS = 30.0


class RemoteStore:
    """Objects under a prefix of a bucket, e.g. `s3://bucket/prefix`. Safe among threads and machines."""

    def __init__(self, url: str, copies: Copies | None = None, own: Mapping[str, str] | None = None) -> None:
        """What is put and given away here stays on this machine as well, if there are `copies`.

        `own`: variables that hold for this bucket instead of the environment's.
        """
        self._copies = copies
        self._store = _connect(url, READ_SECONDS, own or {})
        self._uploads = _connect(url, REQUEST_SECONDS, own or {})  # while a part is being sent there is nothing to read
        self._bucket_seen_at = float("-inf")
        self._inside = urlsplit(url).path.strip("/")
        self.unreadable: set[str] = set()  # names with an empty segment that listings met, for fsck to tell

    def get(self, key: str) -> bytes:
        check_key(key)
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except Exception as error:  # noqa: BLE001 - obstore raises its own and builtin types; all become outcomes
            self._refuse(error, key)

    def read(self, key: str, start: int, length: int) -> bytes:
        assert start >= 0 and length >= 0, (start, length)
        check_key(key)
        if length == 0:
            self.head(key)
            return b""
        try:
            return bytes(obstore.get_range(self._store, key, start=start, length=length))
        except Exception as error:  # noqa: BLE001 - see get
            # A range that begins at the end or beyond is an error to every bucket, and an empty answer here.
            if not isinstance(error, FileNotFoundError) and start >= self.head(key).size:
                return b""
            self._refuse(error, key)

    def head(self, key: str) -> ObjectInfo:
        check_key(key)
        try:
            return _info(obstore.head(self._store, key))
        except Exception as error:  # noqa: BLE001 - see get
            self._refuse(error, key)

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        """As the port says. After a lost answer a repeated create may meet its own object and raise Conflict."""
        check_key(key)
        try:
            obstore.put(self._store, key, data, mode="create" if create else "overwrite", use_multipart=False)
        except Exception as error:  # noqa: BLE001 - see get
            self._refuse(error, key)
        if self._copies is not None:
            self._copies.seal(key, data)

    def put_file(self, key: str, path: Path) -> None:
        check_key(key)
        with open(path, "rb") as source:
            try:
                obstore.put(self._uploads, key, source, chunk_size=PART_BYTES, max_concurrency=PARTS_IN_FLIGHT)
            except Exception as error:  # noqa: BLE001 - see get
                self._refuse(error, key)

    def adopt_file(self, key: str, path: Path) -> None:
        self.put_file(key, path)
        if self._copies is not None:
            self._copies.adopt(key, path)
        else:
            path.unlink()

    def delete(self, key: str) -> None:
        check_key(key)
        if self._copies is not None:
            self._copies.drop(key)
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            self._demand_bucket()
        except Exception as error:  # noqa: BLE001 - see get
            self._refuse(error, key)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        folder, _, stem = prefix.rpartition("/")
        offset = max(after, _just_before(prefix)) if stem else after
        try:
            previous = ""
            for meta in listed(self._store, self._inside, folder, offset, self._tell_unreadable):
                info = _info(meta)
                if info.key <= after or not info.key.startswith(prefix):
                    if info.key > prefix and not info.key.startswith(prefix):
                        return
                    continue
                if info.key <= previous:
                    raise Unavailable("the bucket of the store does not list its objects in key order")
                previous = info.key
                if is_key(info.key):  # another name is nobody's object
                    yield info
        except Exception as error:  # noqa: BLE001 - see get
            self._refuse(error, prefix)

    def local_path(self, key: str) -> Path | None:
        check_key(key)
        return None

    def _tell_unreadable(self, name: str) -> None:
        if len(self.unreadable) < UNREADABLE_MAX and name not in self.unreadable:
            self.unreadable.add(name)
            log.warning("the bucket has an object whose name no store key can be, and it is passed over", name=name)

    def _refuse(self, error: Exception, key: str) -> NoReturn:
        """Turn what the client library raised into an outcome; our own mistakes pass through."""
        if isinstance(error, Outcome | AssertionError):
            raise error
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
            self._demand_bucket()
            raise Absent(f"there is no object {key}") from error
        if isinstance(error, AlreadyExistsError | PreconditionError | NotModifiedError):
            raise Conflict(f"the object {key} is already there") from error
        raise _unusable(error) from error

    def _demand_bucket(self) -> None:
        """A missing object is believed only while the bucket itself answers; a deleted bucket is not an empty index."""
        if time.monotonic() - self._bucket_seen_at < BUCKET_BELIEVED_SECONDS:
            return
        try:
            next(iter(obstore.list(self._store, chunk_size=1)), None)
        except Exception as error:
            raise _unusable(error) from error
        self._bucket_seen_at = time.monotonic()


def _connect(url: str, read_seconds: int, own: Mapping[str, str]) -> "ObjectStore":
    client: ClientConfig = {
        "allow_http": _endpoint_is_loopback({**os.environ, **own}),
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "read_timeout": f"{read_seconds}s",
        "timeout": f"{REQUEST_SECONDS}s",
    }
    retry: RetryConfig = {"max_retries": RETRIES_MAX, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
    try:
        if own:  # of S3 alone: the library takes the variables' names in lower case
            config = cast("S3Config", {name.lower(): value for name, value in own.items()})
            return from_url(url, config=config, client_options=client, retry_config=retry)
        return from_url(url, client_options=client, retry_config=retry)
    except BaseError as error:
        raise ValueError(f"{url} cannot be used as a store: {_said(error)}") from error


def _info(meta: "ObjectMeta") -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["e_tag"] or meta["version"] or meta["last_modified"].isoformat())


def _just_before(prefix: str) -> str:
    """A path below every key that begins with `prefix`, and close to it. Before "0" comes "/", which ends no path."""
    if prefix[-1] <= "0":
        return prefix.rpartition("/")[0]
    return f"{prefix[:-1]}{chr(ord(prefix[-1]) - 1)}~~~~"


def _unusable(error: Exception) -> Unavailable:
    if _is_refusal(error):
        return StoreRefuses("the bucket of the store refuses the credential it is asked with")
    return Unavailable(f"the bucket of the store cannot be used: {_said(error)}")


def _is_refusal(error: Exception) -> bool:
    """Whether the bucket refuses the credential. A listing that is refused comes as a plain error with its status."""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return True
    line = str(error).partition("\n")[0]
    return isinstance(error, BaseError) and any(f"status code: {code} " in line for code in (401, 403))


def _said(error: Exception) -> str:
    """What went wrong without the address it went wrong at: reasons reach clients, causes only the log."""
    line = str(error).strip().partition("\n")[0]
    return line.rpartition(" - ")[2].partition(": <?xml")[0][:200] or type(error).__name__


def _endpoint_is_loopback(environ: Mapping[str, str]) -> bool:
    """Plain HTTP is fine for a store on this machine, and nowhere else."""
    url = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT")
    host = urlsplit(url or "").hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
