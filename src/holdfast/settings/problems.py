"""What can be wrong with settings, told so that it can be put right: which, what it was, the rule, a good example."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.redact import HIDDEN, redact
from holdfast.settings.table import Setting

PREFIX = "HOLDFAST_"
SHOWN_CHARS_MAX = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong setting."""

    setting: str  # as the operator wrote it: a variable, a key of the file, an option
    value: str  # shortened, without secrets; "" = nothing to show
    rule: str
    example: str

    def __str__(self) -> str:
        shown = f" is {self.value}" if self.value else ""
        example = f" Example: {self.example}" if self.example else ""
        return f"{self.setting}{shown}: {self.rule}.{example}"


class SettingsError(Exception):
    """Everything that is wrong with the settings, at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Given:
    """A raw value, the name to complain under, and the folder its relative paths start from."""

    raw: object
    where: str
    base: Path


@dataclass(slots=True)
class Complaints:
    """Collects problems while loading goes on, so that one start reports them all."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, setting: str, value: object, rule: str, example: str) -> None:
        self.problems.append(Problem(setting, shown(value), rule, example))

    def unknown(self, name: str, near: list[str]) -> None:
        """Complain of a key nobody knows; `near` holds the closest known ones."""
        hint = f"is no setting; did you mean {near[0]}" if near else "is no setting of Holdfast"
        self.add(name, "", hint, "`holdfast config example` lists all")

    def parse(self, setting: Setting, given: Given) -> Any:
        """The value, or None after complaining."""
        is_list = setting.default.startswith("[")
        if isinstance(given.raw, dict) or (isinstance(given.raw, list) and not is_list):
            self.add(given.where, given.raw, "must be a single value", _example(given.where, setting))
            return None
        try:
            return setting.parse(given.raw)
        except ValueError as error:
            self.add(given.where, given.raw, f"must be {error}", _example(given.where, setting))
            return None


def variable_of(key: str) -> str:
    """The environment variable of a key."""
    return PREFIX + key.upper()


def shown(value: object) -> str:
    """A value fit to print: quoted, shortened, without secrets."""
    text = value if isinstance(value, str) else repr(value)
    text = redact(re.sub(r"://\S*@", f"://{HIDDEN}@", text))
    if len(text) > SHOWN_CHARS_MAX:
        text = text[: SHOWN_CHARS_MAX - 1] + HIDDEN
    return repr(text) if isinstance(value, str) and text else text


def _example(where: str, setting: Setting) -> str:
    if where.startswith(PREFIX):
        items = tomllib.loads(f"value = {setting.example}")["value"]
        return f"{where}={','.join(items) if isinstance(items, list) else items}"
    return f"{setting.key} = {setting.example}"
