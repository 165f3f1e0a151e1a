"""What a registry says of a domain beside DNS: that it was registered anew, or is about to be deleted (RFC 9082, 9083).

A domain that lapses and is registered by somebody else at the same hoster keeps its name servers, so DNS alone does not
tell; the date of its registration does. What a registry does not say, or says of no such name, changes nothing: many
know only some of their names.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
import structlog

from holdfast.control.domains.dns import LABELS_MIN, Checker, Found
from holdfast.control.publishers.fetching import Question, Said, Source, ask
from holdfast.core.errors import Unavailable

log = structlog.get_logger()

ANSWER_BYTES_MAX = 256 * 1024  # a registration with all contacts has some 10 KiB
LABELS_MAX = 6  # of one domain that are asked about, from the longest name on
_NAME = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")  # nothing else becomes part of an address
_ENDING = frozenset({"redemption period", "pending delete"})  # RFC 8056: its holder let it lapse


class Ask(Protocol):
    """Gives an RDAP service's answer: a success, or that it knows no such name."""

    def __call__(self, source: Source, question: Question, bytes_max: int, *, what: str) -> Said:
        """Raises Unavailable."""


class Registries:
    """DNS, and for what it finds the registry that knows the name."""

    def __init__(self, dns: Checker, services: Sequence[tuple[str, str]], ask: Ask = ask) -> None:
        self._dns = dns
        self._services = services
        self._ask = ask

    def look(self, domain: str) -> Found:
        """What DNS says, with what the registry adds."""
        found = self._dns.look(domain)
        if found.state == "gone":
            return found
        told = self._told(domain)
        if told is None:
            return found
        if _ENDING & _strings(told.get("status")):
            return Found("lapsed")
        return replace(found, registered=_registered(told))

    def _told(self, domain: str) -> dict[str, Any] | None:
        """The registration of the domain, or of the nearest name above it that the registry has."""
        try:
            whole = domain.encode("idna").decode().lower().strip(".")
        except UnicodeError:
            return None
        labels = whole.split(".") if _NAME.fullmatch(whole) else []
        for cut in range(max(0, len(labels) - LABELS_MAX), len(labels) - LABELS_MIN + 1):
            name = ".".join(labels[cut:])
            service = self._service(name)
            if not service:
                continue
            try:
                said = self._ask(
                    Source(service), Question(f"{service}/domain/{name}"), ANSWER_BYTES_MAX, what="a registration"
                )
            except Unavailable as error:
                log.info("a domain's registry cannot be asked: %s", error.reason, domain=domain)
                return None
            if said.status == 200:
                return _document(said.body, name)
        return None

    def _service(self, name: str) -> str:
        """Of the longest suffix that fits; a suffix is no name of its own."""
        fitting = [(suffix, url) for suffix, url in self._services if suffix == "*" or name.endswith(f".{suffix}")]
        return max(fitting, key=lambda one: len(one[0].strip("*")), default=("", ""))[1]


def _document(body: bytes, name: str) -> dict[str, Any] | None:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(told, dict) or str(told.get("ldhName", "")).lower().strip(".") != name:
        return None
    return told


def _registered(told: dict[str, Any]) -> str:
    """When it was registered, as ISO 8601 in UTC so that text compares as time does; "" when that is not said."""
    events = told.get("events")
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict) and event.get("eventAction") == "registration":
            try:
                at = datetime.fromisoformat(str(event.get("eventDate")))
            except ValueError:
                return ""
            return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at.tzinfo else ""
    return ""


def _strings(value: object) -> set[str]:
    return {str(one).lower() for one in value} if isinstance(value, list) else set()
