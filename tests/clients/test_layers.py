"""Layers and views with the real installers: two upstreams, an index over another, a test index beside, and dates."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from holdfast.drill.corpus import Upstream, Wheel, wheel
from holdfast.drill.rig import Rig, wait_until
from tests.clients.installers import INSTALLERS
from tests.clients.person import Person

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
PIP_AND_UV = ("pip-newest", "uv")
SETTINGS = """\
[upstream.special]
url = "{special}/simple/"
only = ["torch*"]

[upstream.general]
url = "{general}/simple/"

[index.main]
layers = ["special", "general"]

[index.dev]
layers = ["main", "special", "general"]
merge = ["tool"]

[index.test]
reserved = ["*"]

[index.vault]
private = true
layers = ["main"]
"""


def on(made: Wheel, day: int) -> Wheel:
    """The wheel as uploaded on that day of January 2026."""
    return replace(made, uploaded=datetime(2026, 1, day, tzinfo=UTC))


@pytest.fixture(scope="module")
def stack(tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An instance over a flat HTML page of special builds, without dates, and the rest of the world."""
    special = [wheel("torch", "2.5.0+cpu", ["numpy"]), wheel("numpy", "99.0")]
    general = [wheel("torch", "9.0"), wheel("numpy", "2.0")]
    general += [on(wheel("dated", "1.0", ["dated-dep"]), 1), on(wheel("dated", "2.0", ["dated-dep"]), 10)]
    general += [on(wheel("dated-dep", "1.0"), 1), on(wheel("dated-dep", "2.0"), 10), on(wheel("tool", "1.0"), 1)]
    settings = tmp_path_factory.mktemp("settings") / "holdfast.toml"
    with Upstream(special, html_only=True) as flat, Upstream(general) as world:
        settings.write_text(SETTINGS.format(special=flat.url, general=world.url))
        with Rig(None, {"HOLDFAST_CONFIG": str(settings)}) as running:
            yield running


def wait_for_next_second() -> datetime:
    """The first whole second after now."""
    began = int(time.time())
    wait_until(lambda: int(time.time()) > began, 5, "a second to pass")
    return datetime.fromtimestamp(began + 1, UTC)


def publish(rig: Rig, made: Wheel, index: str = "") -> None:
    token = rig.run("token", "create", f"for-{made.filename[:20]}", "--index", index or "main").stdout.strip()
    answer = rig.upload(made, token=token, index=index)
    assert 200 == answer.status, answer.body[:500]


@pytest.mark.parametrize("client", PIP_AND_UV)
@pytest.mark.parametrize("index", ["", "/dev"])
def test_a_special_build_comes_from_the_upstream_for_it_and_the_rest_from_the_other(
    client: str, index: str, stack: Rig, alice: Person
) -> None:
    python = INSTALLERS[client](alice, f"{stack.url}{index}/simple/", "torch", "env")

    assert ("2.5.0+cpu", "2.0") == (alice.version_seen(python, "torch"), alice.version_seen(python, "numpy"))


@pytest.mark.parametrize("client", PIP_AND_UV)
@pytest.mark.parametrize(("date", "version"), [("2026-01-10", "1.0"), ("2026-01-10T00:00:01Z", "2.0")])
def test_a_view_installs_what_an_upstream_had_by_then_and_what_that_needs(
    client: str, date: str, version: str, stack: Rig, alice: Person
) -> None:
    python = INSTALLERS[client](alice, f"{stack.url}/@{date}/simple/", "dated", "env")

    assert [version] * 2 == [alice.version_seen(python, name) for name in ("dated", "dated-dep")]


@pytest.mark.parametrize(("client", "index"), [("uv", ""), ("pip-newest", "/dev")])
def test_a_view_installs_what_was_hosted_by_then_here_or_in_a_layer(
    client: str, index: str, stack: Rig, alice: Person
) -> None:
    name = f"hosted-{client}-{index[1:] or 'main'}"
    publish(stack, wheel(name, "1.0"))
    moment = wait_for_next_second()
    publish(stack, wheel(name, "2.0"))

    view = INSTALLERS[client](alice, f"{stack.url}{index}/@{moment:%Y-%m-%dT%H:%M:%SZ}/simple/", name, "view")
    today = INSTALLERS[client](alice, f"{stack.url}{index}/simple/", name, "today")

    assert ("1.0", "2.0") == (alice.version_seen(view, name), alice.version_seen(today, name))


@pytest.mark.parametrize("client", PIP_AND_UV)
def test_a_development_index_replaces_a_project_of_the_index_under_it_for_its_own_users_only(
    client: str, stack: Rig, alice: Person
) -> None:
    name = f"ours-{client}"
    publish(stack, wheel(name, "1.0"))
    stack.run("project", "shadow", name, "--index", "dev")
    publish(stack, wheel(name, "2.0.dev1"), index="dev")

    dev = INSTALLERS[client](alice, f"{stack.url}/dev/simple/", f"{name}>=2.0.dev0", "dev")
    main = INSTALLERS[client](alice, f"{stack.url}/simple/", name, "main")

    assert ("2.0.dev1", "1.0") == (alice.version_seen(dev, name), alice.version_seen(main, name))


@pytest.mark.parametrize("client", PIP_AND_UV)
def test_a_merged_name_installs_any_sides_version(client: str, stack: Rig, alice: Person) -> None:
    if stack.get("/dev/simple/tool/", headers=JSON).body.count(b"2.0.dev1") == 0:
        stack.run("project", "shadow", "tool", "--index", "dev")
        publish(stack, wheel("tool", "2.0.dev1"), index="dev")

    seen = []
    for wanted in ("tool==1.0", "tool==2.0.dev1"):
        python = INSTALLERS[client](alice, f"{stack.url}/dev/simple/", wanted, wanted)
        seen.append(alice.version_seen(python, "tool"))

    assert ["1.0", "2.0.dev1"] == seen


def test_nothing_of_the_test_index_shows_anywhere_else(stack: Rig, alice: Person) -> None:
    made = wheel("candidate", "1.0")
    publish(stack, made, index="test")
    packages = f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}"
    paths = ("/simple/candidate/", packages, packages + ".metadata", "/pypi/candidate/json")

    there = [stack.get(f"/test{path}", headers=JSON).status for path in paths]
    elsewhere = [stack.get(f"{index}{path}", headers=JSON).status for index in ("", "/dev") for path in paths]
    lists = [
        json.loads(stack.get(f"{index}/simple/", headers=JSON).body)["projects"] for index in ("/test", "", "/dev")
    ]
    python = INSTALLERS["pip-newest"](alice, f"{stack.url}/test/simple/", "candidate", "env")

    assert ([200] * 4, [404] * 8) == (there, elsewhere)
    assert [True, False, False] == ["candidate" in [project["name"] for project in listed] for listed in lists]
    assert "1.0" == alice.version_seen(python, "candidate")


def test_rights_end_with_their_index(stack: Rig) -> None:
    tokens = {
        index: stack.run("token", "create", f"only-{index}", "--index", index).stdout.strip()
        for index in ("main", "test", "vault")
    }
    made = wheel("whose", "1.0")

    uploads = {
        (owner, index): stack.upload(made, token=tokens[owner], index=index).status
        for owner, index in (("test", ""), ("main", "test"), ("test", "vault"), ("test", "test"))
    }

    assert {("test", ""): 403, ("main", "test"): 403, ("test", "vault"): 403, ("test", "test"): 200} == uploads
    assert [401, 404] == [stack.get(path).status for path in ("/vault/simple/numpy/", "/simple/whose/")]


def test_what_lies_under_a_private_index_needs_its_token_only(stack: Rig, alice: Person) -> None:
    publish(stack, wheel("common", "1.0"))
    token = stack.run("token", "create", "reader", "--index", "vault").stdout.strip()
    index = stack.url.replace("://", f"://__token__:{token}@") + "/vault/simple/"

    python = INSTALLERS["uv"](alice, index, "common", "env")

    assert "1.0" == alice.version_seen(python, "common")
    assert 401 == stack.get("/vault/simple/common/").status
