"""A kill switch as somebody asked for it, by API or page: checked, and in words that may be shown to everybody."""

from datetime import datetime

from holdfast.config import Config
from holdfast.control.projects.rights import NotAccepted
from holdfast.tree.switches import EVERYWHERE, ScopeError, Switch, new_switch


class ScopeNotAccepted(NotAccepted):
    """It is the scope that is wrong."""


def wanted_switch(
    config: Config,
    capability: str,
    *,
    scope: str,
    reason: str,
    status_url: str,
    banner: str | None,
    until: datetime | None,
    by: str,
    now: datetime,
) -> Switch:
    """The switch, not yet in force. Raises NotAccepted with a sentence that says what would be right."""
    _demand_index(config, scope)
    try:
        return new_switch(
            capability,
            scope=scope,
            reason=reason,
            status_url=status_url,
            banner=banner,
            until=until,
            by=by,
            now=now,
        )
    except ScopeError as error:
        raise ScopeNotAccepted(str(error)) from error
    except ValueError as error:
        raise NotAccepted(str(error)) from error


def one_line(text: str) -> str:
    """Text for a banner and a problem document: one line, nothing that cannot be printed."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def _demand_index(config: Config, scope: str) -> None:
    """A scope that names an index this instance does not have would hold for nothing, and look as if it did."""
    where = scope.partition("/")[0]
    if "://" not in scope and where != EVERYWHERE and config.index(where) is None:
        raise ScopeNotAccepted(f"there is no index {where[:64]!r}; a scope is *, an index or index/pattern")
