"""Rule profiles: what an index asks of uploads beyond the standards, as data."""

from dataclasses import dataclass, field

from holdfast.core.archive_limits import LIMITS, ArchiveLimits
from holdfast.core.core_metadata import VERSIONS, MetadataRules
from holdfast.core.release_rules import DAY_SECONDS, NO_RULES, ReleaseRules

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Profile:
    """One set of rules. The steps read it and decide nothing else."""

    name: str
    metadata: MetadataRules = field(default=MetadataRules())
    archive: ArchiveLimits = LIMITS
    release: ReleaseRules = NO_RULES
    file_bytes_max: int = 10 * 1024 * MIB
    normalized_filenames: bool = False  # the name inside a filename must be spelt in its normalised form
    zip_sdists: bool = True
    public_platforms: bool = False  # only the platform tags of core.platform_tags
    full_forms: bool = False  # the form must give kind, Python tag and a digest, as every current tool does
    exact_sdist_names: bool = False  # name and version as its PKG-INFO has them, normalised (PEP 625)
    known_classifiers: bool = False  # on the list of the installed trove-classifiers, and not deprecated
    rendered_descriptions: bool = False  # reStructuredText that docutils makes a page of
    new_projects_hourly: int = 0  # of one person, twice as many of one network; 0 = as many as they like


# An organisation's own index: what its build tools have written for years is taken, if it is unambiguous.
PRIVATE = Profile("private")

# What the public index asks of strangers.
PUBLIC = Profile(
    "public",
    metadata=MetadataRules(
        versions=tuple(v for v in VERSIONS if v != "2.0"),
        local_versions=False,
        direct_urls=False,
        summary_chars_max=512,
        web_links=True,
        mail_addresses=True,
    ),
    release=ReleaseRules(
        one_sdist=True,
        distinct_content=True,
        open_seconds=14 * DAY_SECONDS,
        project_bytes_max=10 * 1024 * MIB,
        hold_imitations=True,
    ),
    file_bytes_max=100 * MIB,
    normalized_filenames=True,
    zip_sdists=False,
    public_platforms=True,
    full_forms=True,
    exact_sdist_names=True,
    known_classifiers=True,
    rendered_descriptions=True,
    new_projects_hourly=20,
)

PROFILES = {profile.name: profile for profile in (PRIVATE, PUBLIC)}
