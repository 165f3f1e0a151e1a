"""Reloading policy settings, by command or over HTTP: judged, put in force, and written into operators' history."""

import threading
from dataclasses import replace
from datetime import datetime

import structlog

from holdfast.config import Config
from holdfast.control.projects.rights import NotAccepted
from holdfast.core.errors import Unavailable
from holdfast.policy_reload import NotServed, Reloaded, SnapshotFollower, reload_policy
from holdfast.settings.loading import SettingsError
from holdfast.store.port import Store
from holdfast.tree.overrides import change

log = structlog.get_logger()

PROBLEMS_TOLD_MAX = 20


class PolicyInForce:
    """The settings of the start with their policy as it was reloaded last. Safe to call in many threads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._follower = SnapshotFollower(config)
        self._looking = threading.Lock()

    def __call__(self) -> Config:
        """Look whether the snapshot was replaced, a `stat` as a rule. What cannot be read leaves in force what was."""
        with self._looking:
            try:
                found = self._follower.look()
            except Unavailable as error:
                log.warning("%s; those before stay in force", error.reason)
                found = None
            if found is not None:  # what else is in there was found out by this start, the instance id among it
                self._config = replace(self._config, indexes=found.indexes, upstreams=found.upstreams)
            return self._config


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
