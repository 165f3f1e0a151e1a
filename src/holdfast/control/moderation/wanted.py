"""A ban or a prohibited name as somebody asked for it, by API or page: checked, not yet in force."""

from datetime import datetime

from holdfast.config import Config
from holdfast.control.accounts.actor import Actor
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.switches.asking import one_line
from holdfast.tree.bans import EVERY_INDEX, NetworkBan, ProhibitedName, new_ban, new_prohibition


def wanted_ban(
    config: Config, network: str, reason: str, until: datetime | None, actor: Actor, now: datetime
) -> NetworkBan:
    """The ban. Nobody bans their own network, or a proxy before us. Raises NotAccepted with what would be right."""
    spared = (*config.trusted_proxies, *((actor.address,) if actor.address else ()))
    try:
        return new_ban(network, one_line(reason), until, actor.user, now, spared)
    except ValueError as error:
        raise NotAccepted(str(error)) from error


def wanted_prohibition(config: Config, index: str, pattern: str, reason: str, by: str, now: datetime) -> ProhibitedName:
    """The prohibition, in an index that there is or in every one. Raises NotAccepted with what would be right."""
    if index != EVERY_INDEX and config.index(index) is None:
        raise NotAccepted(f"there is no index {index[:64]!r}")
    try:
        return new_prohibition(index, pattern, one_line(reason), by, now)
    except ValueError as error:
        raise NotAccepted(str(error)) from error
