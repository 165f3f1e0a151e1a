"""What a release still takes, as data: the part of a rule profile that looks at what is there already, or not yet."""

from dataclasses import dataclass

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """By default a release takes whatever fits its name."""

    one_sdist: bool = False
    distinct_content: bool = False  # the same bytes have one filename in a project
    open_seconds: int = 0  # after its first file a release takes new files for so long; 0 = for ever
    project_bytes_max: int = 0  # of listed files, where no quota says otherwise; 0 = as much as fits
    hold_imitations: bool = False  # a new project one slip from a popular name is hidden until a moderator looks


NO_RULES = ReleaseRules()
