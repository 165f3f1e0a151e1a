"""Intents: uploads name the digests they are about to store, so that orphan collection keeps its hands off.

Upload: `declare`, put the bytes, `publish_file`, `withdraw`. Collection: `claim_for_sweep`, delete, `withdraw`. Both
commit their own row before they look for the other's, so at least one of two that meet steps back. An intent that
ends without a file is what orphan collection works from: it never has to list the store.

No clock ends an upload that runs. One that ended says so (its lease ends with its beginning); one whose lease ran out
was cut off by a crash, or the machine's time was set: whoever collects has watched it (`Watch`) for a whole lease by
then, on a clock that nobody sets.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F, Q

from holdfast.clock import Clock
from holdfast.control.database import database_guard, held_transaction
from holdfast.control.prepared import Prepared, PreparedDelete, insert
from holdfast.control.projects.models import File, Intent
from holdfast.control.staging.referenced import staged_digests
from holdfast.core.errors import Unavailable

UPLOAD_LEASE_SECONDS = 2 * 3600  # longer than the slowest accepted upload needs from its first to its last byte
WATCHED_MAX = 50_000  # intents that ran out, watched at once: 10 MB
SWEEP_LEASE_SECONDS = 60.0  # a sweeper that takes longer between claim and delete does not delete

_OPEN = Q(lease_until__gt=F("created"))  # not ended by whoever began it


_sweeps = Prepared(
    lambda digests, now: Intent.objects.filter(sha256__in=digests, sweep=True, lease_until__gt=now).values_list(
        "pk", flat=True
    )[:1]
)
_left = Prepared(lambda ids: Intent.objects.filter(pk__in=ids).values_list("pk", flat=True)[:1])
_delete = PreparedDelete(lambda ids: Intent.objects.filter(pk__in=ids))


def declare(digests: Sequence[str], clock: Clock, deadline: float) -> tuple[int, ...]:
    """Say that these digests are about to be stored. Give the answer to `withdraw` when done.

    Raises Unavailable when one of them is being deleted right now (a moment later it is not), or the database is.
    """
    digests = [digest for digest in digests if digest]
    ids = _commit(digests, False, UPLOAD_LEASE_SECONDS, clock, deadline)
    with database_guard():  # our rows are committed: whoever sweeps from here on sees them
        swept = _sweeps.any(digests, clock.now())
    if swept:
        withdraw(ids, clock, deadline)
        raise Unavailable("an abandoned copy of these bytes is being cleared away; try again", retry_after_seconds=2)
    return ids


class Watch:
    """What one collector has seen of intents whose lease ran out: since when, in monotonic seconds."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def over(self, ids: Collection[int], now: float) -> set[int]:
        """Those seen for longer than any upload takes. `ids`: all that have run out; others are forgotten."""
        self._since = {pk: self._since.get(pk, now) for pk in ids}
        return {pk for pk, since in self._since.items() if now - since >= UPLOAD_LEASE_SECONDS}


def claim_for_sweep(digest: str, clock: Clock, deadline: float, over: Collection[int] = ()) -> tuple[int, ...] | None:
    """Claim one digest for deletion; None when an upload or a file needs it. `over`: intents known to have ended."""
    ids = _commit([digest], True, SWEEP_LEASE_SECONDS, clock, deadline)
    with held_transaction(clock, deadline):
        wanted = Intent.objects.filter(_OPEN, sha256=digest, sweep=False).exclude(pk__in=over).exists()
        wanted = wanted or bool(referenced([digest]))
    if wanted:
        withdraw(ids, clock, deadline)
        return None
    return ids


def fulfil(ids: Sequence[int]) -> None:
    """Forget intents in the very transaction that makes a file need their digests. Withdrawing them is free then."""
    _delete(ids)


def withdraw(ids: Sequence[int], clock: Clock, deadline: float) -> None:
    """End intents. Digests that no file came to need are left for the next sweep to look at."""
    with database_guard():
        if not _left.any(ids):
            return
    with held_transaction(clock, deadline):
        rows = list(Intent.objects.filter(pk__in=ids))
        needed = referenced([row.sha256 for row in rows])
        done = [row.pk for row in rows if row.sweep or row.sha256 in needed]
        Intent.objects.filter(pk__in=ids).update(lease_until=F("created"))
        Intent.objects.filter(pk__in=done).delete()


def abandoned(clock: Clock, watch: Watch, rows_max: int) -> dict[str, list[int]]:
    """Digests whose uploads are over or cut off, with their oldest intents. Raises DatabaseUnavailable."""
    found: dict[str, list[int]] = {}
    with database_guard():
        ran_out = Intent.objects.filter(_OPEN, lease_until__lte=clock.now()).order_by("lease_until", "pk")
        over = watch.over(list(ran_out.values_list("pk", flat=True)[:WATCHED_MAX]), clock.monotonic())
        ended = Intent.objects.filter(~_OPEN).order_by("lease_until", "pk").values_list("pk", "sha256")[:rows_max]
        cut_off = Intent.objects.filter(pk__in=sorted(over)[:rows_max]).values_list("pk", "sha256")
        for pk, digest in [*ended, *cut_off][:rows_max]:
            found.setdefault(digest, []).append(pk)
    return found


def forget(ids: Sequence[int], clock: Clock, deadline: float) -> None:
    """Delete intents that were dealt with."""
    with held_transaction(clock, deadline):
        Intent.objects.filter(pk__in=ids).delete()


def leave_behind(digests: Iterable[str], now: datetime) -> None:
    """Have the next sweep look at these digests, and delete those that nothing needs. In the caller's transaction."""
    Intent.objects.bulk_create(
        Intent(sha256=digest, created=now, lease_until=now) for digest in sorted({*digests} - {""})
    )


def keep_until(digests: Iterable[str], until: datetime, now: datetime) -> None:
    """Keep these digests until then, and have the next sweep after it look at them. In the caller's transaction."""
    Intent.objects.bulk_create(
        Intent(sha256=digest, created=now, lease_until=until) for digest in sorted({*digests} - {""})
    )


def referenced(digests: Sequence[str]) -> set[str]:
    """Those of the digests that a file that was not taken down needs, as bytes, metadata or provenance.

    A staged file needs them as a listed one does, while its session lives.
    """
    kept = File.objects.filter(removed=False)
    found = staged_digests(digests)
    for column in ("sha256", "metadata_sha256", "provenance_sha256"):
        found.update(kept.filter(**{f"{column}__in": list(digests)}).values_list(column, flat=True))
    return found


def _commit(digests: Sequence[str], sweep: bool, seconds: float, clock: Clock, deadline: float) -> tuple[int, ...]:
    now = clock.now()
    with held_transaction(clock, deadline):
        until = now + timedelta(seconds=seconds)
        rows = [Intent(sha256=digest, sweep=sweep, created=now, lease_until=until) for digest in digests]
        for row in rows:
            insert(row)
    return tuple(row.pk for row in rows)
