"""`/manage/tokens/`: one's own tokens. A new one's text is on the page that answers the form, and nowhere else."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.config import Config
from holdfast.control.accounts.actor import PROJECT_ACTIONS, Actor, Scopes
from holdfast.control.database import read_snapshot
from holdfast.control.http import parts_of
from holdfast.control.organisations.effective import has_index_right, projects_of
from holdfast.control.tokens.actions import OwnToken, end_own_token, list_own_tokens, make_own_token
from holdfast.control.tokens.limits import may_read
from holdfast.control.tokens.robots import robots_of, speaks_for
from holdfast.control.web.deeds import Asked, Done, WrongField, page_with_deeds
from holdfast.control.web.pages import page, recently, signed_in
from holdfast.core.errors import Absent

DAYS = (7, 30, 90, 180, 366)
NAME_CHARS_MAX = 200
PROJECTS_MAX = 200  # named in one token; more is what a token for the whole index is for


@signed_in
def own_tokens(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The tokens in force, each with a way to end it."""

    def facts() -> dict[str, Any]:
        rows = [one for one in list_own_tokens(actor) if one.revoked is None]
        return {"rows": rows[::-1], "now": parts_of(request).clock.now()}

    return page_with_deeds(request, actor, _DEEDS, "manage/tokens.html", facts)


@signed_in
@recently
def new_token(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The form for a token of one's own or of a robot (`?for=`), and then the token: shown once."""
    config = parts_of(request).config
    user = _whose(request, actor)

    def facts() -> dict[str, Any]:
        with read_snapshot():
            projects = [f"{project.index}/{project.name}" for project, _role in projects_of(user)]
            indexes = [(index, has_index_right(index, user, "create")) for index in _indexes(config, user)]
        days = [count for count in DAYS if not config.token_days_max or count <= config.token_days_max]
        robot = "" if user == actor.user else user
        return {
            "projects": projects,
            "indexes": indexes,
            "days": days,
            "robot": robot,
            "robots": robots_of(actor.user),
        }

    return page_with_deeds(request, actor, _NEW_DEEDS, "manage/new_token.html", facts)


def _whose(request: HttpRequest, actor: Actor) -> str:
    """For whom a token is made. Raises Absent."""
    user = request.GET.get("for", "") or actor.user
    if not speaks_for(actor, user):
        raise Absent("there is nobody of that name whose tokens are yours to make")
    return user


def _make(asked: Asked) -> Done:
    parts, wanted = asked.parts, _wanted(asked, _whose(asked.request, asked.actor))
    token = make_own_token(parts.publisher, parts.config, wanted, asked.actor, deadline=asked.deadline)
    told = page(asked.request, "manage/token_made.html", text=token.text, index_url=parts.config.base_url)
    return Done("The token was made.", told=told)


def _revoke(asked: Asked) -> Done:
    end_own_token(asked.parts.publisher, asked.text("token"), asked.actor, deadline=asked.deadline)
    return Done("The token was revoked. It is good for nothing from now on.", reverse("manage_tokens"))


def _wanted(asked: Asked, user: str) -> OwnToken:
    name = asked.text("name")
    if len(name) > NAME_CHARS_MAX:
        raise WrongField("name", f"a token's name has at most {NAME_CHARS_MAX} characters")
    days = asked.number("days")
    if days not in DAYS:
        raise WrongField("days", f"a token lasts {', '.join(map(str, DAYS))} days")
    expires = asked.parts.clock.now() + timedelta(days=days)
    return OwnToken(name, user, _scopes(asked, user), expires)


def _scopes(asked: Asked, user: str) -> Scopes:
    """`reach` is "read", a whole index ("index:NAME"), or "projects" with the projects that were ticked."""
    reach, actions = asked.text("reach"), tuple(a for a in PROJECT_ACTIONS if a in asked.fields.getlist("actions"))
    if reach == "read":
        return Scopes(read=_read(asked, user), actions=())
    if not actions:
        raise WrongField("actions", "tick at least one thing that the token may do, or make it a token for reading")
    if reach == "projects":
        projects = tuple(dict.fromkeys(asked.fields.getlist("projects")))
        if not 0 < len(projects) <= PROJECTS_MAX:
            raise WrongField("reach", f"tick 1 to {PROJECTS_MAX} projects, or give the token a whole index")
        return Scopes(read=_read(asked, user), upload_projects=projects, actions=actions)
    index = reach.removeprefix("index:")
    if index == reach:
        raise WrongField("reach", "choose what the token reaches")
    may_create = has_index_right(index, user, "create")
    return Scopes(read=_read(asked, user), upload=(index,), create_projects=may_create, actions=actions)


def _read(asked: Asked, user: str) -> tuple[str, ...]:
    return tuple(_indexes(asked.parts.config, user))


def _indexes(config: Config, user: str) -> list[str]:
    return [index.name for index in config.indexes if may_read(config, index.name, user)]


_DEEDS = {"revoke": _revoke}
_NEW_DEEDS = {"make": _make}
