"""Feeds as bytes: RSS 2.0 and Atom (RFC 4287). Pure; no strangers' text is more than text in them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

MEDIA_TYPES = {"rss": "application/rss+xml; charset=utf-8", "atom": "application/atom+xml; charset=utf-8"}
# What XML 1.0 has no way to say, not even escaped; and the lone surrogates of broken metadata.
_UNSAYABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is new."""

    title: str
    url: str  # absolute, and its name for ever
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Channel:
    """What the feed is about."""

    title: str
    url: str  # of the page that says the same
    own_url: str
    text: str


def feed(format: Literal["rss", "atom"], channel: Channel, items: Sequence[Item]) -> bytes:
    """The document; `items` newest first. A channel without items says that it is from the beginning of time."""
    lines = _rss(channel, items) if format == "rss" else _atom(channel, items)
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *lines, ""]).encode()


def _rss(channel: Channel, items: Sequence[Item]) -> Iterable[str]:
    yield '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">'
    yield "<channel>"
    yield f"<title>{_text(channel.title)}</title>"
    yield f"<link>{_text(channel.url)}</link>"
    yield f"<description>{_text(channel.text)}</description>"
    yield "<language>en</language>"
    yield f'<atom:link href={_attribute(channel.own_url)} rel="self" type="application/rss+xml"/>'
    for item in items:
        yield "<item>"
        yield f"<title>{_text(item.title)}</title>"
        yield f"<link>{_text(item.url)}</link>"
        yield f'<guid isPermaLink="true">{_text(item.url)}</guid>'
        yield f"<description>{_text(item.text)}</description>"
        yield f"<pubDate>{format_datetime(item.at.astimezone(UTC), usegmt=True)}</pubDate>"
        yield "</item>"
    yield "</channel>"
    yield "</rss>"


def _atom(channel: Channel, items: Sequence[Item]) -> Iterable[str]:
    newest = max((item.at for item in items), default=datetime(1970, 1, 1, tzinfo=UTC))
    yield '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
    yield f"<title>{_text(channel.title)}</title>"
    yield f"<subtitle>{_text(channel.text)}</subtitle>"
    yield f"<id>{_text(channel.own_url)}</id>"
    yield f"<updated>{_moment(newest)}</updated>"
    yield f"<author><name>{_text(channel.title)}</name></author>"
    yield f'<link rel="alternate" type="text/html" href={_attribute(channel.url)}/>'
    yield f'<link rel="self" type="application/atom+xml" href={_attribute(channel.own_url)}/>'
    for item in items:
        yield "<entry>"
        yield f"<title>{_text(item.title)}</title>"
        yield f"<id>{_text(item.url)}</id>"
        yield f'<link rel="alternate" type="text/html" href={_attribute(item.url)}/>'
        yield f"<updated>{_moment(item.at)}</updated>"
        yield f"<summary>{_text(item.text)}</summary>"
        yield "</entry>"
    yield "</feed>"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(text: str) -> str:
    return escape(_UNSAYABLE.sub("�", text))


def _attribute(text: str) -> str:
    return quoteattr(_UNSAYABLE.sub("�", text))
