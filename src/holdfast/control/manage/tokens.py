"""`/manage/tokens/`: one's own tokens. A new one's text is on the page that answers the form, and nowhere else."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.config import Config
from holdfast.control.accounts.actor import PROJECT_ACTIONS, Actor, Scopes
from holdfast.control.database import read_snapshot
from holdfast.control.http import parts_of
from holdfast.control.organisations.effective import has_index_right, projects_of
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.tokens.actions import OwnToken, end_own_token, list_own_tokens, make_own_token
from holdfast.control.tokens.limits import may_read
from holdfast.control.tokens.robots import robots_of, speaks_for
from holdfast.control.web.deeds import Asked, Done, page_with_deeds
from holdfast.control.web.pages import page, recently, signed_in
from holdfast.core.errors import Absent

DAYS = (7, 30, 90, 180, 366)
NAME_CHARS_MAX = 200
PROJECTS_MAX = 200  # named in one token; more is what a token for the whole index is for


@signed_in
def own_tokens(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The tokens in force, each with a way to end it."""

    def show(refused: str, status: int) -> HttpResponse:
        rows = [facts for facts in list_own_tokens(actor) if facts.revoked is None]
        now = parts_of(request).clock.now()
        return page(request, "manage/tokens.html", status, refused=refused, rows=rows[::-1], now=now)

    return page_with_deeds(request, actor, {"revoke": _revoke}, show)


@signed_in
@recently
def new_token(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The form for a token of one's own or of a robot (`?for=`), and then the token: shown once."""
    parts = parts_of(request)
    user = request.GET.get("for", "") or actor.user
    if not speaks_for(actor, user):
        raise Absent("there is nobody of that name whose tokens are yours to make")
    made: list[str] = []

    def make(asked: Asked) -> Done:
        wanted = _wanted(asked, user)
        token = make_own_token(parts.publisher, parts.config, wanted, asked.actor, deadline=asked.deadline)
        made.append(token.text)
        return Done("The token was made.")

    def show(refused: str, status: int) -> HttpResponse:
        with read_snapshot():
            projects = [f"{project.index}/{project.name}" for project, _role in projects_of(user)]
            indexes = [(index, has_index_right(index, user, "create")) for index in _indexes(parts.config, user)]
        days = [count for count in DAYS if not parts.config.token_days_max or count <= parts.config.token_days_max]
        context = {"refused": refused, "projects": projects, "indexes": indexes, "days": days, "form": request.POST}
        context |= {"robot": "" if user == actor.user else user, "robots": robots_of(actor.user)}
        return page(request, "manage/new_token.html", status, **context)

    answer = page_with_deeds(request, actor, {"make": make}, show)
    if not made:
        return answer
    # Not behind a redirect: the text would have to be kept somewhere until the next page asks for it.
    return page(request, "manage/token_made.html", text=made[0], index_url=parts.config.base_url)


def _revoke(asked: Asked) -> Done:
    end_own_token(asked.parts.publisher, asked.text("token"), asked.actor, deadline=asked.deadline)
    return Done("The token was revoked. It is good for nothing from now on.", reverse("manage_tokens"))


def _wanted(asked: Asked, user: str) -> OwnToken:
    name = asked.text("name")
    if len(name) > NAME_CHARS_MAX:
        raise NotAccepted(f"a token's name has at most {NAME_CHARS_MAX} characters")
    days = asked.number("days")
    if days not in DAYS:
        raise NotAccepted(f"a token lasts {', '.join(map(str, DAYS))} days")
    expires = asked.parts.clock.now() + timedelta(days=days)
    return OwnToken(name, user, _scopes(asked, user), expires)


def _scopes(asked: Asked, user: str) -> Scopes:
    """`reach` is "read", a whole index ("index:NAME"), or "projects" with the projects that were ticked."""
    reach, actions = asked.text("reach"), tuple(a for a in PROJECT_ACTIONS if a in asked.lists("actions"))
    if reach == "read":
        return Scopes(read=_read(asked, user), actions=())
    if not actions:
        raise NotAccepted("tick at least one thing that the token may do, or make it a token for reading")
    if reach == "projects":
        projects = tuple(dict.fromkeys(asked.lists("projects")))
        if not 0 < len(projects) <= PROJECTS_MAX:
            raise NotAccepted(f"tick 1 to {PROJECTS_MAX} projects, or give the token a whole index")
        return Scopes(read=_read(asked, user), upload_projects=projects, actions=actions)
    index = reach.removeprefix("index:")
    if index == reach:
        raise NotAccepted("choose what the token reaches")
    may_create = has_index_right(index, user, "create")
    return Scopes(read=_read(asked, user), upload=(index,), create_projects=may_create, actions=actions)


def _read(asked: Asked, user: str) -> tuple[str, ...]:
    return tuple(_indexes(asked.parts.config, user))


def _indexes(config: Config, user: str) -> list[str]:
    return [index.name for index in config.indexes if may_read(config, index.name, user)]
