"""What must be kept for an installation to succeed with every upstream dead, as values."""

from collections import defaultdict
from dataclasses import dataclass, field

from holdfast.core.lockfiles import Lock
from holdfast.core.names import is_sha256


@dataclass(frozen=True, slots=True)
class Want:
    """One address that must answer. `path` is below the index's root, `size` None while unknown."""

    path: str
    is_file: bool  # else a page or core metadata, which are small
    size: int | None = None

    @property
    def name(self) -> str:
        """What a person calls it: the file's name, or the page's path."""
        return self.path.rpartition("/")[2] or self.path


@dataclass(slots=True)
class Plan:
    """Everything to have, what cannot be had, and what no index protects."""

    wants: dict[str, Want] = field(default_factory=dict)  # by path
    projects: set[str] = field(default_factory=set)
    releases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # project -> versions of its files
    fetched: set[str] = field(default_factory=set)  # files that came here while it was found out what is needed
    missing: dict[str, str] = field(default_factory=dict)  # what -> why it cannot be had or found
    unprotected: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # origin -> filenames
    relock: list[str] = field(default_factory=list)  # commands that make a lock name this index
    notes: list[str] = field(default_factory=list)

    def want(self, want: Want) -> None:
        """Add it; a known size stays known."""
        known = self.wants.get(want.path)
        if known is None or (known.size is None and want.size is not None):
            self.wants[want.path] = want

    @property
    def sha256s(self) -> list[str]:
        """The digests of its files, as far as their addresses tell them."""
        digests = ["".join(want.path.split("/")[1:4]) for want in self.files if want.path.count("/") == 4]
        return sorted({digest for digest in digests if is_sha256(digest)})

    @property
    def files(self) -> list[Want]:
        return [want for want in self.wants.values() if want.is_file]


_RELOCK = {
    # Written into the project: a lock made with an option alone would be made anew by the next `uv sync` without it.
    "uv": "holdfast use uv --project --url {root} && uv lock",
    "poetry": "poetry source add --priority=primary holdfast {simple} && poetry lock",
    "pdm": "pdm config --local pypi.url {simple} && pdm lock --update-reuse",
    "pipfile": "pipenv lock --pypi-mirror {simple}",
    "pylock": "pip lock --index-url {simple} -r REQUIREMENTS -o {file}",
    "requirements": "sed -i -E '/^(-i|--(extra-)?index-url)/d' {file}",
}


def relock_command(file: str, lock: Lock, root: str) -> str:
    """The command that makes this lock name the index at `root` instead of other hosts, typed in the lock's folder."""
    return _RELOCK[lock.kind].format(root=root, simple=f"{root}/simple/", file=file)
