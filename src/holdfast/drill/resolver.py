"""A name server on loopback that says of domains what a drill wants them to be (RFC 1035: NS questions alone)."""

import socket
import struct
import threading
from collections import Counter

NXDOMAIN = 3
_NS, _IN = 2, 1


class Resolver:
    """Use as a context manager. `domains`: name servers by domain; a domain without any does not exist."""

    def __init__(self, **domains: tuple[str, ...]) -> None:
        self.domains = {name.replace("_", "."): servers for name, servers in domains.items()}
        self.asked: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._answer, name="resolver", daemon=True)

    @property
    def address(self) -> str:
        """As the setting `domain_resolvers` has it."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "Resolver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _answer(self) -> None:
        while True:
            packet, client = self._socket.recvfrom(512)
            if not packet:
                return
            self._socket.sendto(self._told(packet), client)

    def _told(self, packet: bytes) -> bytes:
        """The whole answer; the question is repeated as it was asked, and names in it are pointed to."""
        name, end = _name(packet, 12)
        question = packet[12 : end + 4]
        self.asked[name] += 1
        servers = self.domains.get(name, ())
        head = packet[:2] + struct.pack(">HHHHH", 0x8180 | (0 if servers else NXDOMAIN), 1, len(servers), 0, 0)
        records = b""
        for server in servers:
            data = b"".join(bytes([len(label)]) + label.encode() for label in server.split(".")) + b"\0"
            records += struct.pack(">HHHIH", 0xC00C, _NS, _IN, 60, len(data)) + data
        return head + question + records


def _name(packet: bytes, place: int) -> tuple[str, int]:
    labels = []
    while length := packet[place]:
        labels.append(packet[place + 1 : place + 1 + length].decode("ascii"))
        place += 1 + length
    return ".".join(labels), place + 1
