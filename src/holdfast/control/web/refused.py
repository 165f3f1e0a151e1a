"""What a page with forms was refused: which of its forms that was, what is told beside it, and what was typed there.

Forms tell each other apart by their deeds and their hidden fields, so a page may have the same form for each release.
A form that draws itself asks here (templates/deeds.html); the one that was sent leaves its anchor for the page's top.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import QueryDict

from holdfast.core.errors import Outcome, Refused, Unavailable

KEPT_CHARS_MAX = 2000  # of one field, which is all that any of them takes
# Never sent back, whatever form they are in: a page may be seen by who stands behind, and kept by a browser.
SECRETS = frozenset({"secret", "password", "token", "code"})
_NOT_IN_AN_ANCHOR = re.compile(r"[^A-Za-z0-9-]")


@dataclass
class Refusal:
    """The form that was sent to a page and refused; of a page that was only asked for, nothing."""

    sentence: str = ""
    about: str = ""  # the field that is wrong, "" for none alone
    is_wrong: bool = True  # what was typed, and not a right that is missing
    sent: QueryDict = field(default_factory=QueryDict)
    is_drawn: bool = False
    anchor: str = ""  # of what is to be put right: known once the form has been drawn

    def form(self, deeds: str | list[str], fixed: Mapping[str, object], about: str) -> "Form":
        """One of the page's forms. `fixed` are its hidden fields, `about` what its action judges, "" for all of it."""
        names = [deeds] if isinstance(deeds, str) else deeds
        told = (self.sent.get(key) == str(value) for key, value in fixed.items())
        is_sent = bool(self.sentence) and not self.is_drawn and self.sent.get("do") in names and all(told)
        self.is_drawn = self.is_drawn or is_sent
        anchor = "-".join((names[0], *(anchor_of(str(value)) for value in fixed.values())))
        return Form(self, f"f-{anchor}", is_sent, self.about or (about if self.is_wrong else ""))


@dataclass
class Form:
    """One form of a page, as it draws itself."""

    refusal: Refusal
    id: str
    is_sent: bool
    about: str

    def errors(self, name: str) -> tuple[str, ...]:
        """What is told below a field."""
        if not self.is_sent or name != self.about:
            return ()
        self.refusal.anchor = f"{self.id}-{name}"
        return (self.refusal.sentence,)

    def trouble(self) -> str:
        """What is told above the fields because it is told below none. Asked when all of them are drawn."""
        if not self.is_sent or self.refusal.anchor:
            return ""
        self.refusal.anchor = f"{self.id}-error"
        return self.refusal.sentence

    def described(self) -> str:
        """The id of what is told above the fields, for each of them to name."""
        return f"{self.id}-error" if self.is_sent and not self.about else ""

    def value(self, name: str, otherwise: object = "") -> str:
        """What was typed, or what the field holds at first."""
        if not self.is_sent:
            return str(otherwise)
        kept = "" if name in SECRETS else self.refusal.sent.get(name, "")
        return kept[:KEPT_CHARS_MAX]

    def is_ticked(self, name: str, value: str, otherwise: bool = False) -> bool:
        """Whether a box was ticked, or is at first."""
        return value in self.refusal.sent.getlist(name) if self.is_sent else otherwise


def refusal_of(error: Outcome, about: str, sent: QueryDict) -> Refusal:
    """What an action or a deed refused, for the page it was sent from."""
    sentence = error.reason[:1].upper() + error.reason[1:].rstrip(".") + "."
    return Refusal(sentence, about, not isinstance(error, Refused | Unavailable), sent)


def anchor_of(text: str) -> str:
    """Text as a part of an id: different ones for different texts."""
    return _NOT_IN_AN_ANCHOR.sub(_spelt, text)


def _spelt(character: re.Match[str]) -> str:
    return f"_{ord(character[0]):x}_"
