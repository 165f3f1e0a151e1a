"""Tokens over HTTP. A token's text is in the answer that makes it, and nowhere else, ever."""

from datetime import timedelta
from typing import Any

from holdfast.config import DEFAULT_INDEX
from holdfast.control import rights
from holdfast.control.accounts.actions import TokenFacts, create_token, revoke_token
from holdfast.control.accounts.actions import list_tokens as all_tokens
from holdfast.control.accounts.actor import ACTIONS, ALL, PROJECT_ACTIONS, Action, Scopes
from holdfast.control.api.call import Call, demand_user_name
from holdfast.control.projects.rights import NotAccepted, is_administrator, require
from holdfast.control.tokens.actions import end_own_token, list_own_tokens
from holdfast.control.tokens.robots import give_robot
from holdfast.control.uploads.hold import held
from holdfast.control.uploads.names import upload_index
from holdfast.core.model import format_time, parse_time
from holdfast.core.names import is_project_name, normalize
from holdfast.core.problem import printable


def list_tokens(call: Call) -> dict[str, Any]:
    """Tokens without their texts: every one for an administrator, else one's own and one's robots'."""
    if is_administrator(call.actor, rights.LIST_ALL_TOKENS) or "account" not in call.actor.scopes.actions:
        require(call.actor, rights.LIST_ALL_TOKENS)
        found = held(all_tokens, call.parts.clock, call.deadline)
    else:
        found = held(lambda: list_own_tokens(call.actor), call.parts.clock, call.deadline)
    return {"tokens": [_document(facts) for facts in found]}


def new_token(call: Call) -> tuple[int, dict[str, Any]]:
    """Make a token: by default one that reads and uploads on the default index, new projects included."""
    name = call.text("name")
    if not 0 < len(name) <= 200:
        raise NotAccepted("the field name must have 1 to 200 characters")
    scopes = _scopes(call)
    user = call.text("user", call.actor.user)
    if user != call.actor.user:
        demand_user_name(user)
    made = create_token(call.parts.publisher, name, user, scopes, _expiry(call), call.actor, deadline=call.deadline)
    return 201, {"id": made.id, "token": made.text, "serial": made.serial}


def end_token(call: Call, token: str) -> dict[str, int]:
    """Revoke a token: an administrator any by id or name, others their own by id. Readers know within a second."""
    publisher, actor = call.parts.publisher, call.actor
    is_own = not is_administrator(actor, rights.END_ANY_TOKEN) and "account" in actor.scopes.actions
    end = end_own_token if is_own else revoke_token
    return {"serial": end(publisher, token, actor, deadline=call.deadline)}


def _scopes(call: Call) -> Scopes:
    projects = tuple(_project(text) for text in call.texts("projects", ()))
    scopes = Scopes(
        read=call.texts("read", (DEFAULT_INDEX,)),
        upload=call.texts("upload", (_upload_default(call),)),
        upload_projects=projects,
        create_projects=call.flag("create_projects", not projects),
        admin=call.flag("admin"),
        actions=_actions(call),
    )
    for index in {*scopes.read, *scopes.upload} | {project.partition("/")[0] for project in projects}:
        if index != ALL and call.parts.config.index(index) is None:
            raise NotAccepted(f"there is no index {index!r}; use one of the configured ones, or *")
    for index in (*scopes.upload, *(project.partition("/")[0] for project in projects)):
        known = call.parts.config.index(index)
        if known is not None and (landed := upload_index(call.parts.config, known)) is not known:
            raise NotAccepted(f"uploads to index {index!r} land in {landed.name!r}: name that one")
    return scopes


def _actions(call: Call) -> tuple[Action, ...]:
    """Which actions on projects, and whether it acts for the person; everything on projects unless told otherwise."""
    told = call.texts("actions", ACTIONS if call.flag("admin") else PROJECT_ACTIONS)
    unknown = sorted(set(told) - set(ACTIONS))
    if unknown:
        raise NotAccepted(f"the field actions knows {', '.join(ACTIONS)}; not {printable(unknown[0])!r}")
    return tuple(action for action in ACTIONS if action in told)


def _upload_default(call: Call) -> str:
    index = call.parts.config.index(DEFAULT_INDEX)
    return upload_index(call.parts.config, index).name if index else DEFAULT_INDEX


def _project(text: str) -> str:
    """`index/name` with the name in any spelling, as scopes know it."""
    index, _, name = text.partition("/")
    if not is_project_name(name):
        raise NotAccepted(f"the field projects must be a list of index/name, not {printable(text)!r}")
    return f"{index}/{normalize(name)}"


def _expiry(call: Call) -> Any:
    """When the token ends: `expires` (ISO 8601) or `days` from now; None for never."""
    text, days = call.text("expires", ""), call.body.get("days")
    if text and days is not None:
        raise NotAccepted("give expires or days, not both")
    if days is not None:
        if isinstance(days, bool) or not isinstance(days, int) or not 0 < days <= 36_500:
            raise NotAccepted("the field days must be a whole number from 1 to 36500")
        return call.parts.clock.now() + timedelta(days=days)
    if not text:
        return None
    try:
        return parse_time(text)
    except (ValueError, OverflowError):
        raise NotAccepted("the field expires must be a time like 2030-01-31T00:00:00Z") from None


def _document(facts: TokenFacts) -> dict[str, Any]:
    return {
        "id": facts.id,
        "name": facts.name,
        "user": facts.user,
        "read": facts.scopes.read,
        "upload": facts.scopes.upload,
        "projects": facts.scopes.upload_projects,
        "actions": facts.scopes.actions,
        "create_projects": facts.scopes.create_projects,
        "admin": facts.scopes.admin,
        "own": facts.own,
        "created": format_time(facts.created),
        "expires": format_time(facts.expires) if facts.expires else None,
        "revoked": format_time(facts.revoked) if facts.revoked else None,
        "last_used": format_time(facts.last_used) if facts.last_used else None,
    }


def give(call: Call, user: str) -> dict[str, Any]:
    """Make somebody the owner of a robot account: they make and end its tokens, signed in as themselves."""
    give_robot(call.parts.publisher, user, call.text("owner"), call.actor, deadline=call.deadline)
    return {}
