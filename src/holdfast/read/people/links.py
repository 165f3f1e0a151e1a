"""A release's links: which of them may be shown as links, and which are proven to be the publisher's own. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

_SCHEMES = ("http", "https")
LINKS_MAX = 40  # of a release; generated metadata has had thousands
LABEL_CHARS_MAX = 64
_UNFIT = re.compile(r"[\s<>\"\\^`{|}]")  # what no address has as it is (RFC 3986); browsers would encode it themselves


@dataclass(frozen=True, slots=True)
class Link:
    """`url` is "" when what was given is no address of the web: it is shown as text."""

    label: str
    text: str
    url: str
    verified: bool = False


def links_of(
    urls: Mapping[str, str], home_page: str, download_url: str, proven: Iterable[str], own_pages: Iterable[str]
) -> tuple[Link, ...]:
    """The links in the order given, each address once. `proven` are repositories, `own_pages` addresses here."""
    given = [*urls.items(), ("Homepage", home_page), ("Download", download_url)]
    repositories = [normal(url) for url in proven]
    pages = [normal(url) for url in own_pages]
    seen: set[str] = set()
    links: list[Link] = []
    for label, text in given:
        text = text.strip()
        if not text or text in seen or len(links) == LINKS_MAX:
            continue
        seen.add(text)
        url = encoded(text) if _is_web(text) else ""
        links.append(
            Link(
                label.strip()[:LABEL_CHARS_MAX] or "Link",
                text,
                url,
                bool(url) and _is_proven(text, repositories, pages),
            )
        )
    return tuple(links)


def proven_repositories(documents: Iterable[bytes]) -> list[str]:
    """Source repositories that certificates name: whoever signed the files built them there (PEP 740).

    Only what this index verified at upload is believed: it writes such publishers as certificates itself.
    """
    found: list[str] = []
    for document in documents:
        try:
            bundles = json.loads(document)["attestation_bundles"]
            publishers = [bundle["publisher"] for bundle in bundles]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        for publisher in publishers:
            claims = publisher.get("claims") if isinstance(publisher, dict) else None
            if isinstance(claims, dict) and publisher.get("kind") == "certificate":
                repository = claims.get("source_repository")
                if isinstance(repository, str) and _is_web(repository):
                    found.append(repository)
    return list(dict.fromkeys(found))


def encoded(url: str) -> str:
    """The same address, as one that is valid on a page."""
    return _UNFIT.sub(lambda one: quote(one[0], safe=""), url)


def normal(url: str) -> str:
    """Host and path, so that a slash, `.git` or upper case of a host make no difference."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{(parts.netloc or '').lower()}{parts.path.rstrip('/').removesuffix('.git')}"


def _is_proven(url: str, repositories: list[str], pages: list[str]) -> bool:
    """A repository proves its own pages: its issues, its documentation in it. A page here proves only itself."""
    path = unquote(urlsplit(url).path)
    if "\\" in url or any(part in (".", "..") for part in path.split("/")):
        return False  # a browser would walk back out of the repository
    found = normal(url)
    return found in pages or any(found == one or found.startswith(f"{one}/") for one in repositories)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.netloc) and "@" not in parts.netloc and url.isprintable()
