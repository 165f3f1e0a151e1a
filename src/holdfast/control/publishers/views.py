"""`/_/oidc/...` as uv, pdm and twine ask it, and PEP 807's discovery document. Errors are what these clients print.

They derive the addresses from the host of the upload URL, so everything lies at the host's root; `/_/oidc/<index>/`
has the same for one index alone, for clients that follow the discovery document.
"""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

from holdfast.config import DEFAULT_INDEX, Config
from holdfast.control.http import client_of, method_not_allowed, parts_of, respond, spool_of
from holdfast.control.parts import Parts
from holdfast.control.publishers.identity_token import TOKEN_CHARS_MAX
from holdfast.control.publishers.mint import MintRefused, mint
from holdfast.control.publishers.tokens import burn_token
from holdfast.control.spool import spool_trouble, spooled_body
from holdfast.control.tokens.rate import TooMany
from holdfast.control.uploads.hold import deadline_of
from holdfast.core.errors import Outcome, Refused, Unavailable

BODY_BYTES_MAX = 2 * TOKEN_CHARS_MAX
DISCOVERY_TYPE = "application/vnd.pypi.pytp.v1+json"  # PEP 807
PATH_CHARS_MAX = 500

View = Callable[..., HttpResponse]


def _answers(method: str) -> Callable[[Callable[..., HttpResponse]], View]:
    """Answer one method, and whatever goes wrong in the form that clients read."""

    def decorate(view: Callable[..., HttpResponse]) -> View:
        @wraps(view)
        def answering(request: HttpRequest, **path: str) -> HttpResponse:
            if request.method != method:
                return method_not_allowed(request, method)
            try:
                parts = parts_of(request)
                if not parts.config.providers:
                    raise MintRefused("not-enabled", "trusted publishing is not switched on here", 404)
                if path and parts.config.index(path["index"]) is None:
                    raise MintRefused("not-enabled", "there is no such index", 404)
                return view(request, parts, **path)
            except MintRefused as error:
                return _refused(request, error)
            except Outcome as error:
                return _refused(request, _trouble(error))

        answering.routes = {method: view}  # type: ignore[attr-defined]  # for the rights matrix
        return answering

    return decorate


@_answers("GET")
def audience(request: HttpRequest, parts: Parts, index: str = "") -> HttpResponse:
    """What an identity token must be made for. What is switched off is told by the exchange, which clients print."""
    return _json(request, 200, {"audience": parts.config.audience(index)})


@_answers("POST")
def mint_token(request: HttpRequest, parts: Parts, index: str = "") -> HttpResponse:
    """Exchange an identity token."""
    token = _token_of(request, parts)
    made = mint(parts, token, index, client_of(request), _deadline(request, parts))
    expires = int(made.expires.timestamp())
    return _json(request, 200, {"success": True, "token": made.text, "expires": expires, "index": made.index})


@_answers("POST")
def burn(request: HttpRequest, parts: Parts) -> HttpResponse:
    """End a minted token. The answer is the same for every text, so that nobody can try out which are tokens."""
    if parts.exchange is not None:
        parts.exchange.burns.count(parts.clock, client_of(request))
    try:
        burn_token(parts.publisher, _token_of(request, parts), client_of(request), deadline=_deadline(request, parts))
    except MintRefused:
        pass
    return respond(request, 202, (("cache-control", "no-store"),), b"")


@_answers("GET")
def discovery(request: HttpRequest, parts: Parts) -> HttpResponse:
    """Where the upload URL whose path is `discover` has its endpoints."""
    index = _index_at(parts.config, request.GET.get("discover", ""))
    place = parts.config.base_url
    root = f"{urlsplit(place).scheme}://{urlsplit(place).netloc}/_/oidc/"
    if index != DEFAULT_INDEX:
        root += f"{index}/"
    document = {"audience-endpoint": f"{root}audience", "token-mint-endpoint": f"{root}mint-token"}
    return _json(request, 200, document, DISCOVERY_TYPE)


def _index_at(config: Config, path: str) -> str:
    """The index that is uploaded to at that path of this host. Raises MintRefused."""
    prefix = urlsplit(config.public_url).path
    wanted = path[:PATH_CHARS_MAX].removeprefix(prefix).rstrip("/")
    for index in config.indexes:
        if wanted == f"/{index.name}/legacy" or (wanted == "/legacy" and index.name == DEFAULT_INDEX):
            return index.name
    raise MintRefused("not-enabled", "nothing is uploaded to that path", 404)


def _token_of(request: HttpRequest, parts: Parts) -> str:
    """The field `token` of the JSON body. Raises MintRefused."""
    try:
        with spooled_body(parts.config.spool_folder, spool_of(request)) as body:
            data = body.read(BODY_BYTES_MAX + 1)
    except OSError as error:
        raise spool_trouble(error) from error
    try:
        found = json.loads(data) if len(data) <= BODY_BYTES_MAX else None
    except (ValueError, RecursionError):
        found = None
    token = found.get("token") if isinstance(found, dict) else None
    if not isinstance(token, str) or not token:
        raise MintRefused("invalid-payload", f'the body must be {{"token": ...}}, at most {BODY_BYTES_MAX} bytes')
    return token


def _deadline(request: HttpRequest, parts: Parts) -> float:
    return deadline_of(request.headers.get("X-Holdfast-Body-End", ""), parts.config.hold_seconds, parts.clock)


def _trouble(error: Outcome) -> MintRefused:
    match error:
        case TooMany():
            return MintRefused("rate-limited", error.reason, 429, error.retry_after_seconds)
        case Refused():
            return MintRefused("not-enabled", error.reason, 403)
        case Unavailable():
            return MintRefused("unavailable", error.reason, 503, error.retry_after_seconds)
    return MintRefused("unavailable", "this cannot be answered right now", 503, 5)


def _refused(request: HttpRequest, error: MintRefused) -> HttpResponse:
    """twine reads `message` and `errors`, and needs both."""
    errors = [{"code": error.code, "description": error.description}]
    answer = _json(request, error.status, {"message": "Token request failed", "errors": errors})
    if error.retry_after_seconds:
        answer["Retry-After"] = str(error.retry_after_seconds)
    return answer


def _json(
    request: HttpRequest, status: int, document: Mapping[str, Any], content_type: str = "application/json"
) -> HttpResponse:
    headers = (("content-type", content_type), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"))
    return respond(request, status, headers, json.dumps(document).encode() + b"\n")
