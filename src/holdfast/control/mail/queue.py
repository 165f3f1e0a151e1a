"""Queueing a mail: a row in the transaction of its cause, so that there is neither a mail without it nor it without."""

from functools import cache
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from django.core.validators import validate_email
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from holdfast.control.mail.models import Mail

_TEXTS = Path(__file__).parent / "texts"
SUBJECT_CHARS_MAX = 200
SECURITY, ORDINARY = 0, 10

# What goes before all else: somebody waits for it at a form, or must hear of it at once.
_FIRST = frozenset(
    "verify-address reset-password allow-network invitation account-exists new-sign-in password-changed"
    " two-factor-changed address-changed account-recovered domain-lost".split()
)


class Transaction(Protocol):
    """What a cause's transaction is to a mail (publication/transaction.py has the real one)."""

    @property
    def now(self) -> Any: ...


def queue(tx: Transaction, to: str, kind: str, context: dict[str, Any]) -> Mail:
    """Queue a mail of a kind (a file in texts/: its first line is the subject). Raises ValidationError for no address.

    The text is made now: what it tells is how things were when it was caused.
    """
    validate_email(to)
    subject, _, text = _environment().get_template(f"{kind}.txt").render(**context).partition("\n")
    return Mail.objects.create(
        message_id=uuid4().hex,
        to=to,
        kind=kind,
        priority=SECURITY if kind in _FIRST else ORDINARY,
        subject=" ".join(subject.split())[:SUBJECT_CHARS_MAX],
        text=text.strip() + "\n",
        created=tx.now,
        due=tx.now,
    )


def kinds() -> list[str]:
    """Every kind there is."""
    return sorted(path.stem for path in _TEXTS.glob("*.txt"))


@cache
def _environment() -> Environment:
    # Plain text: nothing to escape. What strangers chose is kept to one line where it stands in a line.
    return Environment(loader=FileSystemLoader(_TEXTS), undefined=StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701
