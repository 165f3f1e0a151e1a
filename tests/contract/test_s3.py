"""The remote store keeps the contract against a server of the S3 protocol, and what only a network has."""

import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from contract.store_contract import StoreContract

from holdfast.config import Config
from holdfast.core.errors import Unavailable
from holdfast.drill.bucket import Credential, refuses_all_but
from holdfast.drill.faults import Fault
from holdfast.drill.proxy import FaultProxy
from holdfast.store.opening import open_second, unreadable_names
from holdfast.store.port import StoreRefuses
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


def test_an_object_whose_name_is_no_key_is_nobodys(endpoint: str, bucket: str) -> None:
    import boto3

    store = RemoteStore(f"s3://{bucket}/one")
    store.put("a", b"1")
    for name in ("one/na\u00efve", "one/" + "d" * 300):
        boto3.client("s3", endpoint_url=endpoint).put_object(Bucket=bucket, Key=name, Body=b"junk")

    assert ["a"] == [info.key for info in store.list("")]


@pytest.mark.parametrize("names", [("b/c//late", "c//", "c//x/y"), ("b//early", "b//early/er"), ("/top", "//")])
@pytest.mark.parametrize("inside", ["one", ""])
def test_a_name_with_an_empty_segment_neither_ends_a_listing_nor_shortens_it(
    endpoint: str, bucket: str, inside: str, names: tuple[str, ...]
) -> None:
    import boto3

    store, client = RemoteStore(f"s3://{bucket}/{inside}"), boto3.client("s3", endpoint_url=endpoint)
    keys = ["a", "b/a/0", "b/a/1", "b/b/0", "b/c/0/x", "b/c/1", "b/d", "c/0", "c/9"]
    for key in keys:
        store.put(key, b"1")
    for name in names:
        client.put_object(Bucket=bucket, Key=f"{inside}/{name}" if inside else name, Body=b"junk")

    for prefix in ("", "b/", "b/c/", "c/", "b/c/0", "d/"):
        for after in ("", "b/a/0", "b/c/0/x", "c/0"):
            wanted = [key for key in keys if key.startswith(prefix) and key > after]
            assert wanted == [info.key for info in store.list(prefix, after)], (prefix, after)
    assert 0 < len(set(names) & set(unreadable_names(store))), "one of each folder at least"


def test_a_listing_that_such_names_keep_from_being_whole_names_one_and_is_never_short(
    endpoint: str, bucket: str
) -> None:
    """One of them in a folder, and another deeper: what lies between them cannot be asked for."""
    import boto3

    store = RemoteStore(f"s3://{bucket}/one")
    for name in ("one/b//early", "one/b/c//late"):
        boto3.client("s3", endpoint_url=endpoint).put_object(Bucket=bucket, Key=name, Body=b"junk")
    store.put("b/b", b"1")

    with pytest.raises(Unavailable, match=r'Path "one/b//" contained empty path segment'):
        list(store.list(""))


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


def test_the_second_bucket_of_a_pair_may_be_another_servers(
    endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is said of the second alone comes before what the environment says of both."""
    with FaultProxy(endpoint) as proxy:
        other = Credential("other-key", "other-secret").settings
        for name, value in {"AWS_ENDPOINT_URL": proxy.url, **other}.items():
            monkeypatch.setenv(f"PAIR_{name}", value)
        proxy.set(refuses_all_but(Credential("other-key", "other-secret")))
        first = RemoteStore(f"s3://{bucket}/first")
        second = open_second(Config(data=tmp_path, store_pair=f"s3://{bucket}/second"))
        first.put("a", b"1")
        second.put("a", b"2")
        proxy.set(Fault(refuse=True))

        assert b"1" == first.get("a")
        with pytest.raises(Unavailable):
            second.get("a")


def test_plain_http_is_for_loopback_only(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.example")

    with pytest.raises((ValueError, Unavailable)):
        RemoteStore("s3://bucket").get("a")


def test_a_refused_credential_is_told_apart_and_stays_unavailable(
    endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 answers a wrong key with 403 to everything: our own trouble, and never that an object is absent."""
    with FaultProxy(endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        good = RemoteStore(f"s3://{bucket}")
        for name, value in Credential("wrong-key", "secret").settings.items():
            monkeypatch.setenv(name, value)
        wrong = RemoteStore(f"s3://{bucket}")
        proxy.set(refuses_all_but(Credential("key", "secret")))
        good.put("a", b"1")

        for operation in (
            lambda: wrong.get("a"),
            lambda: wrong.head("a"),
            lambda: wrong.read("a", 0, 1),
            lambda: wrong.put("a", b""),
            lambda: wrong.put("b", b"", create=True),
            lambda: wrong.delete("a"),
            lambda: list(wrong.list("")),
        ):
            with pytest.raises(StoreRefuses, match="refuses the credential"):
                operation()
        assert b"1" == good.get("a")


def test_a_write_whose_answer_is_lost_is_made_again_and_changes_nothing(
    endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultProxy(endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        store = RemoteStore(f"s3://{bucket}")
        proxy.set(Fault(methods=("PUT",), status=503, body="SlowDown", share=0.3, carried_out=True, seed=1))

        for number in range(20):
            store.put(f"key-{number:02}", b"bytes")

        assert [f"key-{number:02}" for number in range(20)] == [info.key for info in store.list("")]
        assert proxy.touched > 0
