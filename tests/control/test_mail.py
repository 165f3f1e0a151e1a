"""Mails: with their cause or not at all, the most urgent first, to the first server that takes them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import jinja2.meta as meta
import pytest
from control.test_sign_in_limits import AClock
from django.core.exceptions import ValidationError
from instances import OPERATOR, Instance, soon
from jinja2 import Environment

from holdfast.control.accounts.models import User
from holdfast.control.mail import queue as queueing
from holdfast.control.mail.models import Mail
from holdfast.control.mail.queue import kinds, queue
from holdfast.control.mail.sending import LEASE_SECONDS, RETRY_SECONDS, retry, send_waiting, sweep_mails
from holdfast.control.mail.smtp import Rejected, Server, Smtp, message_of
from holdfast.control.publication.transaction import unpublished_transaction
from holdfast.core.errors import Absent, Unavailable

FACTS = {
    name: name
    for name in "site user url by until when address agent what domain email person".split()
} | {"projects": ["main/demo"]}  # fmt: skip


class Server_:  # noqa: N801 - a server in this process
    """An SMTP server on loopback (RFC 5321), which notes what it takes, or says what it was told to say."""

    def __init__(self, answer: str = "250 taken", goodbye: str = "221 bye") -> None:
        self.answer = answer
        self.goodbye = goodbye
        self.taken: list[str] = []
        self.port = 0

    @contextmanager
    def listening(self) -> Iterator["Server_"]:
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(self._talk, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)
            loop.close()

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                data = (await reader.readuntil(b"\r\n.\r\n")).decode()
                if self.answer.startswith("250"):
                    self.taken.append(data)
                writer.write(f"{self.answer}\r\n".encode())
            else:
                writer.write(f"{self.goodbye}\r\n".encode() if verb == "QUIT" else b"250 fine\r\n")
            await writer.drain()
            if verb == "QUIT":
                break
        writer.close()


class Noting:
    """A sender that notes subjects, or fails."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.sent: list[str] = []

    def send(self, mail: Mail) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.sent.append(mail.kind)


def queued(instance: Instance, kind: str = "new-sign-in", to: str = "alice@example.org", **facts: str) -> Mail:
    with unpublished_transaction(instance.publisher, OPERATOR, soon()) as tx:
        return queue(tx, to, kind, FACTS | facts)


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_has_a_subject_and_a_text(sqlite_instance: Instance, kind: str):
    text = (Path(queueing.__file__).parent / "texts" / f"{kind}.txt").read_text()
    facts = {name: name for name in meta.find_undeclared_variables(Environment().parse(text)) if name not in FACTS}

    with unpublished_transaction(sqlite_instance.publisher, OPERATOR, soon()) as tx:
        mail = queue(tx, "alice@example.org", kind, FACTS | facts)

    assert 5 < len(mail.subject) <= 200 and "Hello" in mail.text
    message = message_of(mail, "packages@example.org").as_string()
    assert f"Message-ID: <{mail.message_id}@example.org>" in message and "Auto-Submitted: auto-generated" in message


def test_a_mail_is_there_with_its_cause_or_not_at_all(sqlite_instance: Instance):
    with pytest.raises(RuntimeError), unpublished_transaction(sqlite_instance.publisher, OPERATOR, soon()) as tx:
        User.objects.create(username="alice")
        queue(tx, "alice@example.org", "new-sign-in", FACTS)
        raise RuntimeError

    assert (0, 0) == (User.objects.count(), Mail.objects.count())


@pytest.mark.parametrize("to", ["no address", "a@b\nBcc: c@d", ""])
def test_what_is_no_address_gets_no_mail(sqlite_instance: Instance, to: str):
    with pytest.raises(ValidationError):
        queued(sqlite_instance, to=to)


def test_a_line_break_never_becomes_a_header(sqlite_instance: Instance):
    mail = queued(sqlite_instance, "invitation", site="x\nBcc: mallory@example.org")

    assert "\nBcc" not in message_of(mail, "packages@example.org").as_string().split("\n\n")[0]


def test_a_server_gets_the_mail_and_the_text_is_forgotten(instance: Instance):
    queued(instance)
    with Server_().listening() as server:
        sent = send_waiting(instance.config, AClock(), Smtp("packages@example.org", [server.url]))

    assert 1 == sent and "To: alice@example.org" in server.taken[0]
    row = Mail.objects.get()
    assert row.sent is not None and "" == row.text and 1 == row.attempts


def test_the_next_server_takes_what_the_first_cannot(sqlite_instance: Instance):
    queued(sqlite_instance)
    with Server_().listening() as dead:
        port = dead.port
    with Server_("451 not now").listening() as busy, Server_().listening() as good:
        sender = Smtp("packages@example.org", [f"smtp+plain://127.0.0.1:{port}", busy.url, good.url])
        assert 1 == send_waiting(sqlite_instance.config, AClock(), sender)

    assert 1 == len(good.taken)


def test_a_mail_that_was_taken_is_sent_once_however_the_server_says_goodbye(sqlite_instance: Instance):
    queued(sqlite_instance)
    with Server_(goodbye="421 too busy for that").listening() as odd, Server_().listening() as other:
        sent = send_waiting(sqlite_instance.config, AClock(), Smtp("packages@example.org", [odd.url, other.url]))

    assert (1, 1, []) == (sent, len(odd.taken), other.taken)


def test_a_mail_refused_for_good_is_kept_for_a_person(sqlite_instance: Instance):
    mail = queued(sqlite_instance)
    with Server_("550 no such person").listening() as server:
        send_waiting(sqlite_instance.config, AClock(), Smtp("packages@example.org", [server.url]))

    row = Mail.objects.get()
    assert row.dead is not None and "550 no such person" in row.error
    clock = AClock()
    retry(mail.pk, clock.now())
    assert 1 == send_waiting(sqlite_instance.config, clock, Noting())
    with pytest.raises(Absent):
        retry(mail.pk, clock.now())


def test_the_most_urgent_goes_first(sqlite_instance: Instance):
    for kind in ("co-owner-domain-lost", "reset-password", "account-deleted", "new-sign-in"):
        queued(sqlite_instance, kind)
    sender = Noting()

    send_waiting(sqlite_instance.config, AClock(), sender)

    assert ["reset-password", "new-sign-in"] == sender.sent[:2] and 4 == len(sender.sent)


def test_pauses_grow_and_end(sqlite_instance: Instance):
    queued(sqlite_instance)
    clock, sender = AClock(), Noting(Unavailable("out of reach"))

    for seconds in RETRY_SECONDS:
        assert 0 == send_waiting(sqlite_instance.config, clock, sender)
        row = Mail.objects.get()
        assert row.dead is None and abs((row.due - clock.now()).total_seconds() - seconds) < 5
        clock.ahead += timedelta(seconds=seconds + 1)
    send_waiting(sqlite_instance.config, clock, sender)

    assert Mail.objects.get().dead is not None


def test_two_senders_never_have_the_same_mail_and_a_dead_ones_is_taken_over(sqlite_instance: Instance):
    queued(sqlite_instance)
    clock = AClock()
    inner: list[int] = []

    class Slow(Noting):
        def send(self, mail: Mail) -> None:
            inner.append(send_waiting(sqlite_instance.config, clock, Noting()))
            raise Rejected("this process dies here, as far as anybody else can see")

    send_waiting(sqlite_instance.config, clock, Slow())
    assert [0] == inner
    Mail.objects.update(dead=None, due=clock.now() + timedelta(seconds=LEASE_SECONDS))
    assert 0 == send_waiting(sqlite_instance.config, clock, Noting())
    clock.ahead = timedelta(seconds=LEASE_SECONDS + 1)
    assert 1 == send_waiting(sqlite_instance.config, clock, Noting())


def test_without_a_server_mails_wait_and_old_ones_go(sqlite_instance: Instance):
    queued(sqlite_instance)
    clock = AClock()

    assert 0 == send_waiting(sqlite_instance.config, clock)
    assert 0 == Mail.objects.get().attempts
    clock.ahead = timedelta(days=31)
    sweep_mails(clock)
    assert not Mail.objects.exists()


def test_a_servers_password_is_where_its_url_says(tmp_path, monkeypatch):
    (tmp_path / "password").write_text("from a file\n")
    monkeypatch.setenv("MAIL_PASSWORD", "from the environment")

    assert "from a file" == Server.of(f"smtp://me@mail.example?password_file={tmp_path}/password").password()
    found = Server.of("smtps://me%40x@mail.example?password_env=MAIL_PASSWORD")
    assert ("from the environment", "me@x", 465) == (found.password(), found.user, found.port)
    with pytest.raises(Unavailable):
        Server.of("smtp://me@mail.example?password_file=/nonexistent").password()
