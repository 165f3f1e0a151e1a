"""The overview of indexes: what lies under each, and what may come in. Only of those that anybody may read."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from holdfast.config import Config, IndexConfig, UpstreamConfig

DENIALS_SHOWN_MAX = 20
_ADVISORIES = {"malware": "malware", "all": "malware or vulnerable"}


@dataclass(frozen=True, slots=True)
class Layer:
    name: str
    where: str  # the upstream's host; "" for an index of this instance


@dataclass(frozen=True, slots=True)
class Overview:
    """One public index as a page tells of it."""

    name: str
    url: str
    root: str  # its path below the host, ends in a slash
    layers: tuple[Layer, ...]
    rules: tuple[str, ...]  # sentences
    denials: tuple[tuple[str, str], ...]
    denial_count: int


def overviews(config: Config, decided: Iterable[tuple[str, str, str]], *, has_advisories: bool) -> tuple[Overview, ...]:
    """The public indexes. `decided`: what operators denied meanwhile, as (index or "*", what, reason)."""
    private = {index.name for index in config.indexes if index.private}
    denied = list(decided)
    told = has_advisories
    return tuple(_overview(config, index, private, denied, told) for index in config.indexes if not index.private)


def _overview(
    config: Config, index: IndexConfig, private: set[str], decided: list[tuple[str, str, str]], has_advisories: bool
) -> Overview:
    layers = tuple(_layer(config, name) for name in index.layers if name not in private)
    denials = [*index.deny, *((what, why) for where, what, why in decided if where in (index.name, "*"))]
    url = config.index_url(index.name)
    return Overview(
        index.name,
        url,
        urlsplit(url).path.rstrip("/") + "/",
        layers,
        tuple(_rules(index, [one for name in index.layers if (one := config.upstream(name))], has_advisories)),
        tuple(denials[:DENIALS_SHOWN_MAX]),
        len(denials),
    )


def _layer(config: Config, name: str) -> Layer:
    upstream = config.upstream(name)
    return Layer(name, urlsplit(upstream.url).hostname or "" if upstream is not None else "")


def _rules(index: IndexConfig, upstreams: list[UpstreamConfig], has_advisories: bool) -> Iterable[str]:
    """What upstream files are held to, a sentence each."""
    if not upstreams:
        return
    cooldown = max([index.cooldown_seconds, *(upstream.cooldown_seconds for upstream in upstreams)])
    if cooldown:
        yield f"Files younger than {_long(cooldown)} are held back."
    if index.cooldown_for:
        yield "Some projects have a waiting time of their own."
    if index.allow:
        yield "Only projects on a list may come in."
    if has_advisories and index.advisories in _ADVISORIES:
        yield f"Versions that an advisory calls {_ADVISORIES[index.advisories]} are refused."
    if "hash" in index.require:
        yield "Files without a sha256 digest are refused."
    if "provenance" in index.require:
        yield "Files without provenance are refused."
    if index.licenses_denied:
        yield f"Files under {', '.join(index.licenses_denied)} are refused."
    if index.file_bytes_max:
        yield f"Files larger than {index.file_bytes_max:,} bytes are refused."


def _long(seconds: int) -> str:
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
