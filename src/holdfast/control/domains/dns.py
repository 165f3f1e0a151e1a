"""Which name servers a domain is delegated to, asked of this machine's resolver (RFC 1035): one small packet each.

No more of DNS than that: an answer is only ever compared with an earlier one, and what cannot be known changes nothing.
"""

import secrets
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

NS = 2
SECONDS_MAX = 2.0  # for one question to one resolver
LABELS_MIN = 2  # what lies above a registered name is no delegation of its holder's
_PACKET_BYTES_MAX = 4096
_IS_ANSWER, _IS_CUT_OFF = 0x8000, 0x0200  # QR and TC, RFC 1035 §4.1.1
_POINTERS_MAX = 20  # RFC 1035 §4.1.4; more is a loop

State = Literal["there", "gone", "lapsed", "unknown"]  # "lapsed": a registry is about to delete it


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen. `servers` are sorted, in lower case; () unless the domain is there."""

    state: State
    servers: tuple[str, ...] = ()
    registered: str = ""  # since when, `2030-01-31T00:00:00Z`; "" unless a registry said so


class Checker(Protocol):
    """How a domain is looked at: DNS, here, and the registries that an operator names (rdap.py)."""

    def look(self, domain: str) -> Found:
        """What is seen of it now. Never raises."""


class Dns:
    """Asks the resolvers of this machine, in order."""

    def __init__(self, resolvers: tuple[tuple[str, int], ...] = (), seconds_max: float = SECONDS_MAX) -> None:
        self._resolvers = resolvers or _configured()
        self._seconds_max = seconds_max

    def look(self, domain: str) -> Found:
        """The name servers of the domain, or of the nearest name above it that has any."""
        try:
            labels = domain.encode("idna").decode().lower().strip(".").split(".")
        except UnicodeError:
            return Found("unknown")
        for cut in range(len(labels) - LABELS_MIN + 1):
            code, servers = self._ask(".".join(labels[cut:]))
            if code == 3 and cut == 0:  # NXDOMAIN: the name does not exist
                return Found("gone")
            if code not in (0, 3):
                return Found("unknown")
            if servers:
                return Found("there", tuple(sorted(servers)))
        return Found("unknown")

    def _ask(self, name: str) -> tuple[int, set[str]]:
        """(response code, name servers); code -1 when nobody answers."""
        number = secrets.randbits(16)
        question = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + _encoded(name) + struct.pack(">HH", NS, 1)
        for address in self._resolvers:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            try:
                with socket.socket(family, socket.SOCK_DGRAM) as asking:
                    asking.settimeout(self._seconds_max)
                    asking.connect(address)  # answers of others are dropped
                    asking.send(question)
                    return _read(asking.recv(_PACKET_BYTES_MAX), number, name)
            except (OSError, ValueError, struct.error, IndexError, UnicodeDecodeError):
                continue
        return -1, set()


def _configured() -> tuple[tuple[str, int], ...]:
    try:
        lines = Path("/etc/resolv.conf").read_text().splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    return tuple(
        (found[1], 53) for found in words if len(found) > 1 and found[0] == "nameserver" and "%" not in found[1]
    )


def _encoded(name: str) -> bytes:
    labels = [label.encode("ascii") for label in name.split(".")]
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(name)
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _read(packet: bytes, number: int, name: str) -> tuple[int, set[str]]:
    """The answer to our question. Raises ValueError for another's."""
    found, flags, questions, answers, _, _ = struct.unpack_from(">HHHHHH", packet)
    if found != number or not flags & _IS_ANSWER or questions != 1:
        raise ValueError("no answer to this question")
    if flags & _IS_CUT_OFF:
        raise ValueError("not all of the answer")  # some of the servers alone would look like a move
    asked, place = _name(packet, 12)
    if asked != name:
        raise ValueError("an answer to another question")
    place += 4
    servers = set()
    for _ in range(answers):
        owner, place = _name(packet, place)
        kind, _, _, length = struct.unpack_from(">HHIH", packet, place)
        place += 10
        if kind == NS and owner == name:
            servers.add(_name(packet, place)[0])
        place += length
    return flags & 0x000F, servers


def _name(packet: bytes, place: int) -> tuple[str, int]:
    """A name in a packet, and where it ends there."""
    labels: list[str] = []
    end = 0
    for _ in range(_POINTERS_MAX * 8):
        length = packet[place]
        if length & 0xC0 == 0xC0:
            end = end or place + 2
            place = struct.unpack_from(">H", packet, place)[0] & 0x3FFF
        elif length == 0:
            return ".".join(labels).lower(), end or place + 1
        else:
            labels.append(packet[place + 1 : place + 1 + length].decode("ascii"))
            place += 1 + length
    raise ValueError("a name without an end")
