"""What a request to an upstream carries besides its question: credentials and the proxy, from settings and environment.

The credential in an upstream's URL goes to that origin only. Elsewhere netrc decides by host, as it does for pip.
Both are handed to aiohttp as plain values: its own reading of netrc refuses requests that carry a header already.
"""

import base64
import netrc
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import structlog

log = structlog.get_logger()


class Credentials:
    """Those of one upstream, whose configured URL may carry a user name and a password."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin = origin_of(url)
        self._own = ""
        if parts.username is not None or parts.password is not None:
            self._own = _basic(unquote(parts.username or ""), unquote(parts.password or ""))
        self._netrc = _read_netrc()

    def header(self, url: str) -> str:
        """The Authorization header for a request to `url`, or ''."""
        if self._own and origin_of(url) == self._origin:
            return self._own
        found = self._netrc.hosts.get(urlsplit(url).hostname or "") if self._netrc else None
        return _basic(found[0], found[2]) if found and found[0] and found[2] else ""


def origin_of(url: str) -> str:
    """Scheme, host and port, the unit credentials and breakers belong to."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def without_userinfo(url: str) -> str:
    """The URL without user name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for `url` (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY)."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy and not proxy_bypass(parts.netloc.rpartition("@")[2]) else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _read_netrc() -> netrc.netrc | None:
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        return netrc.netrc(str(path)) if path.is_file() else None
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        # The parser's own text quotes lines of the file.
        log.warning("the netrc file is not used: it cannot be read (%s)", error.__class__.__name__)
        return None
