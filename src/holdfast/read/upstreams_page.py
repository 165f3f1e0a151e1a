"""The page for people at `/upstreams`: how each upstream is doing, as pull tells it. Pure, small, without scripts.

It is put together here, in the common design but without the template engine: a front tells it while all else is dead.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from holdfast.config import UpstreamConfig
from holdfast.pages.assets import asset_path

NO_PULL = "The pull process does not answer: no upstream is asked. What is kept is served; everything else is 503."
_WAYS_ON = (("browse/", "Browse"), ("set-up/", "Set up"), ("indexes/", "Indexes"), ("account/", "Account"))
_LEDE = '<p class="lede">As the process that asks them tells it, at this moment.</p>'
_AGES = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_HEADS = ("Upstream", "State", "Last answer", "Hit rate, last day", "Under way", "Last failure")


def upstreams_page(
    upstreams: Iterable[UpstreamConfig], status: Mapping[str, Any] | None, now: datetime, root: str = "/"
) -> bytes:
    """The page as HTML. `status` is pull's, None when it does not answer; every value in it is escaped."""
    configured = list(upstreams)
    told = {str(found.get("name")): found for found in (status or {}).get("upstreams", [])}
    notes = []
    if configured and status is None:
        notes.append(f'<div class="notice notice-danger" role="alert"><p>{NO_PULL}</p></div>')
    if not configured:
        notes.append("<p>No upstream is configured: this index has what was uploaded to it.</p>")
    rows = "".join(_row(one, told.get(one.name), now) for one in configured)
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    table = (
        '<div class="table table-stack" tabindex="0" role="region" aria-label="Upstreams"><table>'
        f'<caption class="unseen">Upstreams</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return _document(escape(root), "".join(notes) + (table if rows else "")).encode()


def _document(root: str, body: str) -> str:
    ways = "".join(f'<li><a href="{root}{path}">{text}</a></li>' for path, text in _WAYS_ON)
    mark = f'<img src="{root}{asset_path("mark.svg")}" alt="" width="28" height="28">'
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Upstreams · Holdfast</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        '<meta name="color-scheme" content="light dark">'
        f'<link rel="stylesheet" href="{root}{asset_path("holdfast.css")}">'
        f'<link rel="icon" type="image/svg+xml" href="{root}{asset_path("favicon.svg")}"></head><body>'
        '<a class="skip" href="#main">Skip to the content</a><header class="site-header"><div class="bar">'
        f'<a class="brand" href="{root}">{mark}<span>Holdfast</span></a>'
        f'<form class="find" role="search" action="{root}search/" method="get">'
        '<label class="unseen" for="header-q">Search projects by name</label>'
        '<input id="header-q" type="search" name="q" placeholder="Find a project" maxlength="200" autocomplete="off"'
        ' spellcheck="false" autocapitalize="none">'
        '<button type="submit">Search</button></form>'
        f'<nav class="site-nav" aria-label="Main"><ul>{ways}</ul></nav></div></header>'
        f'<main id="main" tabindex="-1"><h1>Upstreams</h1>{_LEDE}{body}</main><footer class="site-footer">'
        f'<div class="bar"><p>Installs go on without them, for whatever is kept here.</p>'
        f'<nav aria-label="Footer"><ul>{ways}</ul></nav></div></footer></body></html>\n'
    )


def _row(one: UpstreamConfig, found: Mapping[str, Any] | None, now: datetime) -> str:
    address = "<br>".join(escape(_without_userinfo(url)) for url in (one.url, *one.mirrors))
    name = f'<th scope="row">{escape(one.name)}<br><small>{address}</small></th>'
    if found is None:
        return f'<tr>{name}<td colspan="{len(_HEADS) - 1}">unknown</td></tr>'
    rate = found.get("hit_rate")
    cells = (
        _state(found),
        f'<span class="narrow">answered </span>{_age(found.get("last_success"), now) or "never"}',
        f'{rate:.0%}<span class="narrow"> hits</span>' if isinstance(rate, int | float) else "",
        f"{_count(found.get('pages_in_flight'), 'page')}, {_count(found.get('files_in_flight'), 'file')}",
        _failure(found, now),
    )
    return f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _state(found: Mapping[str, Any]) -> str:
    if found.get("off"):
        until = f" until {escape(str(found['off_until'])[:19].replace('T', ' '))} UTC" if found.get("off_until") else ""
        reason = f": {escape(str(found['off_reason']))}" if found.get("off_reason") else ""
        return f'<span class="badge badge-warning">off</span>{until}, by {escape(str(found.get("off_by")))}{reason}'
    if found.get("breaker_open"):
        return '<span class="badge badge-danger">not answering</span>'
    return "answering" if found.get("last_success") else "not asked yet"


def _failure(found: Mapping[str, Any], now: datetime) -> str:
    age = _age(found.get("last_failure"), now)
    told = escape(str(found.get("last_failure_reason")))
    return f'<span class="narrow">failed </span>{age}: {told}' if age else ""


def _age(moment: Any, now: datetime) -> str:
    """How long ago, in the largest whole unit; '' for never."""
    try:
        seconds = (now - datetime.fromisoformat(str(moment))).total_seconds() if moment else None
    except (TypeError, ValueError):
        return ""
    if seconds is None:
        return ""
    unit, size = next((one for one in _AGES if seconds >= one[1]), _AGES[-1])
    return f"{_count(max(0, int(seconds // size)), unit)} ago"


def _count(number: Any, noun: str) -> str:
    """`1 page`, `3 pages`."""
    return escape(f"{number or 0} {noun}{'' if number == 1 else 's'}")


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
