"""What a person's groups at a provider give them here: brought up to date at every sign-in with it.

A right that a group gave is written down as given, with what there was before; it ends when the group is no longer
named. Rights that were there already, or that somebody has changed by hand since, are left as they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from holdfast.config import SignIn
from holdfast.control.accounts.models import Token, User
from holdfast.control.organisations.actions import STRENGTH, subject, take_out
from holdfast.control.organisations.models import Membership, Organisation, Team
from holdfast.control.publication.changes import token_revoked
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.control.sign_in.models import Given

log = structlog.get_logger()

_FLAGS = {"admin": "is_superuser", "moderator": "is_staff"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the groups give, by the settings."""

    flags: frozenset[str] = frozenset()
    places: dict[str, str] = field(default_factory=dict)  # organisation -> the strongest place
    seats: frozenset[tuple[str, str]] = frozenset()  # (organisation, team)


def wanted_of(provider: SignIn, groups: Iterable[str]) -> Wanted:
    """The rights of these groups. Whoever sits in a team is in its organisation, too."""
    named = set(groups)
    rights = [right for group, right in provider.rights if group in named]
    places: dict[str, str] = {}
    seats = set()
    for right in rights:
        kind, _, what = right.partition(":")
        organisation, _, team = what.partition("/")
        if team:
            seats.add((organisation, team))
        place = "member" if team else kind
        if organisation and STRENGTH[place] > STRENGTH.get(places.get(organisation, ""), 0):
            places[organisation] = place
    return Wanted(frozenset(rights) & frozenset(_FLAGS), places, frozenset(seats))


def is_up_to_date(user: User, provider: SignIn, wanted: Wanted) -> bool:
    """True when nothing would change: most sign-ins, which then take no lock and publish nothing."""
    rows = list(Given.objects.filter(user=user, issuer=provider.issuer).select_related("membership__organisation"))
    flags = {row.kind for row in rows if row.kind in _FLAGS}
    if flags - wanted.flags or any(not getattr(user, _FLAGS[flag]) for flag in wanted.flags):
        return False
    places = {row.membership.organisation.name: row.role for row in rows if row.membership is not None}
    if any(wanted.places.get(name) != role for name, role in places.items()):
        return False
    in_force = dict(Membership.objects.filter(user=user).values_list("organisation__name", "role"))
    if any(STRENGTH[role] > STRENGTH.get(in_force.get(name, ""), 0) for name, role in wanted.places.items()):
        return False
    seats = {pair for pair in _seats(user, provider) if pair not in wanted.seats}
    taken = set(user.teams.values_list("organisation__name", "name"))
    return not seats and wanted.seats <= taken


def bring_up_to_date(tx: WriteTransaction, user: User, provider: SignIn, wanted: Wanted) -> None:
    """Give what is missing and end what was given and is not wanted any more. Inside the caller's transaction."""
    organisations = set(wanted.places) | {
        row.membership.organisation.name
        for row in Given.objects.filter(user=user, issuer=provider.issuer).exclude(membership=None)
        if row.membership is not None
    }
    tx.lock(f"user:{user.username}", *(f"organisation:{name}" for name in organisations))
    user.refresh_from_db(fields=["is_superuser", "is_staff"])
    for flag in _FLAGS:
        _set_flag(tx, user, provider, flag, is_wanted=flag in wanted.flags)
    for name in sorted(organisations):
        _set_place(tx, user, provider, name, wanted.places.get(name, ""))
    for organisation, team in sorted(wanted.seats | _seats(user, provider)):
        _set_seat(tx, user, provider, organisation, team, is_wanted=(organisation, team) in wanted.seats)


def _set_flag(tx: WriteTransaction, user: User, provider: SignIn, flag: str, *, is_wanted: bool) -> None:
    row = Given.objects.filter(user=user, issuer=provider.issuer, kind=flag).first()
    name = _FLAGS[flag]
    if is_wanted and not getattr(user, name):
        setattr(user, name, True)
        user.save(update_fields=[name])
        if row is None:
            Given.objects.create(user=user, issuer=provider.issuer, kind=flag, since=tx.now)
        tx.audit("give-right", user.username, right=flag, provider=provider.name)
    elif not is_wanted and row is not None:
        row.delete()
        setattr(user, name, False)
        user.save(update_fields=[name])
        if flag == "admin":
            _end_admin_tokens(tx, user, row)
        tx.audit("end-right", user.username, right=flag, provider=provider.name)


def _end_admin_tokens(tx: WriteTransaction, user: User, given: Given) -> None:
    """What an administrator made for themselves meanwhile would outlive the right."""
    for token in Token.objects.filter(user=user, admin=True, revoked=None, created__gte=given.since):
        token.revoked = tx.now
        token.save(update_fields=["revoked"])
        tx.tell(token_revoked(token.id))
        tx.audit("revoke-token", token.id, name=token.name, user=user.username)


def _set_place(tx: WriteTransaction, user: User, provider: SignIn, name: str, role: str) -> None:
    organisation = Organisation.objects.filter(name=name, deleted=None).first()
    if organisation is None:
        log.warning("a group gives a place in an organisation that is not there", organisation=name)
        return
    place = Membership.objects.filter(organisation=organisation, user=user).first()
    given = Given.objects.filter(user=user, issuer=provider.issuer, membership=place).first() if place else None
    by_hand = given.before if given else place.role if place else ""
    is_more = STRENGTH.get(role, 0) > STRENGTH.get(by_hand, 0)
    if place is not None and given is not None and not role and not by_hand:
        facts = {"user": user.username, "place": None, "before": {"place": place.role}}
        take_out(tx, organisation, place)
        tx.audit("end-right", subject(organisation), **facts, provider=provider.name)
    elif place is not None and given is not None and not is_more:
        given.delete()
        _become(tx, place, by_hand, "end-right", provider)
    elif is_more and (place is None or given is None or place.role != role):
        place = place or Membership(organisation=organisation, user=user)
        _become(tx, place, role, "give-right", provider)
        Given.objects.update_or_create(
            user=user,
            issuer=provider.issuer,
            kind="place",
            membership=place,
            defaults={"role": role, "before": by_hand, "since": tx.now},
        )


def _become(tx: WriteTransaction, place: Membership, role: str, verb: str, provider: SignIn) -> None:
    before = {"place": place.role or None}
    place.role = role
    place.save()
    facts = {"user": place.user.username, "place": role, "before": before}
    tx.audit(verb, subject(place.organisation), **facts, provider=provider.name)


def _set_seat(
    tx: WriteTransaction, user: User, provider: SignIn, organisation: str, name: str, *, is_wanted: bool
) -> None:
    teams = Team.objects.filter(organisation__name=organisation, organisation__deleted=None, name=name)
    team = teams.select_related("organisation").first()
    if team is None:
        log.warning("a group gives a seat in a team that is not there", organisation=organisation, team=name)
        return
    row = Given.objects.filter(user=user, issuer=provider.issuer, team=team).first()
    is_in = team.members.filter(pk=user.pk).exists()
    detail = {"user": user.username, "team": name, "provider": provider.name}
    if is_wanted and not is_in:
        team.members.add(user)
        if row is None:
            Given.objects.create(user=user, issuer=provider.issuer, kind="seat", team=team, since=tx.now)
        tx.audit("give-right", subject(team.organisation), **detail)
    elif not is_wanted and row is not None:
        row.delete()
        team.members.remove(user)
        tx.audit("end-right", subject(team.organisation), **detail)


def _seats(user: User, provider: SignIn) -> set[tuple[str, str]]:
    """The teams that its groups have put the person into."""
    rows = Given.objects.filter(user=user, issuer=provider.issuer, kind="seat").exclude(team=None)
    return set(rows.values_list("team__organisation__name", "team__name"))
