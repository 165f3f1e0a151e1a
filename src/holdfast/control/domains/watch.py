"""Looking after the mail domains of whoever can publish, and what follows when one is lost.

Lost is a domain that no longer exists or is about to be deleted, that was registered anew, or that is delegated to
wholly other name servers than when it was last well, seen twice. Its addresses are not confirmed any more, so nobody
gets a new password through them; the account goes on with its password and second factor, confirms another address, or
this one again. What cannot be known changes nothing.
"""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from allauth.account.models import EmailAddress
from django.db.models import Q

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.database import database_guard
from holdfast.control.domains.dns import Checker, Dns, Found
from holdfast.control.domains.models import LostAddress, MailDomain
from holdfast.control.domains.rdap import Registries
from holdfast.control.mail.queue import queue
from holdfast.control.projects.models import Role
from holdfast.control.publication.transaction import Publication, WriteTransaction, unpublished_transaction

log = structlog.get_logger()

EVERY = timedelta(hours=1)  # a domain is looked at; r45 went unnoticed for ten days
AGAIN = timedelta(minutes=10)  # when something was seen for the first time
BATCH_MAX = 50  # domains per call, two seconds each at worst
HOLD_SECONDS = 5.0
WATCHMAN = Actor("domain-watch", credential="machine")
_WHAT = {
    "gone": "does not exist any more",
    "lapsed": "was not renewed: its registry is about to delete it",
    "anew": "is in other hands: it was registered anew",
    "moved": "is in other hands: its name servers all changed",
}


def watch(config: Config, publisher: Publication, clock: Clock, checker: Checker | None = None) -> None:
    """Look at the domains that are due. Raises DatabaseUnavailable."""
    if checker is None:
        if not (config.domain_watch and config.mail_servers):
            return
        checker = configured(config)
    now = clock.now()
    for domain in _due(now):
        found = checker.look(domain)
        with database_guard():
            row, _ = MailDomain.objects.get_or_create(domain=domain)
        _judge(config, publisher, row, found, now)


def configured(config: Config) -> Checker:
    """Who is asked, as the settings have it."""
    dns = Dns(config.domain_resolvers)
    return Registries(dns, config.domain_registries) if config.domain_registries else dns


def is_lost(email: str) -> bool:
    """True for an address that was confirmed until its domain was lost."""
    return LostAddress.objects.filter(email=email.lower()).exists()


def found_again(email: str) -> None:
    """An address was confirmed anew: it is no longer lost, and its domain is taken as it is now."""
    LostAddress.objects.filter(email=email.lower()).delete()
    MailDomain.objects.filter(domain=domain_of(email)).update(servers=[], registered="", suspect="")


def domain_of(email: str) -> str:
    """The domain of an address."""
    return email.rpartition("@")[2].lower()


def _due(now: datetime) -> list[str]:
    """The domains of publishers' confirmed addresses that were not looked at for a while, longest first."""
    publishers = Q(user__roles__isnull=False) | Q(user__memberships__isnull=False) | Q(user__is_superuser=True)
    with database_guard():
        emails = EmailAddress.objects.filter(publishers, verified=True, user__is_active=True)
        domains = {domain_of(email) for email in emails.values_list("email", flat=True)}
        rows = {row.domain: row for row in MailDomain.objects.filter(domain__in=domains)}

    def waited(domain: str) -> timedelta:
        row = rows.get(domain)
        return timedelta.max if row is None or row.looked is None else now - row.looked

    due = [d for d in domains if waited(d) >= (AGAIN if d in rows and rows[d].suspect else EVERY)]
    return sorted(due, key=lambda domain: (-waited(domain).total_seconds(), domain))[:BATCH_MAX]


def _judge(config: Config, publisher: Publication, row: MailDomain, found: Found, now: datetime) -> None:
    seen = _seen(row, found)
    row.looked = now
    if seen and seen == row.suspect:
        _lose(config, publisher, row, _WHAT[seen])
        return
    row.suspect = seen
    if found.state == "there" and not seen:
        row.servers = sorted({*found.servers})
        row.registered = found.registered or row.registered
    with database_guard():
        row.save()


def _seen(row: MailDomain, found: Found) -> str:
    if found.state in ("gone", "lapsed"):
        return found.state
    if row.registered and found.registered > row.registered:
        return "anew"
    if found.state == "there" and row.servers and not set(row.servers) & set(found.servers):
        return "moved"
    return ""


def _lose(config: Config, publisher: Publication, row: MailDomain, what: str) -> None:
    """Addresses, audit and mails in one transaction."""
    with unpublished_transaction(publisher, WATCHMAN, publisher.clock.monotonic() + HOLD_SECONDS) as tx:
        row.servers, row.registered, row.suspect = [], "", ""
        row.save()
        lost = EmailAddress.objects.filter(email__iendswith=f"@{row.domain}", verified=True).select_related("user")
        for address in list(lost):
            address.verified = False
            address.save(update_fields=["verified"])
            LostAddress.objects.update_or_create(email=address.email, defaults={"since": tx.now})
            tx.audit("lose-address", address.user.username, address=address.email, what=what)
            _tell(tx, config, address, what)
    log.warning("the mail domain %s %s: its addresses are not believed any more", row.domain, what)


def _tell(tx: WriteTransaction, config: Config, address: EmailAddress, what: str) -> None:
    """The person at their other addresses; and whoever owns something together with them."""
    person = address.user
    facts = {"site": urlsplit(config.base_url).netloc, "url": f"{config.base_url}/account/email/", "what": what}
    for email in EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True):
        mine = {"user": person.username, "email": address.email, "domain": domain_of(address.email)}
        queue(tx, email, "domain-lost", {**facts, **mine})
    shared: dict[int, list[str]] = {}
    for role in Role.objects.filter(user=person).select_related("project"):
        for other in Role.objects.filter(project=role.project, role="owner").exclude(user=person):
            shared.setdefault(other.user_id, []).append(f"{role.project.index}/{role.project.name}")
    for owner in User.objects.filter(pk__in=shared, is_active=True):
        for email in EmailAddress.objects.filter(user=owner, verified=True, primary=True).values_list(
            "email", flat=True
        ):
            theirs = {"user": owner.username, "person": person.username, "projects": sorted(shared[owner.pk])}
            queue(tx, email, "co-owner-domain-lost", {**facts, **theirs})
