"""Whose identity tokens may be exchanged: well-known providers by name, others as `[publishing.NAME]` tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.config import ProviderConfig, ProviderKind
from holdfast.settings.layers import fields_of, tables_of
from holdfast.settings.problems import Complaints
from holdfast.settings.table import Setting
from holdfast.settings.values import parse_choice, parse_claims, parse_issuer, parse_path, parse_text

# Issuers that everybody who uses the service has. Their documentation of OpenID Connect names them.
WELL_KNOWN: dict[str, tuple[ProviderKind, str]] = {
    "github": ("github", "https://token.actions.githubusercontent.com"),
    "gitlab": ("gitlab", "https://gitlab.com"),
    "google": ("google", "https://accounts.google.com"),
}

# `[publishing.NAME]`
PUBLISHING: tuple[Setting, ...] = (
    Setting(
        "issuer",
        parse_issuer,
        '""',
        "The issuer, exactly as its tokens name it. Its keys are fetched from there.",
        '"https://gitlab.corporate.example"',
    ),
    Setting(
        "kind",
        parse_choice("github", "gitlab", "google", "oidc"),
        '"oidc"',
        "Whose claims its tokens have. oidc: those that `claims` names.",
        '"gitlab"',
    ),
    Setting(
        "audience",
        parse_text,
        '""',
        "What its tokens are made for, when that cannot be chosen there. Empty: publishing_audience.",
        '"https://packages.example"',
    ),
    Setting(
        "claims",
        parse_claims,
        "[]",
        "NAME=VALUE: a claim that every token must have. NAME alone (oidc): each publisher says which value is its.",
        '["sub", "environment=production"]',
    ),
    Setting(
        "ca_bundle",
        parse_path,
        '""',
        "PEM file of the authorities to trust for it. Empty: the system's.",
        '"/etc/ssl/certs/corporate.pem"',
    ),
)


def load_providers(
    document: Mapping[str, Any], file: Path | None, well_known: tuple[str, ...], complaints: Complaints
) -> tuple[ProviderConfig, ...]:
    """The well-known ones that are switched on, then the file's own."""
    found = [ProviderConfig(name, WELL_KNOWN[name][1], WELL_KNOWN[name][0]) for name in well_known]
    for name, table in tables_of("publishing", document, file, complaints).items():
        kind, issuer = WELL_KNOWN.get(name, ("oidc", ""))
        fields = fields_of("publishing", name, table, PUBLISHING, complaints)
        provider = ProviderConfig(**({"kind": kind, "issuer": issuer} | fields))
        found = [other for other in found if other.name != name] + [provider]
        _check(provider, complaints)
    issuers = [provider.issuer for provider in found]
    for provider in found:
        if provider.issuer and issuers.count(provider.issuer) > 1:
            rule = "is another provider's too; a token would be both's"
            complaints.add(f"publishing.{provider.name}.issuer", provider.issuer, rule, PUBLISHING[0].example)
    return tuple(found)


def _check(provider: ProviderConfig, complaints: Complaints) -> None:
    if not provider.issuer:
        rule = "is required"
        complaints.add(f"publishing.{provider.name}.issuer", "", rule, f"issuer = {PUBLISHING[0].example}")
    own = [name for name, value in provider.claims if not value]
    if provider.kind == "oidc" and not own:
        rule = "must name at least one claim without a value, by which publishers are told apart"
        complaints.add(f"publishing.{provider.name}.claims", "", rule, 'claims = ["sub"]')
    if provider.kind != "oidc" and own:
        rule = f"must be NAME=VALUE: what publishers of kind {provider.kind} say of themselves is known"
        complaints.add(f"publishing.{provider.name}.claims", ", ".join(own), rule, 'claims = ["ref_protected=true"]')
