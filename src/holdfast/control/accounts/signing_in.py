"""The limits of one sign-in: taken before its password is looked at, given back when it was right.

known place (a network or browser the account was signed in from): its own count, whatever happens elsewhere
anywhere else: counts of the pair, of the network, and of the account from all unknown places together; past the last,
a mail lets the person's new network in (web/letting_in.py)
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from django.http import HttpRequest

from holdfast.control.accounts import hashing, limits
from holdfast.control.accounts.backend import person_of
from holdfast.control.accounts.limits import Counters, Limit, TooManyAttempts, is_known, network_of
from holdfast.control.accounts.models import User
from holdfast.control.accounts.places import places_of
from holdfast.control.http import client_of

_NOBODY = 0  # no account's: a name that there is not is looked up as one that there is


@dataclass(slots=True)
class Tally:
    """Counts of this process for metrics. Plain integers: a lost one matters to nobody."""

    succeeded: int = 0
    failed: int = 0
    limited: int = 0
    wrong_code: int = 0  # the password was right, the second factor was not

    def outcomes(self) -> dict[str, int]:
        """By outcome, as `/metrics` labels them."""
        return {name.replace("_", "-"): count for name, count in asdict(self).items()}


tally = Tally()


@dataclass(slots=True)
class SignIn:
    """One attempt. `login` is what was typed."""

    request: HttpRequest
    login: str
    counters: Counters
    taken: list[tuple[Limit, tuple[str, ...]]] = field(default_factory=list)

    def begin(self, invite: Callable[[User], None]) -> None:
        """Take the limits. Raises TooManyAttempts; `invite` mails the way in when only the account's own is spent."""
        name, network = self.login.strip().lower()[:254], network_of(client_of(self.request))
        user = person_of(name)
        subject = str(user.pk) if user is not None else f"nobody:{name}"
        somebody = user or User(pk=_NOBODY)
        try:
            if is_known(somebody, *places_of(self.request, somebody)):
                hashing.is_stranger.set(False)
                self._take(limits.KNOWN_PLACE, subject, network)
                return
            hashing.is_stranger.set(True)
            self._take(limits.NETWORK, network)
            self._take(limits.PAIR, subject, network)
            self._take_account(subject, user, invite)
        except TooManyAttempts:
            tally.limited += 1
            self.give_back()
            raise

    def give_back(self) -> None:
        """It was right, or it was refused for another count: it does not count."""
        for limit, subject in self.taken:
            self.counters.give_back(limit, *subject)
        self.taken.clear()

    def _take_account(self, subject: str, user: User | None, invite: Callable[[User], None]) -> None:
        try:
            self._take(limits.ACCOUNT, subject)
        except TooManyAttempts as error:
            if user is not None:
                invite(user)
            raise TooManyAttempts(
                "Wrong passwords for this account come from many networks. If the account is yours and has a confirmed"
                " address, a mail to it lets you in from here; or sign in from where you did before.",
                error.retry_after_seconds,
            ) from error

    def _take(self, limit: Limit, *subject: str) -> None:
        self.counters.take(limit, *subject)
        self.taken.append((limit, subject))
