"""How the settings of the watch over mail domains are read: whom it asks."""

import ipaddress
import re
from urllib.parse import urlsplit

from holdfast.config import is_loopback_host
from holdfast.settings.values import parse_list, parse_url

_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_SUFFIX = re.compile(rf"\*|{_LABEL}(\.{_LABEL})*")


def parse_resolvers(raw: object) -> tuple[tuple[str, int], ...]:
    """Addresses of name servers, each with or without a port: `192.0.2.53`, `127.0.0.1:5353`, `[::1]:53`."""
    found = []
    for text in parse_list(raw):
        host, _, port = text.rpartition(":") if re.fullmatch(r"\[.+\]:\d+|[^:]+:\d+", text) else (text, "", "53")
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            raise ValueError("a list of IP addresses, each with or without a port") from None
        if not 0 < int(port) < 65536:
            raise ValueError("ports between 1 and 65535")
        found.append((str(address), int(port)))
    return tuple(found)


def parse_registries(raw: object) -> tuple[tuple[str, str], ...]:
    """`org=https://rdap.example/`: RDAP services by the end of the names they know; `*` is every other name."""
    found = []
    for item in parse_list(raw):
        suffix, _, url = item.partition("=")
        suffix, url = suffix.strip().lower().lstrip("."), parse_url(url)
        parts = urlsplit(url)
        is_private = parts.scheme == "https" or is_loopback_host(parts.hostname or "")
        if not _SUFFIX.fullmatch(suffix) or not url or not is_private or "@" in parts.netloc:
            raise ValueError(
                "a list of SUFFIX=URL, each with the https URL of an RDAP service; * is every other suffix"
            )
        found.append((suffix, url))
    return tuple(found)
