"""Reloading policy settings, by command or over HTTP: judged, put in force, and written into operators' history."""

from datetime import datetime

from holdfast.config import Config
from holdfast.control.projects.rights import NotAccepted
from holdfast.policy_reload import NotServed, Reloaded, reload_policy
from holdfast.settings.loading import SettingsError
from holdfast.store.port import Store
from holdfast.tree.overrides import change

PROBLEMS_TOLD_MAX = 20


def reload_and_note(config: Config, store: Store, by: str, now: datetime, *, apply: bool = True) -> Reloaded:
    """Put new policy settings in force and write it into the operators' history.

    Raises NotAccepted with everything that is wrong with the settings, and then nothing has changed; Unavailable,
    Corrupt.
    """
    try:
        found = reload_policy(config, apply=apply)
    except SettingsError as error:
        told = "; ".join(str(problem) for problem in error.problems[:PROBLEMS_TOLD_MAX])
        raise NotAccepted(f"nothing was changed, the settings are wrong: {told}") from error
    except NotServed as error:
        raise NotAccepted(str(error)) from error
    if apply and found.changed:
        change(store, lambda old: old, by=by, what=what_changed(found), now=now)
    return found


def what_changed(found: Reloaded) -> str:
    """For the history and the audit trail."""
    return f"reloaded policy settings: {'; '.join(found.changed)}"
