"""The page for people at `/upstreams`: how each upstream is doing, as pull tells it. Pure, small, without scripts."""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import urlsplit

from holdfast.config import UpstreamConfig

NO_PULL = "The pull process does not answer: no upstream is asked. What is kept is served; everything else is 503."
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;"
    "border-bottom:1px solid #ccc}.bad{font-weight:bold}"
)
# The page's one policy: its own style, named by its digest, and nothing else, inline or not.
_STYLE_DIGEST = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; frame-ancestors 'none'; base-uri 'none'"
_HEADS = ("Upstream", "State", "Last answer", "Hit rate, last day", "Under way", "Last failure")


def upstreams_page(upstreams: Iterable[UpstreamConfig], status: Mapping[str, Any] | None, now: datetime) -> bytes:
    """The page as HTML. `status` is pull's, None when it does not answer; every value in it is escaped."""
    configured = list(upstreams)
    told = {str(found.get("name")): found for found in (status or {}).get("upstreams", [])}
    notes = []
    if configured and status is None:
        notes.append(f'<p class="bad" role="alert">{NO_PULL}</p>')
    if not configured:
        notes.append("<p>No upstream is configured: this index has what was uploaded to it.</p>")
    rows = "".join(_row(one, told.get(one.name), now) for one in configured)
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Upstreams</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body><main><h1>Upstreams</h1>{''.join(notes)}{table}</main></body></html>\n"
    ).encode()


def _row(one: UpstreamConfig, found: Mapping[str, Any] | None, now: datetime) -> str:
    address = "<br>".join(escape(_without_userinfo(url)) for url in (one.url, *one.mirrors))
    name = f'<th scope="row">{escape(one.name)}<br><small>{address}</small></th>'
    if found is None:
        return f'<tr>{name}<td colspan="{len(_HEADS) - 1}">unknown</td></tr>'
    rate = found.get("hit_rate")
    cells = (
        _state(found),
        _age(found.get("last_success"), now) or "never",
        f"{rate:.0%}" if isinstance(rate, int | float) else "",
        escape(f"{found.get('pages_in_flight', 0)} pages, {found.get('files_in_flight', 0)} files"),
        _failure(found, now),
    )
    return f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _state(found: Mapping[str, Any]) -> str:
    if found.get("off"):
        until = f" until {escape(str(found['off_until'])[:19].replace('T', ' '))} UTC" if found.get("off_until") else ""
        reason = f": {escape(str(found['off_reason']))}" if found.get("off_reason") else ""
        return f'<span class="bad">off</span>{until}, by {escape(str(found.get("off_by")))}{reason}'
    if found.get("breaker_open"):
        return '<span class="bad">not answering</span>'
    return "answering" if found.get("last_success") else "not asked yet"


def _failure(found: Mapping[str, Any], now: datetime) -> str:
    age = _age(found.get("last_failure"), now)
    return f"{age}: {escape(str(found.get('last_failure_reason')))}" if age else ""


def _age(moment: Any, now: datetime) -> str:
    """How long ago, to the second; '' for never."""
    try:
        seconds = (now - datetime.fromisoformat(str(moment))).total_seconds() if moment else None
    except (TypeError, ValueError):
        return ""
    return f"{timedelta(seconds=max(0, int(seconds)))} ago" if seconds is not None else ""


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
