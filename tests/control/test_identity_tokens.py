"""Hostile identity tokens: none of them becomes anything, and one good one becomes exactly one token."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from doors import Door
from instances import Instance
from issuer import (
    AUDIENCE,
    WIDGETS,
    Issuer,
    by_hand,
    ec_key,
    ed_key,
    jwk,
    mac_with_public_key,
    rsa_key,
    running_issuer,
    signed,
)
from jwt import api_jws

from holdfast.clock import SystemClock
from holdfast.control.database import close_connection
from holdfast.control.publishers.exchange import Exchange
from holdfast.control.publishers.fetching import fetch
from holdfast.control.publishers.identity_token import TOKEN_CHARS_MAX
from holdfast.control.publishers.models import Publisher, PublisherToken, UsedIdentityToken

HOUR = 3600


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        running.keys.append(jwk(ed_key(), "three"))
        yield running


def opened(instance: Instance, issuer: Issuer, claims: dict[str, str] = WIDGETS) -> Door:
    """A door of an instance where widgets trusts the issuer's workflow."""
    config = replace(instance.config, providers=(issuer.provider(),), publishing_audience=AUDIENCE)
    door = Door(replace(instance, config=config), exchange=Exchange(fetch, SystemClock()))
    instance.upload("widgets", "1.0")
    made = door.api("POST", "projects/main/widgets/publishers", door.token(), {"provider": "ci", "claims": claims})
    assert made.status == 201, made.text
    return door


def asked(door: Door, token: str) -> tuple[int, str, str]:
    """Status, error code and description."""
    answer = door.request("POST", "/_/oidc/mint-token", json.dumps({"token": token}).encode())
    found = answer.json()
    error = found["errors"][0] if "errors" in found else {"code": "", "description": ""}
    return answer.status, error["code"], error["description"]


Make = Callable[[Issuer], str]
NOW: Callable[[Issuer, str], int] = lambda issuer, name: issuer.claims()[name]  # noqa: E731

# (what is wrong, how it is made, words of the refusal)
HOSTILE: list[tuple[str, Make, str]] = [
    ("alg none", lambda i: by_hand({"alg": "none", "kid": "one"}, i.claims(), b"x"), "is not signed by one of"),
    ("alg None, spelt", lambda i: by_hand({"alg": "nOnE", "kid": "one"}, i.claims(), b"x"), "is not signed by one of"),
    ("no signature", lambda i: i.token().rpartition(".")[0] + ".", "not a signed JSON Web Token"),
    ("HS256 with the public key", lambda i: mac_with_public_key(i.claims(), rsa_key()), "is not signed by one of"),
    ("HS256", lambda i: signed(i.claims(), "s" * 40, "HS256"), "is not signed by one of"),
    ("another RSA key", lambda i: signed(i.claims(), rsa_key(1)), "signature does not hold"),
    ("another's key id", lambda i: signed(i.claims(), rsa_key(), kid="two"), "has no such key"),
    ("EC key as RSA", lambda i: signed(i.claims(), ec_key(), "ES256", "one"), "has no such key"),
    ("an unknown key id", lambda i: signed(i.claims(), kid="nine"), "has no such key"),
    ("a key id that is none", lambda i: by_hand({"alg": "RS256", "kid": 7}, i.claims(), b"x"), "key id is none"),
    ("a key of its own", lambda i: signed(i.claims(), rsa_key(1), jwk=jwk(rsa_key(1), "one")), "does not hold"),
    ("a key set of its own", lambda i: signed(i.claims(), rsa_key(1), jku="https://mallory.example"), "does not hold"),
    ("critical extensions", lambda i: by_hand({"alg": "RS256", "crit": ["b64"]}, i.claims(), b"x"), "extensions"),
    ("claims changed", lambda i: _changed(i.token(), repository_id="99"), "signature does not hold"),
    ("another issuer", lambda i: i.token(iss="https://mallory.example"), "none that this index trusts"),
    ("an issuer with a slash more", lambda i: i.token(iss=f"{i.url}/"), "none that this index trusts"),
    ("no issuer", lambda i: i.token(iss=None), "names no issuer"),
    ("a list of issuers", lambda i: _raw(i, iss=[i.url]), "names no issuer"),
    ("another audience", lambda i: i.token(aud="https://other.example"), "made for another audience"),
    ("two audiences", lambda i: i.token(aud=[AUDIENCE, "https://other.example"]), "made for another audience"),
    ("an index that is none", lambda i: i.token(aud=f"{AUDIENCE}/nowhere"), "made for another audience"),
    ("no audience", lambda i: i.token(aud=None), "made for another audience"),
    ("expired", lambda i: i.token(iat=NOW(i, "iat") - 900, nbf=None, exp=NOW(i, "iat") - 31), "has expired"),
    ("no end", lambda i: i.token(exp=None), "has no exp"),
    ("an end as text", lambda i: _raw(i, exp="soon"), "has no exp"),
    ("an end beyond the calendar", lambda i: i.token(exp=10**30), "outside the calendar"),
    ("not yet valid", lambda i: i.token(nbf=NOW(i, "nbf") + 90), "not valid yet"),
    ("issued tomorrow", lambda i: i.token(iat=NOW(i, "iat") + 90, nbf=None), "not valid yet"),
    ("no issue time", lambda i: i.token(iat=None), "has no iat"),
    ("good for a week", lambda i: i.token(exp=NOW(i, "iat") + 7 * 24 * HOUR), "lifetime is not between"),
    ("an end before its beginning", lambda i: i.token(iat=NOW(i, "iat"), exp=NOW(i, "iat") - 10), "lifetime is not"),
    ("a jti that is none", lambda i: _raw(i, jti=7), "jti is none"),
    ("huge", lambda i: i.token(ref="x" * (TOKEN_CHARS_MAX - 2000)), "is longer than"),
    ("deep", lambda i: by_hand(b"[" * 5000, i.claims(), b"x"), "not a signed JSON Web Token"),
    ("a key twice", lambda i: by_hand({"alg": "RS256"}, b'{"iss":"a","iss":"b"}', b"x"), "not a signed JSON Web Token"),
    ("not base64", lambda i: "a!.b!.c!", "not a signed JSON Web Token"),
    ("text that is no ASCII", lambda i: i.token() + "é", "not a signed JSON Web Token"),
    ("five parts", lambda i: i.token() + ".a.b", "not a signed JSON Web Token"),
]


def _raw(issuer: Issuer, **claims: Any) -> str:
    """Signed past the library's own look at the claims."""
    payload = json.dumps(issuer.claims() | claims).encode()
    return api_jws.encode(payload, rsa_key(), algorithm="RS256", headers={"kid": "one"})


def _changed(token: str, **claims: Any) -> str:
    header, body, signature = token.split(".")
    found = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(found | claims).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def test_no_hostile_token_becomes_anything(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)

    answers = [(what, words, asked(door, make(issuer))) for what, make, words in HOSTILE]

    wrong = [row for row in answers if row[2][:2] != (422, "invalid-token") or row[1] not in row[2][2]]
    assert [] == wrong
    assert (PublisherToken.objects.count(), UsedIdentityToken.objects.count()) == (0, 0)
    assert len(issuer.asked) <= 2, "made-up key ids must not make us ask the issuer again"


def test_every_sort_of_key_that_issuers_use_is_taken(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    sorts = [(rsa_key(), "RS256", "one"), (rsa_key(), "PS256", "one"), (ec_key(), "ES256", "two")]

    for key, algorithm, kid in [*sorts, (ed_key(), "EdDSA", "three")]:
        assert asked(door, signed(issuer.claims(), key, algorithm, kid))[0] == 200, algorithm


# (claims of the token that differ, the part of the description that is named)
STRANGERS: list[tuple[dict[str, Any], str]] = [
    ({"repository": "Mallory/Widgets"}, ""),
    ({"repository": "Acme/Widgets2"}, ""),
    ({"repository": "\u212acme/Widgets"}, ""),
    ({"repository_owner": "Mallory"}, "owner differs"),
    ({"repository_owner_id": "12"}, "owner_id differs"),
    ({"repository_owner_id": None}, "owner_id differs"),
    ({"repository_id": "23"}, "repository_id differs"),
    ({"environment": None}, "environment differs"),
    ({"environment": "staging"}, "environment differs"),
    ({"environment": "\u0155elease"}, "environment differs"),
    ({"event_name": "pull_request_target"}, "event_name differs"),
    ({"job_workflow_ref": "Acme/Widgets/.github/workflows/test.yml@refs/heads/main"}, "workflow differs"),
    ({"job_workflow_ref": "Acme/Widgets/.github/workflows/Release.yml@refs/heads/main"}, "workflow differs"),
    ({"job_workflow_ref": "Acme/Shared/.github/workflows/release.yml@refs/heads/main"}, "workflow differs"),
    ({"job_workflow_ref": "Acme/Widgets/.github/workflows/release.yml@refs/heads/old"}, "workflow differs"),
    ({"job_workflow_ref": "Acme/Widgets/.github/workflows/release.yml"}, "workflow differs"),
    ({"job_workflow_ref": "Acme/Widgets/.github/workflows/x/release.yml@refs/heads/main"}, "workflow differs"),
    ({"job_workflow_ref": None}, "workflow differs"),
]


def test_another_identity_of_the_same_issuer_publishes_nothing(sqlite_instance: Instance, issuer: Issuer):
    """A recreated account, another environment, a reusable workflow of another repository, names in other letters."""
    pinned = {"owner_id": "11", "repository_id": "22", "environment": "Release"}
    door = opened(sqlite_instance, issuer, WIDGETS | pinned)
    good = {"environment": "RELEASE", "repository": "ACME/widgets", "repository_owner": "acme"}

    for change, words in STRANGERS:
        status, code, description = asked(door, issuer.token(**{**good, **change}))
        assert (status, code) == (422, "invalid-publisher"), change
        assert words in description, change
    assert asked(door, issuer.token(**good))[0] == 200


def test_ids_that_nobody_configured_are_pinned_at_first_use(instance: Instance, issuer: Issuer):
    """Whoever takes over a deleted account's name afterwards has another id."""
    door = opened(instance, issuer)

    assert asked(door, issuer.token())[0] == 200
    assert Publisher.objects.get().pinned == {"owner_id": "11", "repository_id": "22"}
    assert asked(door, issuer.token(repository_owner_id="99"))[2].endswith("owner_id differs")
    assert asked(door, issuer.token(repository_id="99"))[2].endswith("repository_id differs")
    assert asked(door, issuer.token())[0] == 200


def test_of_sixteen_equal_tokens_at_once_one_is_exchanged(instance: Instance, issuer: Issuer):
    door = opened(instance, issuer)
    token = issuer.token()
    together = Barrier(16)

    def ask(_: int) -> tuple[int, str]:
        together.wait(20)
        try:
            return asked(door, token)[:2]
        finally:
            close_connection()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(16)))

    assert sorted(answers) == [(200, ""), *[(422, "invalid-reuse-token")] * 15]
    assert (PublisherToken.objects.count(), UsedIdentityToken.objects.count()) == (1, 1)


def test_a_refusal_uses_nothing_up(sqlite_instance: Instance, issuer: Issuer):
    """The publisher is put right, and the same job goes on."""
    door = opened(sqlite_instance, issuer, WIDGETS | {"environment": "other"})
    token = issuer.token()
    assert asked(door, token)[1] == "invalid-publisher"
    body = {"provider": "ci", "claims": WIDGETS}

    assert door.api("POST", "projects/main/widgets/publishers", door.token(), body).status == 201
    assert asked(door, token)[0] == 200
    assert asked(door, token)[1] == "invalid-reuse-token"


PAYLOADS = [b"", b"[]", b"{}", b'{"token": 7}', b'{"token": ""}', b"\xff", b"[" * 2000, b'{"token": "' + b"x" * 40_000]


def test_what_is_no_payload_is_told(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)

    for payload in PAYLOADS:
        answer = door.request("POST", "/_/oidc/mint-token", payload)
        assert (answer.status, answer.json()["errors"][0]["code"]) == (422, "invalid-payload"), payload[:20]
