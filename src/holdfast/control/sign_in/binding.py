"""Accounts and the persons at providers that they are bound to: found, bound, made and let go.

Nobody gets into an account by having its mail address elsewhere: an account is bound by who is signed in to it, or made
for whoever comes first.
"""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ValidationError
from django.db.models import Q

from holdfast.config import Config, SignIn
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.accounts.names import check_new_name
from holdfast.control.mail.queue import queue
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import (
    NotYetPublished,
    Publication,
    WriteTransaction,
    unpublished_transaction,
    write_transaction,
)
from holdfast.control.sign_in.arrival import Arrival
from holdfast.control.sign_in.given import bring_up_to_date, is_up_to_date, wanted_of
from holdfast.core.errors import Absent, Refused
from holdfast.tree.switches import READ_ONLY

CONNECTED = "A sign-in with another provider was connected"
DISCONNECTED = "A sign-in with another provider was removed"


@dataclass(frozen=True, slots=True)
class Telling:
    """To whom and how a change of one's ways in is told."""

    address: str  # "" for nobody
    facts: dict[str, str]


def person_of(arrival: Arrival) -> User | None:
    """The account that is bound to whom the provider names."""
    return person_bound_to(arrival.issuer, arrival.uid)


def person_bound_to(issuer: str, uid: str) -> User | None:
    """The account that is bound to a subject of an issuer."""
    found = SocialAccount.objects.filter(provider=issuer, uid=uid).select_related("user").first()
    return found.user if found is not None and isinstance(found.user, User) else None


def holds_alone(config: Config, user: User) -> SignIn | None:
    """The provider that an account signs in with alone, by the setting `only`."""
    issuers = set(SocialAccount.objects.filter(user=user).values_list("provider", flat=True))
    return next((one for one in config.sign_in if one.only and one.issuer in issuers), None)


def follow_groups(
    publisher: Publication, user: User, provider: SignIn, groups: tuple[str, ...], actor: Actor, *, deadline: float
) -> None:
    """Bring the rights of a person's groups up to date; on a read-only site, too. Raises Unavailable."""
    wanted = wanted_of(provider, groups)
    if is_up_to_date(user, provider, wanted):
        return
    try:
        with write_transaction(publisher, actor, deadline, moderates=True) as tx:
            bring_up_to_date(tx, user, provider, wanted)
    except NotYetPublished:
        pass  # in force here; fronts learn of ended tokens in a moment


def make_account(
    publisher: Publication, provider: SignIn, arrival: Arrival, name: str, actor: Actor, *, deadline: float
) -> User:
    """An account for whoever came for the first time. Raises NotAccepted for a name that cannot be had, Refused."""
    with unpublished_transaction(publisher, actor, deadline) as tx:
        tx.demand_on("sign-up")
        tx.lock(f"user:{name}", f"arrival:{arrival.issuer} {arrival.uid}")
        _demand_name(name)
        demand_free_address(provider, arrival)
        if person_of(arrival) is not None:
            raise NotAccepted("you have an account already; sign in again")
        user = User.objects.create(username=name, email=arrival.email)
        SocialAccount.objects.create(user=user, provider=arrival.issuer, uid=arrival.uid)
        if arrival.email:
            EmailAddress.objects.create(user=user, email=arrival.email, verified=True, primary=True)
        tx.audit("sign-up", name, provider=provider.name)
    return user


def demand_free_address(provider: SignIn, arrival: Arrival) -> None:
    """Raises Refused when another account has confirmed the address: who owns it signs in there, and connects."""
    if arrival.email and EmailAddress.objects.filter(email=arrival.email, verified=True).exists():
        raise Refused(
            f"an account here has the address {arrival.email} already. Sign in to it another way, and connect"
            f" {provider.label} on its page"
        )


def bind(
    publisher: Publication,
    user: User,
    provider: SignIn,
    arrival: Arrival,
    actor: Actor,
    telling: Telling,
    *,
    deadline: float,
) -> None:
    """Let the account of who is signed in be entered with that provider, too. Raises Refused when another one is."""
    with unpublished_transaction(publisher, actor, deadline) as tx:
        tx.demand_on(READ_ONLY)
        tx.lock(f"user:{user.username}", f"arrival:{arrival.issuer} {arrival.uid}")
        known = person_of(arrival)
        if known is not None and known.pk != user.pk:
            raise Refused(f"whom {provider.label} names has another account here; disconnect it there first")
        if SocialAccount.objects.filter(user=user, provider=arrival.issuer).exclude(uid=arrival.uid).exists():
            raise Refused(f"this account is connected to somebody else at {provider.label}; disconnect that first")
        if known is None:
            SocialAccount.objects.create(user=user, provider=arrival.issuer, uid=arrival.uid)
            tx.audit("connect-sign-in", user.username, provider=provider.name)
            _tell(tx, telling, CONNECTED)


def let_go(
    publisher: Publication, config: Config, user: User, number: int, actor: Actor, telling: Telling, *, deadline: float
) -> None:
    """End a connection, and the rights it gave. Raises Absent, NotAccepted for the last way in."""
    account = SocialAccount.objects.filter(user=user, pk=number).first()
    if account is None:
        raise Absent("there is no such connection of yours")
    provider = next((one for one in config.sign_in if one.issuer == account.provider), None)
    if provider is not None and provider.only:
        raise NotAccepted(f"accounts of {provider.label} are entered with it alone, so it stays connected")
    others = Q(provider__in=[one.issuer for one in config.sign_in])
    is_last = not SocialAccount.objects.filter(others, user=user).exclude(pk=number).exists()
    has_passkey = Authenticator.objects.filter(user=user, type="webauthn").exists()
    if is_last and not user.has_usable_password() and not has_passkey:
        raise NotAccepted("it is the only way into this account; set a password or a passkey up first")
    try:
        with write_transaction(publisher, actor, deadline) as tx:
            tx.lock(f"user:{user.username}")
            gone = provider or SignIn(account.provider, account.provider)
            bring_up_to_date(tx, user, gone, wanted_of(gone, ()))
            account.delete()
            tx.audit("disconnect-sign-in", user.username, provider=gone.name)
            _tell(tx, telling, DISCONNECTED)
    except NotYetPublished:
        pass


def _demand_name(name: str) -> None:
    try:
        check_new_name(name)
    except ValidationError as error:
        raise NotAccepted(str(error.message)) from None
    if User.objects.filter(username__iexact=name).exists():
        raise NotAccepted("This name is taken.")


def _tell(tx: WriteTransaction, telling: Telling, what: str) -> None:
    if telling.address:
        queue(tx, telling.address, "two-factor-changed", {**telling.facts, "what": what})
