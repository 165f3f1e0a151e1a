"""Trusted publishers on the pages of management: what a page shows of them, and its deeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.config import Config, ProviderConfig
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard
from holdfast.control.projects.rights import NotAccepted, require_creator
from holdfast.control.publishers import actions
from holdfast.control.publishers.actions import PublisherFacts
from holdfast.control.publishers.identity import Field, fields_of
from holdfast.control.tokens.limits import may_read
from holdfast.control.web.deeds import Asked, Done, WrongField
from holdfast.core.errors import Refused
from holdfast.core.names import is_project_name, normalize


@dataclass(frozen=True, slots=True)
class Form:
    """How a publisher of one provider is described."""

    provider: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """Publishers, and the forms that add one; without forms trusted publishing is switched off."""

    publishers: Sequence[PublisherFacts]
    forms: tuple[Form, ...]
    indexes: tuple[str, ...] = ()


def of_project(config: Config, index: str, name: str, actor: Actor, now: datetime) -> Shown:
    """A project's, for its owners. Raises Absent, Refused, DatabaseUnavailable."""
    return Shown(actions.list_publishers(index, name, actor, now), _forms(config))


def pending(config: Config, actor: Actor) -> Shown:
    """Those that one registered oneself for names that are not in use yet. Raises DatabaseUnavailable."""
    own = [one for one in actions.list_pending(actor) if one.registrant == actor.user]
    places = tuple(index.name for index in config.indexes if _may_register(config, actor, index.name))
    return Shown(own, _forms(config) if places else (), places)


def add(index: str, name: str, asked: Asked) -> Done:
    """Let an identity publish to the project."""
    provider, claims = _described(asked)
    publisher = asked.parts.publisher
    actions.add_publisher(publisher, index, name, provider, claims, asked.actor, deadline=asked.deadline)
    return Done(f"That {provider.name} identity may publish {name} now.")


def remove(index: str, name: str, asked: Asked) -> Done:
    """Take one away."""
    publisher, number = asked.parts.publisher, asked.number("publisher")
    actions.remove_publisher(publisher, index, name, number, asked.actor, deadline=asked.deadline)
    return Done("The publisher is removed, and what it was given ends with it.")


def add_pending(asked: Asked) -> Done:
    """Let an identity create a project at its first publish, for oneself."""
    index, name = asked.text("index"), asked.text("name")
    if not _may_register(asked.parts.config, asked.actor, index) or not is_project_name(name):
        raise WrongField(
            "name", "choose an index of the list, and a project name: letters and digits, with - _ . between them"
        )
    provider, claims = _described(asked)
    actions.add_pending(
        asked.parts.publisher,
        index,
        normalize(name),
        provider,
        claims,
        asked.actor.user,
        asked.actor,
        deadline=asked.deadline,
    )
    return Done(f"The first publish of that {provider.name} identity creates {name}. Until then the name is free.")


def remove_pending(asked: Asked) -> Done:
    """Take back what one registered."""
    actions.remove_pending(asked.parts.publisher, asked.number("publisher"), asked.actor, deadline=asked.deadline)
    return Done("The pending publisher is removed.")


def _may_register(config: Config, actor: Actor, index: str) -> bool:
    """A private index's name, and what can be published there, is nobody's who may not read it."""
    with database_guard():
        if not (actor.is_admin or may_read(config, index, actor.user)):
            return False
        try:
            require_creator(actor, rights.PENDING_PUBLISHER, index)
        except Refused:
            return False
    return True


def _forms(config: Config) -> tuple[Form, ...]:
    return tuple(Form(provider.name, fields_of(provider)) for provider in config.providers)


def _described(asked: Asked) -> tuple[ProviderConfig, dict[str, str]]:
    """The provider whose form was sent, and what was filled in. Raises NotAccepted."""
    wanted = asked.text("provider")
    provider = next((one for one in asked.parts.config.providers if one.name == wanted), None)
    if provider is None:
        raise NotAccepted("this form is not of this page; reload it and try again")
    given = {field.name: asked.text(f"{provider.name}-{field.name}", "") for field in fields_of(provider)}
    return provider, {name: value for name, value in given.items() if value}
