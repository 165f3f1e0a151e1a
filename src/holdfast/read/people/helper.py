"""The process that makes pages for people: apart from the one for installers' pages, which never waits for it.

It is held to limits from outside of what it runs: its memory, and the seconds of one job. Descriptions are strangers'
text, and three libraries read them.
"""

import faulthandler
import os
import resource
from collections.abc import Callable, Sequence, Set
from functools import partial
from typing import ParamSpec, TypeVar

from holdfast.read.people.jobs import Brief, FeedJob, Painted, PlainJob, ProjectJob, Wanted
from holdfast.read.render import Job
from holdfast.read.workers import Helper

P = ParamSpec("P")
T = TypeVar("T")

WAITING_MAX = 32  # jobs; a page takes 5 to 30 ms, a long description up to RENDER_SECONDS_MAX (readme.py)
JOB_SECONDS_MAX = 15.0  # then the process ends, whatever it is in the middle of
MEMORY_BYTES_MAX = 1024 * 1024 * 1024  # of address space; it uses some 150 MB of it when it starts


class PagesHelper(Helper):
    """A helper whose work is named, so that a front need not load what the work needs."""

    def __init__(self, job_seconds_max: float = JOB_SECONDS_MAX) -> None:
        super().__init__("pages", WAITING_MAX)
        self._job_seconds_max = job_seconds_max

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work`, one of the functions below. Raises what it raises, and Unavailable."""
        return await self.run(_limited, self._job_seconds_max, partial(work, *args, **kwargs))


def _limited(seconds_max: float, work: Callable[[], T]) -> T:
    """Runs in the helper."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, hard))
    with open(os.devnull, "w") as nowhere:
        # A thread without the interpreter's lock: it also ends what is stuck inside a library.
        faulthandler.dump_traceback_later(seconds_max, exit=True, file=nowhere)
        try:
            return work()
        finally:
            faulthandler.cancel_dump_traceback_later()


# What there is to do. Each loads its half only where it runs.


def plain(job: PlainJob) -> Painted:
    """A page that is all template."""
    from holdfast.read.people import painting

    return painting.plain(job)


def look(jobs: Sequence[Job], asked_version: str) -> Wanted:
    """What has to be read before a project's page can be made. Raises Absent, Refused, Removed, Corrupt."""
    from holdfast.read.people import painting

    return painting.look(jobs, asked_version)


def project_page(job: ProjectJob) -> Painted:
    """A project's page. Raises Absent, Refused, Removed, Corrupt."""
    from holdfast.read.people import painting

    return painting.project_page(job)


def project_feed(job: FeedJob) -> Painted:
    """The feed of a project's releases. Raises Absent, Refused, Corrupt."""
    from holdfast.read.people import painting

    return painting.project_feed(job)


def briefs(stored: Sequence[tuple[bytes, str]], removed: Set[str]) -> list[Brief | None]:
    """What lists tell of projects, from their records (with digests); None for one that cannot be read.

    Nothing is told of bytes whose digests were `removed`.
    """
    from holdfast.read.people import painting

    return painting.briefs(stored, removed)


def summaries(documents: Sequence[bytes]) -> list[str]:
    """The one-line summaries in these core metadata documents, "" where there is none."""
    from holdfast.read.people import painting

    return painting.summaries(documents)
