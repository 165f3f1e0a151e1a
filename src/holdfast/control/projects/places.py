"""What a release still takes: rules about files that are there already. Rule profiles say which hold, as data."""

from datetime import datetime, timedelta

from holdfast.control.projects.models import File, Release
from holdfast.control.projects.rights import NotAccepted
from holdfast.core.model import format_time
from holdfast.core.release_rules import DAY_SECONDS, ReleaseRules


def require_place(
    release: Release, filename: str, sha256: str, packagetype: str, rules: ReleaseRules, now: datetime
) -> None:
    """A new file of a release keeps the rules. Raises NotAccepted; the first rule that does not hold is told."""
    if rules.distinct_content:
        _require_distinct(release, filename, sha256)
    if rules.open_seconds:
        _require_open(release, rules.open_seconds, now)
    if rules.one_sdist and packagetype == "sdist":
        _require_first_sdist(release, filename)


def _require_distinct(release: Release, filename: str, sha256: str) -> None:
    files = File.objects.filter(project_id=release.project_id, sha256=sha256, deleted=None).exclude(filename=filename)
    other = files.order_by("filename").first()
    if other is not None:
        # The first words are those that upload tools know (`--skip-existing`).
        raise NotAccepted(
            f"File already exists ({other.filename!r} has the same bytes, with sha256 hash {sha256!r})."
            " Upload it under that name, or build it again."
        )


def _require_open(release: Release, open_seconds: int, now: datetime) -> None:
    closed = release.created + timedelta(seconds=open_seconds)
    if now >= closed:
        raise NotAccepted(
            f"release {release.version!r} of {release.project.name!r} is closed: it takes new files for"
            f" {open_seconds // DAY_SECONDS} days, which ended at {format_time(closed)}. Publish a new version"
        )


def _require_first_sdist(release: Release, filename: str) -> None:
    other = release.files.filter(packagetype="sdist", deleted=None).exclude(filename=filename).first()
    if other is not None:
        raise NotAccepted(
            f"release {release.version!r} of {release.project.name!r} has an sdist, {other.filename!r}, and takes no"
            f" second one ({filename!r}). Publish a new version"
        )
