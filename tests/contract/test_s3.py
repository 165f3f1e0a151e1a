"""The remote store keeps the contract against a server of the S3 protocol, and what only a network has."""

import socket
from collections.abc import Iterator
from itertools import count

import pytest
from contract.store_contract import StoreContract

from holdfast.core.errors import Unavailable
from holdfast.store.remote import RemoteStore

pytest.importorskip("moto.server", reason="moto is not installed")
from moto.server import ThreadedMotoServer

_numbers = count()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(endpoint: str, credentials: None) -> str:
    import boto3

    name = f"bucket-{next(_numbers)}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=name)
    return name


class TestRemoteStore(StoreContract):
    @pytest.fixture
    def store(self, bucket: str) -> RemoteStore:
        return RemoteStore(f"s3://{bucket}/some/prefix")


def test_prefixes_of_one_bucket_are_stores_of_their_own(bucket: str) -> None:
    one, other = RemoteStore(f"s3://{bucket}/one"), RemoteStore(f"s3://{bucket}")
    one.put("a", b"1")
    other.put("a", b"2")

    assert (b"1", ["a"]) == (one.get("a"), [info.key for info in one.list("")])
    assert (b"2", ["a", "one/a"]) == (other.get("a"), [info.key for info in other.list("")])


def test_a_missing_bucket_is_unavailable_never_absent(credentials: None) -> None:
    store = RemoteStore("s3://no-such-bucket/prefix")

    for operation in (
        lambda: store.get("a"),
        lambda: store.head("a"),
        lambda: store.read("a", 0, 1),
        lambda: store.put("a", b""),
        lambda: store.delete("a"),
        lambda: list(store.list("")),
    ):
        with pytest.raises(Unavailable):
            operation()


def test_a_refused_connection_is_unavailable(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        store = RemoteStore("s3://bucket")

        with pytest.raises(Unavailable, match="the bucket of the store cannot be used"):
            store.get("a")
        with pytest.raises(Unavailable):
            store.put("a", b"", create=True)


def test_plain_http_is_for_loopback_only(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.example")

    with pytest.raises((ValueError, Unavailable)):
        RemoteStore("s3://bucket").get("a")
