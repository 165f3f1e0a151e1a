"""Handing a mail to the first configured server that takes it (RFC 5321), over TLS unless the operator said otherwise.

A server is a URL: `smtps://user@host:465` speaks TLS from the start, `smtp://user@host:587` must offer STARTTLS,
`smtp+plain://host:25` is for a relay on this machine. The password's place is said by `?password_env=` or
`?password_file=`, never written into the URL.
"""

import os
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from holdfast.control.mail.models import Mail
from holdfast.core.errors import Unavailable

SECONDS_MAX = 20.0  # for each step with one server
_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}


class Rejected(Exception):  # noqa: N818 - an answer of the server
    """No server will ever take this mail as it is (a 5xx for its recipient or its content)."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server of the list."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password_env: str = ""
    password_file: str = ""

    @classmethod
    def of(cls, url: str) -> "Server":
        """From its checked URL (settings/values.py)."""
        parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
        return cls(
            parts.scheme,
            parts.hostname or "",
            parts.port or _PORTS[parts.scheme],
            unquote(parts.username or ""),
            query.get("password_env", [""])[0],
            query.get("password_file", [""])[0],
        )

    def password(self) -> str:
        """From where the URL says. Raises Unavailable."""
        if self.password_env:
            return os.environ.get(self.password_env, "")
        try:
            return Path(self.password_file).read_text().strip() if self.password_file else ""
        except OSError as error:
            raise Unavailable(f"the password of mail server {self.host} cannot be read: {error.strerror}") from error


class Smtp:
    """The configured servers in their order."""

    def __init__(self, sender: str, servers: Sequence[str], seconds_max: float = SECONDS_MAX) -> None:
        self._sender = sender
        self._servers = [Server.of(url) for url in servers]
        self._seconds_max = seconds_max

    def send(self, mail: Mail) -> None:
        """Have one of the servers take the mail. Raises Rejected, or Unavailable when all are out of reach."""
        said: list[str] = []
        for server in self._servers:
            try:
                self._hand_over(server, message_of(mail, self._sender))
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
                code, text = _code(error)
                if code >= 500:
                    raise Rejected(f"{server.host} says {code} {text}") from error
                said.append(f"{server.host} says {code} {text}")
            except (smtplib.SMTPException, OSError, ssl.SSLError, Unavailable) as error:
                said.append(f"{server.host}: {str(error) or type(error).__name__}")
            else:
                return
        raise Unavailable("; ".join(said)[:300] or "no mail server is configured")

    def _hand_over(self, server: Server, message: EmailMessage) -> None:
        context = ssl.create_default_context()
        client = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=self._seconds_max, context=context)
            if server.scheme == "smtps"
            else smtplib.SMTP(server.host, server.port, timeout=self._seconds_max)
        )
        try:
            if server.scheme == "smtp":
                client.starttls(context=context)
            if server.user:
                client.login(server.user, server.password())
            client.send_message(message)
        finally:
            _say_goodbye(client)


def _say_goodbye(client: smtplib.SMTP) -> None:
    """What goes wrong here is no word on the mail: one that was taken must not be sent again for it."""
    with suppress(smtplib.SMTPException, OSError):
        client.quit()
    client.close()


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """The message (RFC 5322). Its headers refuse line breaks, so nothing a stranger chose becomes one."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created)
    message["Message-ID"] = f"<{mail.message_id}@{sender.rpartition('@')[2].strip('> ')}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(mail.text)
    return message


def _code(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> tuple[int, str]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    else:
        code, text = error.smtp_code, error.smtp_error  # type: ignore[assignment]  # bytes, whatever it says
    return code, text.decode("utf-8", "replace")
