"""Issuers' keys: which are known, how seldom an issuer is asked, and what its outage or its mischief may cost us."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Lock

import pytest
from instances import Instance
from issuer import ec_key, jwk, rsa_key

from holdfast.clock import ManualClock
from holdfast.config import ProviderConfig
from holdfast.control.database import close_connection
from holdfast.control.publishers.fetching import Source
from holdfast.control.publishers.key_set import Key
from holdfast.control.publishers.keys import ASK_AGAIN_SECONDS, FRESH_SECONDS, KEPT_SECONDS_MAX, Keys
from holdfast.control.publishers.models import KeySet
from holdfast.core.errors import Unavailable

CI = ProviderConfig("ci", "https://issuer.example", "github")


@dataclass
class Issuing:
    """An issuer in memory. `trouble` is its outage; `gate` holds every answer back until it is set."""

    clock: ManualClock
    keys: list[dict[str, object]] = field(default_factory=lambda: [jwk(rsa_key(), "one")])
    discovery: dict[str, object] = field(
        default_factory=lambda: {"issuer": CI.issuer, "jwks_uri": "https://keys.example/jwks"}
    )
    trouble: bool = False
    gate: Event | None = None
    asked: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def fetch(self, source: Source, url: str, bytes_max: int) -> bytes:
        with self.lock:
            self.asked.append(url)
        if self.gate is not None:
            assert self.gate.wait(20)
        if self.trouble:
            raise Unavailable("issuer.example cannot be asked for its keys: TimeoutError", retry_after_seconds=30)
        return json.dumps(self.discovery if url.startswith(CI.issuer) else {"keys": self.keys}).encode()

    def process(self) -> Keys:
        """What one process knows: nothing yet."""
        return Keys(self.fetch, self.clock)

    def find(self, keys: Keys, kid: str = "one") -> Key | None:
        return keys.find(CI, kid, "RS256", self.clock.monotonic() + 5)


@pytest.fixture
def issuing(sqlite_instance: Instance) -> Issuing:
    return Issuing(ManualClock())


def test_a_known_key_asks_nobody(issuing: Issuing):
    keys = issuing.process()
    found = [issuing.find(keys) for _ in range(5)]

    assert all(key is not None for key in found)
    assert issuing.asked == ["https://issuer.example/.well-known/openid-configuration", "https://keys.example/jwks"]


def test_an_outage_stops_nobody_whose_key_is_known_not_even_after_a_restart(issuing: Issuing):
    keys = issuing.process()
    issuing.find(keys)
    issuing.trouble = True
    issuing.clock.advance(KEPT_SECONDS_MAX - 60)

    assert issuing.find(keys) is not None
    assert issuing.find(issuing.process()) is not None


def test_a_process_that_starts_takes_the_kept_keys_without_asking(issuing: Issuing):
    issuing.find(issuing.process())
    issuing.asked.clear()

    assert issuing.find(issuing.process()) is not None
    assert issuing.asked == []


def test_keys_that_nobody_confirmed_for_a_week_are_trusted_no_more(issuing: Issuing):
    keys = issuing.process()
    issuing.find(keys)
    issuing.trouble = True
    issuing.clock.advance(KEPT_SECONDS_MAX + 1)

    for process in (keys, issuing.process()):
        with pytest.raises(Unavailable, match="cannot be asked for its keys"):
            issuing.find(process)


def test_a_key_that_the_issuer_withdrew_ends_within_the_hour(issuing: Issuing):
    keys = issuing.process()
    issuing.find(keys)
    issuing.keys = [jwk(ec_key(), "two")]
    issuing.clock.advance(FRESH_SECONDS + 1)

    assert issuing.find(keys) is None
    assert issuing.find(issuing.process()) is None


def test_made_up_key_ids_ask_the_issuer_once_a_minute(issuing: Issuing):
    keys = issuing.process()
    issuing.find(keys)

    made_up = [issuing.find(keys, f"made-up-{number}") for number in range(50)]
    assert (made_up, len(issuing.asked)) == ([None] * 50, 2)

    issuing.clock.advance(ASK_AGAIN_SECONDS + 1)
    made_up = [issuing.find(keys, f"made-up-{number}") for number in range(50)]
    assert (made_up, len(issuing.asked)) == ([None] * 50, 4)


def test_a_new_key_is_found_with_its_first_token(issuing: Issuing):
    keys = issuing.process()
    issuing.find(keys)
    issuing.clock.advance(ASK_AGAIN_SECONDS + 1)
    issuing.keys.append(jwk(rsa_key(1), "new"))

    assert issuing.find(keys, "new") is not None


def test_while_the_issuer_is_down_an_unknown_key_is_not_known_rather_than_refused(issuing: Issuing):
    """It may be a new one: the job is told to come again, and the issuer is not asked for every try."""
    keys = issuing.process()
    issuing.find(keys)
    issuing.clock.advance(ASK_AGAIN_SECONDS + 1)
    issuing.trouble = True
    issuing.asked.clear()

    for _ in range(5):
        with pytest.raises(Unavailable) as told:
            issuing.find(keys, "new")
        assert told.value.retry_after_seconds == 30
    assert len(issuing.asked) == 1
    assert issuing.find(keys) is not None


def test_at_once_one_asks_and_the_others_wait_for_it(issuing: Issuing):
    keys, issuing.gate = issuing.process(), Event()

    def find(_: int) -> Key | None:
        try:
            return issuing.find(keys)
        finally:
            close_connection()

    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(find, number) for number in range(8)]
        issuing.gate.set()
        found = [one.result(30) for one in waiting]

    assert all(key is not None for key in found)
    assert len(issuing.asked) == 2


def other_issuer(issuing: Issuing) -> None:
    issuing.discovery["issuer"] = "https://mallory.example"


def no_address(issuing: Issuing) -> None:
    issuing.discovery["jwks_uri"] = 7


def no_keys(issuing: Issuing) -> None:
    issuing.keys = []


def secret_keys(issuing: Issuing) -> None:
    issuing.keys = [{"kty": "oct", "k": "c2VjcmV0", "kid": "one", "alg": "HS256"}]


def many_keys(issuing: Issuing) -> None:
    issuing.keys = [jwk(rsa_key(), f"k{number}") for number in range(65)]


def small_key(issuing: Issuing) -> None:
    issuing.keys = [jwk(rsa_key(0, 1024), "one")]


@pytest.mark.parametrize("mischief", [other_issuer, no_address, no_keys, secret_keys, many_keys, small_key])
def test_unusable_documents_are_an_outage_and_replace_nothing(issuing: Issuing, mischief: Callable[[Issuing], None]):
    keys = issuing.process()
    issuing.find(keys)
    kept = KeySet.objects.get().document
    mischief(issuing)
    issuing.clock.advance(FRESH_SECONDS + 1)

    assert issuing.find(keys) is not None
    assert KeySet.objects.get().document == kept
    with pytest.raises(Unavailable, match="ci's keys are unusable"):
        issuing.find(keys, "new")


def test_what_is_kept_and_cannot_be_read_is_fetched_anew(issuing: Issuing):
    now = issuing.clock.now()
    KeySet.objects.create(issuer=CI.issuer, document="{", fetched=now - timedelta(seconds=1))

    assert issuing.find(issuing.process()) is not None
    assert json.loads(KeySet.objects.get().document)["keys"][0]["kid"] == "one"
