"""What is wrong with an upload, in a form a person can act on. Every value shown is shortened and plain ASCII."""

from dataclasses import dataclass

SHOWN_CHARS_MAX = 80  # of a client's value; enough to recognise it, too little to paint a page with it
_SIDE = 30


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that does not hold. `value` went through `shown`; `rule` and `step` are sentences of ours."""

    field: str
    value: str
    rule: str
    step: str

    def sentence(self) -> str:
        """The problem in one line, e.g. `version '1..0': is not a PEP 440 version. Use a form like 1.0.`"""
        subject = f"{self.field} '{self.value}'" if self.value else self.field
        return f"{subject}: {self.rule}. {self.step}"


def problem(field: str, raw_value: object, rule: str, step: str) -> Problem:
    """A Problem whose value is safe to show. `raw_value` may be anything a client sent."""
    return Problem(field, shown(raw_value), rule, step)


def shown(raw: object) -> str:
    """A client's text as printable ASCII: others as escapes, quotes dropped, first 30 and last 30 when long."""
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else str(raw)
    if len(text) > SHOWN_CHARS_MAX:
        text = f"{text[:_SIDE]} ... {text[-_SIDE:]}"
    safe = "".join(c if " " <= c <= "~" and c not in "<>&\"'\\" else _escape(c) for c in text)
    return safe if len(safe) <= 3 * SHOWN_CHARS_MAX else safe[: 3 * SHOWN_CHARS_MAX]


def _escape(char: str) -> str:
    """An unprintable or markup character as `(U+003C)`: no backslash, so no parser unescapes it again."""
    return f"(U+{ord(char):04X})"
