"""How many projects one person, and one network, may create in an hour where strangers upload: names are finite.

Counted in rows like other attempts, so that all machines count together and a restart forgives nothing. Counted last,
when nothing else speaks against the upload: a refusal for another reason costs nobody a try.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from holdfast.clock import Clock
from holdfast.config import IndexConfig
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.limits import HOUR, Limit, TooManyAttempts, counters, network_of
from holdfast.control.database import database_guard
from holdfast.control.projects.models import Project
from holdfast.control.projects.publishing import is_new_project
from holdfast.control.projects.rights import is_administrator
from holdfast.control.tokens.rate import TooMany
from holdfast.control.uploads.hold import held
from holdfast.control.uploads.rules import PROFILES, Profile
from holdfast.core.errors import Unavailable

GiveBack = Callable[[], None]


def _nothing() -> None:
    """Nothing was counted."""


def count_new_project(
    clock: Clock,
    index: IndexConfig,
    name: str,
    actor: Actor,
    client: str,
    deadline: float,
    profiles: Mapping[str, Profile] = PROFILES,
) -> GiveBack:
    """Count a project that is about to be created; one that is there is none. `client` "" is a network not known.

    Call what is answered when it was not created after all. Raises TooMany (429), Unavailable.
    """
    profile = profiles[index.rules]
    if not profile.new_projects_hourly or is_administrator(actor, rights.ANY_NEW_NAME):
        return _nothing
    person = Limit("new-project", profile.new_projects_hourly, HOUR)
    network = Limit("new-project-network", 2 * profile.new_projects_hourly, HOUR)  # an office has more than one person

    subjects = [(person, actor.who), *([(network, network_of(client))] if client else [])]

    def count() -> GiveBack:
        with database_guard():
            if not is_new_project(Project.objects.filter(index=index.name, name=name).first()):
                return _nothing
            for limit, who in subjects:
                counters(clock).take(limit, index.name, who)
        return give_back

    def give_back() -> None:
        with suppress(Unavailable), database_guard():  # a count too many ends within the hour
            for limit, who in subjects:
                counters(clock).give_back(limit, index.name, who)

    try:
        return held(count, clock, deadline)
    except TooManyAttempts as error:
        raise TooMany(
            f"index {index.name!r} takes {person.most} new projects an hour from one person and {network.most} from one"
            f" network; the next one in {error.retry_after_seconds} seconds, or ask an administrator to create it",
            retry_after_seconds=error.retry_after_seconds,
        ) from None
