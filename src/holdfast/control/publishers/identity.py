"""What each kind of CI says of itself, what a publisher is held to, and what is worth keeping. Tables, and no I/O.

Names that a service compares without case are compared so here, in ASCII alone: no other letter folds into one of
these. Ids are what tells a recreated account or repository from the one that was meant (resurrection).

Claims: GitHub's and GitLab's documentation of their OpenID Connect tokens; RFC 7519 for the common ones.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from holdfast.config import ProviderConfig
from holdfast.core.errors import Outcome

Claims = Mapping[str, Any]
Wanted = Mapping[str, str]  # what a publisher was configured with

FACT_CHARS_MAX = 300
LABEL_CHARS_MAX = 200
_TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")
_ID = re.compile(r"[0-9]{1,20}")


class WrongIdentity(Outcome):
    """What somebody wants to configure describes no identity of that kind (400)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a publisher's description."""

    name: str
    pattern: re.Pattern[str]
    example: str
    required: bool = False
    default: str = ""
    folds: bool = False  # compared without case
    pins: str = ""  # the claim it equals; when not configured, it is pinned at first use


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of CI is described and recognised."""

    fields: tuple[Field, ...]
    lookup_field: str
    lookup_claim: str
    differing: Callable[[ProviderConfig, Wanted, Claims], list[str]]  # names of the fields that do not fit
    label: Callable[[Wanted], str]
    facts: tuple[str, ...]  # claims that are kept with a token and in the audit trail


_FACTS_GITHUB = (
    "repository repository_id repository_owner_id job_workflow_ref workflow_ref ref sha run_id run_attempt actor "
    "actor_id environment event_name runner_environment"
)
_FACTS_GITLAB = (
    "project_path project_id namespace_id ci_config_ref_uri ref sha pipeline_id pipeline_source job_id user_login "
    "user_id environment"
)
_STRANGERS_EVENTS = ("pull_request", "pull_request_target")  # started by whoever opens one, with the project's rights


def _differing_github(provider: ProviderConfig, wanted: Wanted, claims: Claims) -> list[str]:
    """The workflow is the file whose steps run: one that is called from elsewhere (reusable) is another's."""
    repository = f"{wanted['owner']}/{wanted['repository']}"
    wrong = []
    if not _same_folded(claims.get("repository"), repository):
        wrong.append("repository")
    if not _same_folded(claims.get("repository_owner"), wanted["owner"]):
        wrong.append("owner")
    source, at, revision = _text(claims, "job_workflow_ref").partition("@")
    file = f"/.github/workflows/{wanted['workflow']}"
    is_ours = source.endswith(file) and _same_folded(source.removesuffix(file), repository)
    if not (is_ours and at and revision and revision in (claims.get("ref"), claims.get("sha"))):
        wrong.append("workflow")
    if wanted.get("environment") and not _same_folded(claims.get("environment"), wanted["environment"]):
        wrong.append("environment")
    if claims.get("event_name") in _STRANGERS_EVENTS:
        wrong.append("event_name")
    return wrong


def _differing_gitlab(provider: ProviderConfig, wanted: Wanted, claims: Claims) -> list[str]:
    wrong = []
    if not _same_folded(claims.get("project_path"), wanted["project_path"]):
        wrong.append("project_path")
    place, at, revision = _text(claims, "ci_config_ref_uri").partition("@")
    project, slashes, file = place.partition("//")
    issuer = urlsplit(provider.issuer)
    expected = f"{issuer.netloc}{issuer.path.rstrip('/')}/{wanted['project_path']}"
    is_ours = bool(slashes and at) and _same_folded(project, expected) and file == wanted["ci_config"]
    if not (is_ours and revision and revision in (claims.get("ref_path"), claims.get("sha"))):
        wrong.append("ci_config")
    if wanted.get("environment") and claims.get("environment") != wanted["environment"]:
        wrong.append("environment")
    return wrong


def _differing_google(provider: ProviderConfig, wanted: Wanted, claims: Claims) -> list[str]:
    wrong = []
    if not _same_folded(claims.get("email"), wanted["email"]) or claims.get("email_verified") is not True:
        wrong.append("email")
    return wrong


def _differing_oidc(provider: ProviderConfig, wanted: Wanted, claims: Claims) -> list[str]:
    return [name for name, value in wanted.items() if claim_text(claims.get(name)) != value]


_ENVIRONMENT = Field("environment", _TEXT, "release")

KINDS: dict[str, Kind] = {
    "github": Kind(
        (
            Field("owner", re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}"), "acme", required=True, folds=True),
            Field("repository", re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}"), "widgets", required=True, folds=True),
            Field("workflow", re.compile(r"[A-Za-z0-9._ +()-]{1,240}\.ya?ml"), "release.yml", required=True),
            Field("environment", _TEXT, "release", folds=True),
            Field("owner_id", _ID, "1234567", pins="repository_owner_id"),
            Field("repository_id", _ID, "7654321", pins="repository_id"),
        ),
        "repository",
        "repository",
        _differing_github,
        lambda wanted: f"{wanted['owner']}/{wanted['repository']}/{wanted['workflow']}",
        tuple(_FACTS_GITHUB.split()),
    ),
    "gitlab": Kind(
        (
            Field(
                "project_path",
                re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){1,20}"),
                "acme/tools/widgets",
                required=True,
                folds=True,
            ),
            Field(
                "ci_config",
                re.compile(r"(?!/)[A-Za-z0-9._/ +-]{1,240}\.ya?ml"),
                ".gitlab-ci.yml",
                default=".gitlab-ci.yml",
            ),
            _ENVIRONMENT,
            Field("namespace_id", _ID, "1234567", pins="namespace_id"),
            Field("project_id", _ID, "7654321", pins="project_id"),
        ),
        "project_path",
        "project_path",
        _differing_gitlab,
        lambda wanted: f"{wanted['project_path']}/{wanted['ci_config']}",
        tuple(_FACTS_GITLAB.split()),
    ),
    "google": Kind(
        (
            Field(
                "email",
                re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,180}"),
                "publisher@acme.iam.example",
                required=True,
                folds=True,
            ),
            Field("sub", _ID, "100000000000000000000", pins="sub"),
        ),
        "email",
        "email",
        _differing_google,
        lambda wanted: wanted["email"],
        ("email", "sub"),
    ),
    "oidc": Kind((), "", "", _differing_oidc, lambda wanted: " ".join(wanted.values()), ("sub",)),
}


def fields_of(provider: ProviderConfig) -> tuple[Field, ...]:
    """How a publisher of that provider is described; for a plain issuer the claims that its publishers must name."""
    if provider.kind != "oidc":
        return KINDS[provider.kind].fields
    return tuple(
        Field(name, _TEXT, f"the token's {name}", required=True) for name, value in provider.claims if not value
    )


def described(provider: ProviderConfig, given: Wanted) -> dict[str, str]:
    """A publisher's description, each part checked and in one spelling. Raises WrongIdentity, naming the part."""
    fields = fields_of(provider)
    unknown = sorted(set(given) - {field.name for field in fields})
    if unknown:
        known = ", ".join(field.name for field in fields) or "none"
        raise WrongIdentity(f"{provider.name} knows no {', '.join(unknown)[:100]}; it has {known}")
    found: dict[str, str] = {}
    for field in fields:
        value = given.get(field.name, "").strip() or field.default
        if not value and not field.required:
            continue
        if field.pattern.fullmatch(value) is None:
            raise WrongIdentity(f"{field.name} is not as {provider.name} has them; a good one: {field.example}")
        found[field.name] = _fold(value) if field.folds else value
    return found


def lookup_of(provider: ProviderConfig, wanted: Wanted) -> str:
    """What tokens of that publisher are found by."""
    if provider.kind == "github":
        return f"{wanted['owner']}/{wanted['repository']}"
    return wanted.get(_lookup_field(provider), "")


def lookup_in(provider: ProviderConfig, claims: Claims) -> str:
    """The same, of a token's claims."""
    kind = KINDS[provider.kind]
    found = claim_text(claims.get(kind.lookup_claim or _lookup_field(provider))) or ""
    return _fold(found) if provider.kind != "oidc" else found


def identity_of(provider: ProviderConfig, wanted: Wanted) -> str:
    """One digest for one description. Ids do not count: the same workflow with and without them is the same."""
    told = {field.name: wanted.get(field.name, "") for field in fields_of(provider) if not field.pins}
    return hashlib.sha256(json.dumps([provider.name, told], sort_keys=True).encode()).hexdigest()


def label_of(provider: ProviderConfig, wanted: Wanted) -> str:
    """How people call the identity: `github:acme/widgets/release.yml`."""
    return f"{provider.name}:{KINDS[provider.kind].label(wanted)}"[:LABEL_CHARS_MAX]


def differing(provider: ProviderConfig, wanted: Wanted, pinned: Wanted, claims: Claims) -> list[str]:
    """The parts of a description that a token's claims do not fit; nothing when it is that publisher's."""
    wrong = KINDS[provider.kind].differing(provider, wanted, claims)
    wrong += [name for name, value in provider.claims if value and claim_text(claims.get(name)) != value]
    for field in fields_of(provider):
        known = wanted.get(field.name) or pinned.get(field.name, "")
        if field.pins and known and claim_text(claims.get(field.pins)) != known:
            wrong.append(field.name)
    return wrong


def pins_in(provider: ProviderConfig, wanted: Wanted, claims: Claims) -> dict[str, str]:
    """The ids to pin at first use: those of the token that the description does not name."""
    found = {field.name: claim_text(claims.get(field.pins)) for field in fields_of(provider) if field.pins}
    return {name: value for name, value in found.items() if value and name not in wanted}


def facts_in(provider: ProviderConfig, claims: Claims) -> dict[str, str]:
    """What is kept of a token's claims."""
    names = (*KINDS[provider.kind].facts, *(name for name, _ in provider.claims))
    found = {name: claim_text(claims.get(name)) for name in names}
    return {name: value[:FACT_CHARS_MAX] for name, value in found.items() if value and "\0" not in value}


def claim_text(value: object) -> str | None:
    """A claim as text: some write ids as numbers. None for what is neither text, number nor flag."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else None
    return value if isinstance(value, str) else None


def _lookup_field(provider: ProviderConfig) -> str:
    if provider.kind != "oidc":
        return KINDS[provider.kind].lookup_field
    return next((name for name, value in provider.claims if not value), "")


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _same_folded(one: object, other: str) -> bool:
    return isinstance(one, str) and _fold(one) == _fold(other)


def _fold(text: str) -> str:
    """Lower case, of ASCII alone: the Kelvin sign's lower case is a k, and must not be one here."""
    return text.lower() if text.isascii() else text
