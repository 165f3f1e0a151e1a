"""Who can act for what they own: asked before an owner goes, so that nothing is left to owners who cannot do anything.

Frozen and deleted accounts do not count, and neither do names that were given a role and have no way in yet: no
password, no passkey, no provider's account, no token in force. Robots do not count for people: they answer to nobody.
"""

from collections.abc import Collection
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import Exists, OuterRef, Q

from holdfast.control.accounts.models import Token, User


def able_among(names: Collection[str], now: datetime, acting: str = "") -> set[str]:
    """Those of the named people who can act now; whoever is `acting` can. Raises what the database raises."""
    tokens = Token.objects.filter(Q(expires=None) | Q(expires__gt=now), user=OuterRef("pk"), revoked=None)
    ways = Exists(tokens) | Exists(SocialAccount.objects.filter(user=OuterRef("pk")))
    passkeys = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.WEBAUTHN)
    people = User.objects.filter(username__in=names, is_active=True, is_robot=False)
    found = people.annotate(has_way=ways | Exists(passkeys))
    return {one.username for one in found if one.username == acting or one.has_way or one.has_usable_password()}


def why_not_to_leave(owners: Collection[str], leaving: str, acting: str, now: datetime) -> str:
    """Why one of the owners cannot go, asked by `acting`; "" when they can.

    Whoever cannot act themselves may be taken out as long as anybody is left: nobody is lost who could have acted.
    """
    others = sorted(set(owners) - {leaving})
    if leaving not in owners:
        return ""
    if not others:
        return f"{leaving!r} is the last owner"
    able = able_among(owners, now, acting)
    if leaving in able and not able - {leaving}:
        return f"{leaving!r} is the last owner who can act ({', '.join(others[:5])}: frozen, a robot, or no way in yet)"
    return ""
