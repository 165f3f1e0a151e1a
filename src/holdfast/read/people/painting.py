"""The helper's half of making pages: from a job to finished bytes. Nothing else here loads templates."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from hashlib import sha256
from typing import Any

from holdfast.core.core_metadata import MetadataRules, parse
from holdfast.core.errors import Outcome, Refused
from holdfast.core.legacy_json import metadata_source, newest_version
from holdfast.core.simple_json import url_segment
from holdfast.pages import render
from holdfast.read.people import project
from holdfast.read.people.feed_xml import Channel, Item, feed
from holdfast.read.people.jobs import Brief, FeedJob, Frame, Painted, PlainJob, ProjectJob, Wanted
from holdfast.read.people.links import links_of, proven_repositories
from holdfast.read.people.readme import described
from holdfast.read.people.snippets import install
from holdfast.read.render import Job
from holdfast.tree.record import decode_record
from holdfast.tree.rendered import compress_page

RELEASES_OPEN = 12  # versions listed at once; the others unfold
RELEASES_IN_FEED = 40  # as on the public index
RELEASES_MAX = 2000  # listed at all: beyond it a page would have megabytes


def plain(job: PlainJob) -> Painted:
    """A page that is all template."""
    return _painted(job.frame, job.template, job.context)


def look(jobs: Sequence[Job], asked_version: str) -> Wanted:
    """What has to be read before a project's page can be made. Raises Absent, Refused, Removed, Corrupt."""
    return project.wanted(project.shown(jobs, asked_version), jobs)


def project_page(job: ProjectJob) -> Painted:
    """A project's page. Raises Absent, Refused, Removed, Corrupt."""
    found = project.shown(job.jobs, job.asked_version)
    about = project.about(job.metadata)
    record, frame = found.record, job.frame
    requirement = record.name if found.is_newest else f"{record.name}=={found.version}"
    own = [f"{frame.place.url}/project/{record.name}"]
    context = {
        "found": found,
        "record": record,
        "about": about,
        "description": described(about.description, about.description_type, images=job.images),
        "files": project.file_rows(found),
        "links": links_of(
            about.project_urls or {}, about.home_page, about.download_url, proven_repositories(job.provenance), own
        ),
        "release": next((one for one in found.releases if one.version == found.version), None),
        "releases": found.releases[:RELEASES_MAX],
        "releases_open": RELEASES_OPEN,
        "origins": job.origins,
        "trouble": job.trouble,
        "snippets": install(frame.place, requirement),
        "requires_python": about.requires_python
        or next((f.requires_python for f in found.files if f.requires_python), ""),
        "is_hosted": any(not origin.upstream for origin in job.origins),
    }
    return replace(_painted(frame, "project.html", context), valid_until=found.valid_until)


def project_feed(job: FeedJob) -> Painted:
    """The feed of a project's releases, the newest uploads first. Raises Absent, Refused, Corrupt."""
    found = project.shown(job.jobs, "")
    record, frame = found.record, job.frame
    if record.status == "quarantined":
        why = f": {record.status_reason}" if record.status_reason else ""
        raise Refused(f"{record.name} is in quarantine{why}")
    page = f"{frame.place.url}/project/{record.name}/"
    dated = [(one.uploaded, one) for one in found.releases if one.uploaded is not None]
    dated.sort(key=lambda pair: pair[0], reverse=True)
    items = [
        Item(f"{record.display} {one.version}", f"{page}{url_segment(one.version)}/", _told(one), uploaded)
        for uploaded, one in dated[:RELEASES_IN_FEED]
    ]
    channel = Channel(f"Releases of {record.display}", page, job.own_url, f"What {record.display} released last")
    body = feed(job.format, channel, items)
    return Painted(compress_page(body, frame.encoding), sha256(body).hexdigest()[:32], found.valid_until)


def _told(release: project.Release) -> str:
    if release.yanked:
        return f"Yanked: {release.yanked_reason}" if release.yanked_reason else "Yanked"
    return f"{release.file_count} file{'' if release.file_count == 1 else 's'}"


def briefs(stored: Sequence[tuple[bytes, str]], removed: Set[str]) -> list[Brief | None]:
    """What lists tell of projects, from their records (with digests); None for one that cannot be read."""
    return [_brief(data, digest, removed) for data, digest in stored]


def summaries(documents: Sequence[bytes]) -> list[str]:
    """The one-line summaries in these core metadata documents, "" where there is none."""
    found = [parse(document, MetadataRules()).metadata for document in documents]
    return [" ".join(one.summary.split())[:300] if one is not None else "" for one in found]


def _brief(data: bytes, digest: str, removed: Set[str]) -> Brief | None:
    try:
        record = decode_record(data, digest)
        record = replace(record, files=tuple(file for file in record.files if file.sha256 not in removed))
        version = newest_version(record.files)
        source = metadata_source(record, version) if version and record.status != "quarantined" else None
    except Outcome:
        return None
    uploads = [file.upload_time for file in record.files if file.version == version and file.upload_time is not None]
    return Brief(
        record.name,
        record.display,
        record.status,
        version,
        max(uploads, default=None),
        "",
        source.metadata_sha256 if source is not None and source.metadata_sha256 not in removed else "",
    )


def _painted(frame: Frame, template: str, context: Mapping[str, Any]) -> Painted:
    page = render(
        template,
        site=frame.site,
        root=frame.root,
        place=frame.place,
        index=frame.index,
        now=frame.now,
        notices=frame.notices,
        **context,
    ).encode("utf-8", "replace")
    return Painted(compress_page(page, frame.encoding), sha256(page).hexdigest()[:32])
