"""How often something may be tried. Counted in rows: a restart forgives nothing, and all machines count together.

Signing in is limited by who tries from where (docs/accounts.md tells operators): what a stranger does from other
networks never shuts a place out that an account is known to be used from.
"""

import ipaddress
import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.db import IntegrityError, transaction
from django.db.models import F

from holdfast.clock import Clock
from holdfast.control.accounts.models import Attempts, KnownPlace, User
from holdfast.core.errors import Outcome

SHUT_KEYS_MAX = 10_000  # remembered in memory, so that a flood past its limit writes no rows
MINUTE, HOUR, DAY = 60, 3600, 86_400


class TooManyAttempts(Outcome):
    """Tried too often (429). `retry_after_seconds` is when the count begins again."""

    def __init__(self, reason: str, retry_after_seconds: int) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in so many seconds, counted from the first."""

    name: str
    most: int
    seconds: int


# Signing in. A person mistypes a few times; NIST SP 800-63B §5.2.2 stops at 100 failures in a row for an account.
KNOWN_PLACE = Limit("known-place", 20, 15 * MINUTE)  # an account from a browser or network it is known from
PAIR = Limit("pair", 10, 15 * MINUTE)  # an account from one unknown network
NETWORK = Limit("network", 40, 15 * MINUTE)  # all accounts from one unknown network: an office signs in on Monday
ACCOUNT = Limit("account", 100, HOUR)  # an account from all unknown networks; past it they are let in by mail

# Everything else strangers can cause, by their network; and what one address is mailed.
SIGN_UP = Limit("sign-up", 20, HOUR)
RESET = Limit("reset", 20, HOUR)
LINK = Limit("link", 60, HOUR)  # opening links of mails
MAIL_TO = Limit("mail-to", 6, HOUR)
MANAGE = Limit("manage", 60, HOUR)  # changes of one's own account
MANAGE_PROJECTS = Limit("manage-projects", 600, HOUR)  # changes of one's projects, by hand
PROVIDER = Limit("provider", 300, HOUR)  # ways to a sign-in provider and back: a whole office on Monday
OPERATE = Limit("operate", 600, HOUR)  # an operator's changes, by hand; an incident's many go through the API
CODES = Limit("codes", 10, 15 * MINUTE)  # second factors of one account, after its password


class Counters:
    """The counts of one process's requests."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._shut: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, limit: Limit, *subject: str) -> None:
        """Count one attempt. Raises TooManyAttempts; then nothing was counted."""
        key = _key(limit, subject)
        left = self._shut_for(key)
        if left <= 0 and not _count(key, limit, self.clock):
            left = float(limit.seconds)
            row = Attempts.objects.filter(key=key).first()
            if row is not None:
                left = limit.seconds - (self.clock.now() - row.began).total_seconds()
            self._shut_until(key, left)
        if left > 0:
            refused[limit.name] += 1
            raise TooManyAttempts("That was tried too often. Please wait a while and try again.", 1 + int(left))

    def give_back(self, limit: Limit, *subject: str) -> None:
        """An attempt that was right does not count."""
        key = _key(limit, subject)
        Attempts.objects.filter(key=key, count__gt=0).update(count=F("count") - 1)
        with self._lock:
            self._shut.pop(key, None)

    def _shut_for(self, key: str) -> float:
        with self._lock:
            return self._shut.get(key, 0.0) - self.clock.monotonic()

    def _shut_until(self, key: str, seconds: float) -> None:
        with self._lock:
            if len(self._shut) >= SHUT_KEYS_MAX:
                self._shut.popitem(last=False)
            self._shut[key] = self.clock.monotonic() + seconds


_made: list[Counters] = []
refused: Counter[str] = Counter()  # by limit, since this process began, for metrics: a lost one matters to nobody


def counters(clock: Clock) -> Counters:
    """This process's; what is shut is remembered by it alone."""
    if not _made or _made[0].clock is not clock:
        _made[:] = [Counters(clock)]
    return _made[0]


def sweep_attempts(clock: Clock) -> None:
    """Forget counts that no limit looks at any more."""
    Attempts.objects.filter(began__lt=clock.now() - timedelta(seconds=DAY)).delete()


def network_of(address: str) -> str:
    """The network an address belongs to: what one subscriber has at least (/24; /64 by RFC 6177)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "nowhere"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 64}", strict=False))


def place_digest(kind: str, what: str, user: User) -> str:
    """How a known network or browser of somebody is written down: for nobody else to read."""
    return sha256(f"{kind}:{user.pk}:{what}".encode()).hexdigest()


def is_known(user: User, *digests: str) -> bool:
    """True when one of these places is known of the user."""
    return KnownPlace.objects.filter(user=user, digest__in=digests).exists()


def _key(limit: Limit, subject: tuple[str, ...]) -> str:
    return sha256("\0".join((limit.name, *subject)).encode()).hexdigest()


def _count(key: str, limit: Limit, clock: Clock) -> bool:
    """One more in the window that is open, or the first of a new one; False when the open one is full."""
    now = clock.now()
    begins = now - timedelta(seconds=limit.seconds)
    if Attempts.objects.filter(key=key, began__gt=begins, count__lt=limit.most).update(count=F("count") + 1):
        return True
    if Attempts.objects.filter(key=key, began__lte=begins).update(began=now, count=1):
        return True
    try:
        with transaction.atomic():
            Attempts.objects.create(key=key, began=now, count=1)
    except IntegrityError:
        return False
    return True
