"""`[sign_in.NAME]`: the OpenID Connect providers that people may sign in with, and what their groups are worth here."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.config import SignIn
from holdfast.settings.layers import fields_of, tables_of
from holdfast.settings.problems import Complaints
from holdfast.settings.table import Setting
from holdfast.settings.values import parse_boolean, parse_choice, parse_issuer, parse_list, parse_path, parse_text

ISSUER_CHARS_MAX = 200  # of the column that says whose word an account is bound to
LABEL_CHARS_MAX = 40  # on a button of a telephone
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_SLUG = "[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?"
_RIGHT = re.compile(rf"admin|moderator|(?:owner|manager|member):{_SLUG}|team:{_SLUG}/{_SLUG}")


def parse_label(raw: object) -> str:
    """What a button says."""
    text = parse_text(raw)
    if len(text) > LABEL_CHARS_MAX or not text.isprintable():
        raise ValueError(f"a text of at most {LABEL_CHARS_MAX} characters")
    return text


def parse_domains(raw: object) -> tuple[str, ...]:
    """Mail domains; those below them are others."""
    found = tuple(item.lower().removeprefix("@") for item in parse_list(raw))
    if not all(_DOMAIN.fullmatch(domain) for domain in found):
        raise ValueError("a list of mail domains such as acme.example")
    return found


def parse_rights(raw: object) -> tuple[tuple[str, str], ...]:
    """`GROUP=RIGHT` each. A group may have `=` in its name (`cn=admins`), a right has not."""
    found = []
    for item in parse_list(raw):
        group, _, right = item.rpartition("=")
        if not group.strip() or not _RIGHT.fullmatch(right.strip()):
            raise ValueError(
                "a list of GROUP=RIGHT, where RIGHT is admin, moderator, owner:ORGANISATION, manager:ORGANISATION,"
                " member:ORGANISATION or team:ORGANISATION/TEAM"
            )
        found.append((group.strip(), right.strip()))
    return tuple(found)


# `[sign_in.NAME]`
SIGN_IN: tuple[Setting, ...] = (
    Setting(
        "issuer",
        parse_issuer,
        '""',
        "The provider, exactly as it names itself. Everything else is found below /.well-known/ there.",
        '"https://sso.acme.example"',
    ),
    Setting(
        "label", parse_label, '""', 'What the button says after "Sign in with". Empty: the table\'s NAME.', '"Acme"'
    ),
    Setting("client_id", parse_text, '""', "As what this instance is registered at the provider.", '"holdfast"'),
    Setting(
        "client_secret_file",
        parse_path,
        '""',
        "The file with the client's secret. Neither file nor variable: a public client, by PKCE alone.",
        '"/run/secrets/sso"',
    ),
    Setting(
        "client_secret_env", parse_text, '""', "The environment variable with the client's secret.", '"SSO_SECRET"'
    ),
    Setting(
        "ca_bundle",
        parse_path,
        '""',
        "PEM file of the authorities to trust for it. Empty: the system's.",
        '"/etc/ssl/certs/acme.pem"',
    ),
    Setting(
        "scopes",
        parse_list,
        '["openid", "profile", "email"]',
        "What is asked for. Some providers tell groups only for a scope of their own.",
        '["openid", "profile", "email", "groups"]',
    ),
    Setting(
        "domains",
        parse_domains,
        "[]",
        "Mail domains whose addresses are believed when the provider calls them verified. Others do not come in.",
        '["acme.example"]',
    ),
    Setting("groups", parse_list, "[]", "Who comes in: one of these groups. Empty: whoever else may.", '["python"]'),
    Setting("groups_claim", parse_text, '"groups"', "The claim that lists a person's groups.", '"roles"'),
    Setting(
        "rights",
        parse_rights,
        "[]",
        "GROUP=RIGHT: admin, moderator, owner:ORG, manager:ORG, member:ORG, team:ORG/TEAM. Looked at at every sign-in.",
        '["python-admins=admin", "ml=team:acme/ml"]',
    ),
    Setting("create", parse_boolean, "true", "Whether who comes for the first time gets an account.", "false"),
    Setting(
        "only",
        parse_boolean,
        "false",
        "Whether who is connected to it signs in with it alone, and nobody signs up with a password any more.",
        "true",
    ),
    Setting(
        "second_factor",
        parse_choice("ours", "theirs"),
        '"ours"',
        "Whose second factor counts. theirs: when `amr` or `acr` has one of second_factor_claims; else ours is asked.",
        '"theirs"',
    ),
    Setting(
        "second_factor_claims",
        parse_list,
        '["mfa"]',
        "What `amr` or `acr` says when there was a second factor (RFC 8176).",
        '["mfa", "hwk"]',
    ),
)


def load_sign_in(
    document: Mapping[str, Any], file: Path | None, sign_up: str, complaints: Complaints
) -> tuple[SignIn, ...]:
    """Every provider of the file."""
    found = []
    for name, table in tables_of("sign_in", document, file, complaints).items():
        fields = fields_of("sign_in", name, table, SIGN_IN, complaints)
        provider = SignIn(**({"label": name} | fields))
        found.append(provider)
        _check(provider, sign_up, set(fields), complaints)
    issuers = [provider.issuer for provider in found]
    for provider in found:
        if provider.issuer and issuers.count(provider.issuer) > 1:
            rule = "is another provider's too: whose word an account is bound to must be one"
            complaints.add(f"sign_in.{provider.name}.issuer", provider.issuer, rule, SIGN_IN[0].example)
    return tuple(found)


def _check(provider: SignIn, sign_up: str, given: set[str], complaints: Complaints) -> None:
    def complain(key: str, value: object, rule: str, example: str = "") -> None:
        shown = example or next(setting.example for setting in SIGN_IN if setting.key == key)
        complaints.add(f"sign_in.{provider.name}.{key}", value, rule, f"{key} = {shown}")

    if not provider.issuer:
        complain("issuer", "", "is required")
    elif len(provider.issuer) > ISSUER_CHARS_MAX:
        complain("issuer", provider.issuer, f"is longer than {ISSUER_CHARS_MAX} characters")
    if not provider.client_id:
        complain("client_id", "", "is required")
    if provider.client_secret_env and provider.client_secret_file:
        complain("client_secret_file", provider.client_secret_file, "stands beside client_secret_env: one is enough")
    if "openid" not in provider.scopes:
        complain("scopes", ", ".join(provider.scopes), "must have openid: without it there is no word on who it is")
    if not provider.groups_claim:
        complain("groups_claim", "", "must name a claim", '"groups"')
    if provider.second_factor == "theirs" and not provider.second_factor_claims:
        complain("second_factor_claims", "", "must say what shows a second factor of theirs")
    if provider.create and not provider.domains and not provider.groups and sign_up != "open":
        where = "create" if "create" in given else "domains"
        rule = "lets everybody in whom the provider knows: name domains or groups, or set create = false"
        complain(
            where, "true" if where == "create" else "", rule, '["acme.example"]' if where == "domains" else "false"
        )
