"""Where the second bucket of a pair lies and what opens it, when that is another server than the first one's.

The providers' variables are one set for a whole process. `PAIR_AWS_ENDPOINT_URL` is what `AWS_ENDPOINT_URL` is, for the
bucket that `store_pair` names alone, and so with every other `AWS_` variable; what is not given so is as for the first.
"""

from collections.abc import Mapping

_PREFIX = "PAIR_"
_OF_BUCKETS = f"{_PREFIX}AWS_"


def pair_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The second bucket's own variables, by their standard names; an empty value counts as none."""
    return {
        name.removeprefix(_PREFIX): value for name, value in environ.items() if name.startswith(_OF_BUCKETS) and value
    }
