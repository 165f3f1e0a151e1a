"""Which key signed: from memory, from the database, from the issuer, in this order, and from the issuer seldom.

The last good key set is kept in the database, so that an issuer's outage or our restart stops nobody whose key is
known. A key that is not known is looked for at most once a minute per issuer, by one request while others wait.
"""

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from holdfast.clock import Clock
from holdfast.config import ProviderConfig
from holdfast.control.database import database_guard, held_transaction
from holdfast.control.publishers.fetching import Fetch, Source
from holdfast.control.publishers.key_set import Key, fitting_key, parse_key_set
from holdfast.control.publishers.models import KeySet
from holdfast.core.errors import Unavailable

log = structlog.get_logger()

DISCOVERY_PATH = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0 §4
DISCOVERY_BYTES_MAX = 64 * 1024
KEY_SET_BYTES_MAX = 256 * 1024
ASK_AGAIN_SECONDS = 60.0  # tokens with made-up key ids must not make us ask the issuer again and again
FRESH_SECONDS = 3600.0  # a key that the issuer withdrew is not trusted for longer, while the issuer answers
KEPT_SECONDS_MAX = 7 * 86_400.0  # and when it does not answer, for no longer than this


@dataclass(slots=True)
class _Known:
    """One issuer's keys in this process."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: tuple[Key, ...] = ()
    fetched: datetime | None = None
    asked: float = float("-inf")  # monotonic: when the issuer was last asked, whatever it said
    trouble: str = ""


class Keys:
    """Every issuer's keys. One per process; threads share it."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def find(self, provider: ProviderConfig, key_id: str, algorithm: str, deadline: float) -> Key | None:
        """The key of that id, None when the issuer has none such. Raises Unavailable while that cannot be said."""
        known = self._of(provider.issuer)
        key = fitting_key(known.keys, key_id, algorithm)
        if key is not None and self._age(known) <= FRESH_SECONDS:
            return key
        with known.lock:  # one asks; the others find what it found
            self._learn(provider, known, key_id, algorithm, deadline)
            age = self._age(known)
            if age > KEPT_SECONDS_MAX:
                raise Unavailable(known.trouble or f"the keys of {provider.name} are not known", retry_after_seconds=30)
            key = fitting_key(known.keys, key_id, algorithm)
            if key is None and known.trouble:
                raise Unavailable(known.trouble, retry_after_seconds=30)  # it may be a new key of theirs
            return key

    def _of(self, issuer: str) -> _Known:
        with self._lock:
            return self._known.setdefault(issuer, _Known())  # issuers are configured ones: there are few

    def _age(self, known: _Known) -> float:
        if known.fetched is None:
            return float("inf")
        return abs((self._clock.now() - known.fetched).total_seconds())  # abs: a clock may be set back

    def _learn(self, provider: ProviderConfig, known: _Known, key_id: str, algorithm: str, deadline: float) -> None:
        def is_enough() -> bool:
            return fitting_key(known.keys, key_id, algorithm) is not None and self._age(known) <= FRESH_SECONDS

        if not is_enough():
            self._read_kept(provider, known)
        if is_enough() or self._clock.monotonic() - known.asked < ASK_AGAIN_SECONDS:
            return
        known.asked = self._clock.monotonic()
        try:
            document = self._asked(provider)
            known.keys, known.fetched, known.trouble = parse_key_set(document), self._clock.now(), ""
        except (Unavailable, ValueError) as error:
            known.trouble = error.reason if isinstance(error, Unavailable) else f"{provider.name}'s keys are unusable"
            log.warning("an issuer's keys cannot be had: %s", known.trouble, provider=provider.name)
            return
        self._keep(provider, document, known.fetched, deadline)

    def _read_kept(self, provider: ProviderConfig, known: _Known) -> None:
        """What this process, another one or another machine fetched last, when it is newer than what is known."""
        with database_guard():
            row = KeySet.objects.filter(issuer=provider.issuer).first()
        if row is None or (known.fetched is not None and row.fetched <= known.fetched):
            return
        try:
            known.keys, known.fetched = parse_key_set(row.document), row.fetched
        except ValueError:
            log.warning("kept keys cannot be read, and are fetched anew", provider=provider.name)

    def _keep(self, provider: ProviderConfig, document: str, fetched: datetime, deadline: float) -> None:
        try:
            with held_transaction(self._clock, deadline):
                KeySet.objects.update_or_create(
                    issuer=provider.issuer, defaults={"document": document, "fetched": fetched}
                )
        except Unavailable as error:
            log.warning("an issuer's keys are known, but could not be kept: %s", error.reason, provider=provider.name)

    def _asked(self, provider: ProviderConfig) -> str:
        """The issuer's key set, as text. Raises Unavailable, ValueError."""
        source = Source(provider.issuer, provider.ca_bundle)
        discovery = self._fetch(source, provider.issuer.rstrip("/") + DISCOVERY_PATH, DISCOVERY_BYTES_MAX)
        found = json.loads(discovery)
        address = found.get("jwks_uri") if isinstance(found, dict) else None
        if not isinstance(address, str) or found.get("issuer") != provider.issuer:
            raise ValueError("the discovery document is another issuer's")
        return self._fetch(source, address, KEY_SET_BYTES_MAX).decode()
