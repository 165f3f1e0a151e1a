"""Who we are to an upstream: user names and passwords from settings, URLs and netrc, each for the origin it belongs to.

The settings' credential goes to the origin of the upstream's own URL, a mirror's userinfo to that mirror's. Elsewhere
netrc decides by host, as it does for pip. They are handed to aiohttp as plain headers: its own reading of netrc
refuses requests that carry a header already.
"""

import base64
import netrc
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import structlog

from holdfast.config import UpstreamConfig

log = structlog.get_logger()

PASSWORD_BYTES_MAX = 64 * 1024  # some tokens are long; a file beyond this is no password


class SettingError(Exception):
    """A setting names something that is not there or cannot be used; the text names the setting, never a secret."""


class Credentials:
    """Those of one upstream and its mirrors. The password's file is read again whenever it changes."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._own = origin_of(config.url)
        self._user, in_url = _userinfo(config.url)
        self._user = config.username or self._user
        self._password: Callable[[], str] = _source(config) or (lambda: in_url)
        self._is_set = bool(self._user or in_url or config.password_env or config.password_file)
        self._of_mirrors: dict[str, str] = {}
        for mirror in config.mirrors:
            user, password = _userinfo(mirror)
            if (user or password) and origin_of(mirror) != self._own:
                self._of_mirrors.setdefault(origin_of(mirror), _basic(user, password))
        self._netrc = _read_netrc()

    def header(self, url: str) -> str:
        """The Authorization header for a request to `url`, or ''. Raises SettingError."""
        origin = origin_of(url)
        if self._is_set and origin == self._own:
            return _basic(self._user, self._password())
        if origin in self._of_mirrors:
            return self._of_mirrors[origin]
        found = self._netrc.hosts.get(urlsplit(url).hostname or "") if self._netrc else None
        return _basic(found[0], found[2]) if found and found[0] and found[2] else ""

    def header_after_refusal(self, url: str) -> str:
        """As `header`, after a 401: the password's file is read again even if it looks the same as before."""
        if isinstance(self._password, _PasswordFile):
            self._password.forget()
        return self.header(url)

    def check(self) -> None:
        """Raises SettingError when a password cannot be had."""
        self._password()


def origin_of(url: str) -> str:
    """Scheme, host and port, the unit credentials and breakers belong to."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def without_userinfo(url: str) -> str:
    """The URL without user name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class _PasswordFile:
    """A password in a file, as secret managers mount it: replaced while we run, and then in force at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._password = ""

    def forget(self) -> None:
        """Read the file again when next asked."""
        self._seen = None

    def __call__(self) -> str:
        """The password as the file has it now. Raises SettingError."""
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
            if seen != self._seen:
                if found.st_size > PASSWORD_BYTES_MAX:
                    raise SettingError("password_file names a file that is too long for a password")
                self._password = self._path.read_text(encoding="utf-8").rstrip("\r\n")
                self._seen = seen
        except OSError as error:
            raise SettingError(f"password_file cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise SettingError("password_file holds something else than text") from None
        return self._password


def _source(config: UpstreamConfig) -> Callable[[], str] | None:
    if config.password_file:
        return _PasswordFile(Path(config.password_file))
    if config.password_env:
        return lambda: _from_environment(config.password_env)
    return None


def _from_environment(variable: str) -> str:
    try:
        return os.environ[variable]
    except KeyError:
        raise SettingError(f"password_env names {variable}, which is not set in the environment") from None


def _userinfo(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or "")


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
