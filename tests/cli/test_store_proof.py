"""A start goes on with a store credential that works or once worked, and with no other."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.cli.check import findings
from holdfast.cli.store_proof import StoreNotProven, admit
from holdfast.config import DATA_FORMAT, Config
from holdfast.drill.bucket import GOOD, Bucket, Credential, refuses_all_but
from holdfast.drill.faults import Fault
from holdfast.drill.proxy import FaultProxy
from holdfast.settings.loading import load

WRONG = Credential("wrong-key", "wrong-secret")


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket that takes one credential, and a data folder whose store it is."""

    bucket: Bucket
    proxy: FaultProxy
    data: Path

    def environ(self, credential: Credential) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOLDFAST_", "AWS_"))}
        own = {"HOLDFAST_DATA": str(self.data), "HOLDFAST_UPSTREAM": "none"}
        return {**kept, **self.bucket.settings_behind(self.proxy.url, credential), **own}

    def config(self) -> Config:
        return load(self.environ(GOOD), None, folder=self.data)

    def start(self, credential: Credential) -> None:
        admit(self.config(), self.environ(credential))


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    pytest.importorskip("moto.server", reason="moto is not installed")
    with Bucket() as running:
        yield running


@pytest.fixture
def place(bucket: Bucket, tmp_path: Path) -> Iterator[Place]:
    with FaultProxy(bucket.url) as proxy:
        proxy.set(refuses_all_but(GOOD))
        (tmp_path / "run").mkdir()
        yield Place(bucket, proxy, tmp_path)


def test_a_credential_that_never_worked_here_does_not_start(place: Place) -> None:
    with pytest.raises(StoreNotProven, match=r"fingerprint [0-9a-f]{12}, which never worked"):
        place.start(WRONG)

    assert {} == place.bucket.objects()
    assert not place.config().proven_stores_file.exists()


def test_one_that_worked_starts_also_when_it_is_refused_later(place: Place) -> None:
    place.start(GOOD)
    place.proxy.set(refuses_all_but(None))

    place.start(GOOD)
    with pytest.raises(StoreNotProven, match="worked here last has the fingerprint"):
        place.start(WRONG)

    kept = place.config().proven_stores_file.read_text()
    assert GOOD.secret not in kept
    assert 1 == kept.count("s3://")


def test_a_store_out_of_reach_says_nothing_of_a_credential(place: Place) -> None:
    place.proxy.set(Fault(refuse=True))

    place.start(WRONG)

    assert "[]" == place.config().proven_stores_file.read_text().strip(), "not proven either"


def test_check_proves_the_credential_of_its_own_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = {"instance": "one", "format": DATA_FORMAT, "created": "2026-01-01T00:00:00Z"}
    place.config().marker.write_text(json.dumps(marker))
    told = []
    for fault, credential in ((refuses_all_but(GOOD), GOOD), (refuses_all_but(GOOD), WRONG)):
        place.proxy.set(fault)
        environ = place.environ(credential)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)  # the bucket's client reads the process's own
        report = list(findings(environ))
        told += [finding for finding in report if finding.subject == "credential"]

    assert [True, False] == [finding.ok for finding in told]
    assert "a fresh object was put, read and deleted" in told[0].text
    assert "refuses the credential" in told[1].text
    assert report[-1] is told[1], "what cannot be judged without the store is left out"
    assert not any(secret.secret in finding.text for finding in told for secret in (GOOD, WRONG))
