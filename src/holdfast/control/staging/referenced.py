"""Which stored bytes staged files need. A module of its own: intents.py asks, and the actions use that."""

from collections.abc import Sequence

from holdfast.control.projects.models import Removal
from holdfast.control.staging.models import LIVE, StagedFile

DIGEST_COLUMNS = ("sha256", "metadata_sha256", "provenance_sha256")


def staged_digests(digests: Sequence[str] | None = None) -> set[str]:
    """Those of the digests (None: of all) that a file of a live session needs, unless its bytes were taken down."""
    kept = StagedFile.objects.filter(session__status__in=LIVE)
    kept = kept.exclude(sha256__in=Removal.objects.values("sha256"))
    found: set[str] = set()
    for column in DIGEST_COLUMNS:
        wanted = kept if digests is None else kept.filter(**{f"{column}__in": list(digests)})
        found.update(wanted.values_list(column, flat=True))
    return found - {""}
