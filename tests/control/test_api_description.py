"""The API's description: complete, valid, and kept to by the running application (schemathesis, a bounded run)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote_to_bytes, urlsplit

import jsonschema
import pytest
import requests
import schemathesis
from doors import Door
from hypothesis import HealthCheck, Phase, settings
from instances import UPLOADER, Instance, Scopes, new_instance
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from holdfast.control.accounts.actor import ACTIONS
from holdfast.control.api import openapi
from holdfast.control.api.table import TABLE
from holdfast.control.database import close_connection
from holdfast.control.tokens.rate import Rate

EXAMPLES = 2  # of each operation, asked as two people, beside the written ones: some 600 requests
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PEOPLE = ("alice", "root")

schema = schemathesis.openapi.from_dict(openapi.document())


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """One instance for all examples; what they make and break meets the next ones."""
    yield new_instance(tmp_path_factory.mktemp("api") / "data")
    close_connection()


@pytest.fixture(scope="module")
def tokens(instance: Instance) -> dict[str, str]:
    """An owner's token that acts for her, and an administrator's, over a project that the examples name."""
    door = Door(instance)
    instance.upload("demo", "1.0")
    return {
        "alice": door.token("alice", replace(UPLOADER, actions=ACTIONS)),
        "root": door.token("root", Scopes(("*",), ("*",), (), True, True)),
    }


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_answer_is_a_defect_or_undocumented(case: Case, instance: Instance, tokens: dict[str, str]):
    door = Door(instance, hold_seconds=0.5, leak_reports=Rate(by_network=5, by_all=5, seconds=3600.0))

    answers = [ask(door, case, tokens[who]) for who in PEOPLE]

    for answer in answers:
        case.validate_response(answer, checks=CHECKS)


def ask(door: Door, case: Case, token: str) -> schemathesis.Response:
    """One generated request through the application, its body spooled as a front does."""
    sent = case.as_transport_kwargs(base_url="http://control.example/api", headers={"Authorization": f"Bearer {token}"})
    prepared = requests.Request(
        sent["method"],
        sent["url"],
        headers=sent["headers"],
        params=sent.get("params"),
        json=sent.get("json"),
        data=sent.get("data"),
    ).prepare()
    parts = urlsplit(prepared.url or "")
    path = unquote_to_bytes(parts.path).decode("latin-1").replace("?", "_")  # the door splits targets at it
    target = path + (f"?{parts.query}" if parts.query else "")
    body = prepared.body or b""
    headers = {"Authorization": f"Bearer {token}"}
    got = door.request(case.method, target, body.encode() if isinstance(body, str) else body, headers)
    return schemathesis.Response(
        got.status, {name: [value] for name, value in got.headers.items()}, got.body, prepared, 0.1, False
    )


def test_the_description_names_every_address_and_every_method():
    document = openapi.document()

    served = {(address.path.count("<"), method.lower()) for address in TABLE for method in address.routes}
    described = {
        (path.count("{"), method)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }

    assert served == described
    assert len(document["paths"]) == len({address.path for address in TABLE})
    operations = [op for item in document["paths"].values() for name, op in item.items() if name != "parameters"]
    assert all(op["summary"].endswith(".") for op in operations), "every handler says in a sentence what it does"
    assert len({op["operationId"] for op in operations}) == len(operations)


def test_the_description_is_served_to_anybody(sqlite_instance: Instance):
    answer = Door(sqlite_instance).request("GET", "/api/openapi.json")

    assert (answer.status, answer.json()["openapi"]) == (200, "3.1.0")
    assert json.loads(json.dumps(openapi.document())) == answer.json()


def test_every_example_in_the_description_is_one_the_schema_takes():
    for item in openapi.document()["paths"].values():
        for method, operation in item.items():
            for media in operation.get("requestBody", {}).get("content", {}).values() if method != "parameters" else ():
                jsonschema.validate(media["example"], media["schema"])
