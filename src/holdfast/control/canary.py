"""Who publishes the canary: one account for each kind of credential that uploads, and tokens for an hour.

They reach the canary's index alone. A gate takes these from the release that serves and from the one that is to serve,
so that no release is let through which refuses what is already in people's hands (incident r10-upload-deploy).
"""

from base64 import b32encode
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from secrets import token_bytes

from allauth.mfa.models import Authenticator

from holdfast.config import Config, ProviderConfig
from holdfast.control.accounts import secrets
from holdfast.control.accounts.actions import create_token, revoke_token
from holdfast.control.accounts.actor import Identity, Scopes, operator
from holdfast.control.accounts.models import User
from holdfast.control.accounts.people import create_person
from holdfast.control.database import database_guard
from holdfast.control.organisations.actions import create_organisation
from holdfast.control.organisations.models import Organisation
from holdfast.control.organisations.robots import create_robot
from holdfast.control.projects.actions import delete_project
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import Publication, held, unpublished_transaction, write_transaction
from holdfast.control.publishers.actions import add_pending
from holdfast.control.publishers.mint import issue
from holdfast.control.publishers.models import Publisher
from holdfast.control.publishers.tokens import burn_token
from holdfast.control.secret_key import read_keys
from holdfast.core import tokens
from holdfast.core.errors import Absent

NAME = "holdfast-canary"  # of the person; whatever else there is of it begins so
TOKEN_SECONDS = 3600  # a gate takes a minute
# No issuer of that name is configured, so nobody's identity token is ever exchanged for it.
_PROVIDER = ProviderConfig(NAME, issuer=f"urn:{NAME}", claims=(("sub", ""),))


@dataclass(frozen=True, slots=True)
class CanaryToken:
    """A credential to publish with. `project` is normalised; `user` goes before the token in Basic."""

    kind: str
    project: str
    user: str
    text: str = field(repr=False)

    def document(self) -> dict[str, str]:
        """As `holdfast canary tokens` hands it on."""
        return asdict(self)


def make_tokens(publisher: Publication, config: Config, index: str, *, deadline: float) -> list[CanaryToken]:
    """A fresh credential of every kind that uploads here. Raises NotAccepted, Refused while tokens are switched off."""
    read_keys(config)
    person, other, robot = _people(publisher, deadline)
    whole = Scopes(upload=(index,), create_projects=True)
    first = _token(publisher, "person", person, "__token__", whole, deadline)
    narrow = Scopes(upload=(index,), upload_projects=(f"{index}/{first.project}",))
    return [
        first,
        _token(publisher, "narrow", person, "__token__", narrow, deadline, first.project),  # which that one made
        _token(publisher, "second-factor", other, other, whole, deadline),
        _token(publisher, "robot", robot, "__token__", whole, deadline),
        _publisher_token(publisher, index, person, deadline),
    ]


def reading_token(publisher: Publication, index: str, *, deadline: float) -> str:
    """A token that reads the canary's index and does nothing else."""
    expires = publisher.clock.now() + timedelta(seconds=TOKEN_SECONDS)
    return create_token(publisher, NAME, NAME, Scopes(read=(index,)), expires, operator(NAME), deadline=deadline).text


def clean_up(publisher: Publication, index: str, texts: list[str], *, deadline: float) -> None:
    """Delist what was published and end the tokens, those of the release before, too."""
    with database_guard():
        listed = Project.objects.filter(index=index, name__startswith=f"{NAME}-", deleted=None)
        names = list(listed.values_list("name", flat=True))
    for name in names:
        delete_project(publisher, index, name, operator(NAME), deadline=deadline)
    for text in texts:
        parsed = tokens.parse(text)
        if parsed is None:
            continue
        burn_token(publisher, text, "", deadline=deadline)  # a trusted publisher's; another kind is left alone
        with suppress(Absent):
            revoke_token(publisher, parsed.id, operator(NAME), deadline=deadline)


def _people(publisher: Publication, deadline: float) -> tuple[str, str, str]:
    """A person without a second factor, one with one, and an organisation's robot, made where they are missing."""
    person, other, robot = NAME, f"{NAME}-two", f"{NAME}-org-robot"
    with database_guard():
        known = set(User.objects.filter(username__startswith=NAME).values_list("username", flat=True))
        has_organisation = Organisation.objects.filter(name=f"{NAME}-org").exists()
        if User.objects.filter(username__in=(person, other, robot), is_active=False).exists():
            raise NotAccepted(f"an account of the canary is frozen; `holdfast user unfreeze {NAME}` and the like")
    for name in (person, other):
        if name not in known:
            create_person(publisher, name, "", False, False, operator(NAME), deadline=deadline)
    if not has_organisation:
        create_organisation(publisher, f"{NAME}-org", "Canary", operator(NAME), owner=person, deadline=deadline)
    if robot not in known:
        create_robot(publisher, f"{NAME}-org", "robot", operator(NAME), deadline=deadline)
    _set_up_second_factor(publisher, other, deadline=deadline)
    return person, other, robot


def _token(
    publisher: Publication, kind: str, owner: str, user: str, scopes: Scopes, deadline: float, project: str = ""
) -> CanaryToken:
    expires = publisher.clock.now() + timedelta(seconds=TOKEN_SECONDS)
    made = create_token(publisher, NAME, owner, scopes, expires, operator(NAME), deadline=deadline)
    return CanaryToken(kind, project or f"{NAME}-{kind}", user, made.text)


@held
def _set_up_second_factor(publisher: Publication, user: str, *, deadline: float) -> None:
    """Nobody ever signs in with it: what counts is that the account has one."""
    with unpublished_transaction(publisher, operator(NAME), deadline) as tx:
        tx.lock(f"user:{user}")
        person = User.objects.get(username=user)
        if not Authenticator.objects.filter(user=person).exists():
            data = {"secret": secrets.encrypt(b32encode(token_bytes(20)).decode())}
            Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data=data)
            tx.audit("set-up-canary-factor", user)


def _publisher_token(publisher: Publication, index: str, person: str, deadline: float) -> CanaryToken:
    """What the exchange of an identity token gives, without an issuer: uploads find no difference."""
    project = f"{NAME}-publisher"
    with database_guard():
        known = Publisher.objects.filter(index=index, name=project, provider=_PROVIDER.name).exists()
    if not known:
        claims = {"sub": NAME}
        add_pending(publisher, index, project, _PROVIDER, claims, person, operator(NAME), deadline=deadline)
    return CanaryToken("publisher", project, "__token__", _issue(publisher, index, project, deadline=deadline))


@held
def _issue(publisher: Publication, index: str, project: str, *, deadline: float) -> str:
    minted = tokens.mint()
    who = Identity(_PROVIDER.name, _PROVIDER.kind, _PROVIDER.issuer, _PROVIDER.name)
    with write_transaction(publisher, operator(NAME), deadline) as tx:
        rows = list(Publisher.objects.filter(index=index, name=project, provider=_PROVIDER.name))
        issue(tx, minted, _PROVIDER, rows, who)
    return minted.text
