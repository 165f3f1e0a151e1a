"""uv publishes from CI without a secret: a real instance over TLS, a real issuer, and what a CI service gives a job."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from certificates import make_authority
from issuer import Issuer, running_issuer

from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.rig import HUNG_SECONDS, Answer, Rig, fetch, wait_until
from tests.clients.installers import pip_command
from tests.clients.person import Person
from tests.clients.toolbox import ToolMissing, tool

JOB_SECRET = "what a job asks for its identity with"
GITHUB = ("owner=acme", "repository=widgets", "workflow=release.yml", "repository_id=22")
BUILDS = {"sub": "pipeline:release", "environment": "production"}


@dataclass
class Service:
    """A CI service: it gives jobs identity tokens for whatever audience they ask for, as GitHub does."""

    issuer: Issuer
    url: str = ""
    given: list[str] = field(default_factory=list)
    again: bool = False  # give the last one once more

    def give(self, audience: str) -> str:
        if not self.again:
            self.given.append(self.issuer.token(aud=audience))
        return self.given[-1]

    def job(self) -> dict[str, str]:
        """The environment of a job that may ask."""
        asked = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": JOB_SECRET,
        }
        return {"GITHUB_ACTIONS": "true", "CI": "true", **asked}


@dataclass(frozen=True)
class Ground:
    """Everything that takes part."""

    rig: Rig
    authority: str
    github: Service
    builds: Issuer  # an issuer of one's own, over TLS with a certificate that the system does not trust


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """An instance over TLS that trusts two issuers; it has the project `widgets`."""
    try:
        tool("uv"), tool("pip-machine")
    except ToolMissing as problem:
        pytest.skip(str(problem))
    folder = tmp_path_factory.mktemp("trusted")
    authority, issued = make_authority(folder, "packages.example", "builds.example")
    certificate, key = issued["packages.example"]
    with (
        running_issuer() as issuer,
        running_issuer(issued["builds.example"]) as builds,
        serving(Service(issuer)) as github,
    ):
        settings = folder / "holdfast.toml"
        settings.write_text(
            f'[publishing.ci]\nkind = "github"\nissuer = "{issuer.url}"\n\n'
            f'[publishing.builds]\nissuer = "{builds.url}"\nca_bundle = "{authority}"\n'
            'claims = ["sub", "environment=production"]\n'
        )
        tls = {"HOLDFAST_CONFIG": str(settings), "HOLDFAST_TLS_CERT": certificate, "HOLDFAST_TLS_KEY": key}
        rig = Rig("none", tls)
        rig.url = rig.url.replace("http://", "https://")
        with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
            patch.setenv("SSL_CERT_FILE", authority)  # for this process, which talks to the instance, too
            stack.push(rig)
            rig.start(wait=False)
            wait_until(lambda: rig.get("/readyz").status == 200, HUNG_SECONDS, "ready")
            rig.wait_for_control()
            assert rig.upload(wheel("widgets", "1.0")).status == 200
            yield Ground(rig, authority, github, builds)


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """Where jobs ask for their identity, on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            may = self.headers.get("Authorization", "").lower() == f"bearer {JOB_SECRET}"
            audience = parse_qs(urlsplit(self.path).query)["audience"][0]
            body = json.dumps({"value": service.give(audience)} if may else {}).encode()
            self.send_response(200 if may else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join(5)


def uv_publish(ground: Ground, person: Person, made: Wheel, job: Mapping[str, str]) -> Any:
    """uv as a workflow runs it; the job has no secret of ours."""
    dist = person.home / "dist"
    dist.mkdir(exist_ok=True)
    (dist / made.filename).write_bytes(made.content)
    return person.run(
        tool("uv") / "uv", "publish", "--trusted-publishing", "always",
        "--publish-url", f"{ground.rig.url}/legacy/", dist / made.filename,
        env={"SSL_CERT_FILE": ground.authority, **job}, check=False,
    )  # fmt: skip


def installed(ground: Ground, person: Person, made: Wheel) -> str:
    """The version that pip installs."""
    python = person.environment_for_installs("env")
    command = pip_command("pip-machine", python, f"{ground.rig.url}/simple/")
    person.run(
        *command,
        f"{made.project}=={made.version}",
        env={"PIP_CERT": ground.authority, "REQUESTS_CA_BUNDLE": ground.authority},
    )
    return person.version_seen(python, made.project)


def add(ground: Ground, *words: str) -> str:
    return ground.rig.run("publisher", "add", *words).stdout.strip()


def mint(ground: Ground, identity: str) -> Answer:
    return fetch(f"{ground.rig.url}/_/oidc/mint-token", data=json.dumps({"token": identity}).encode())


def asked(ground: Ground, question: str) -> list[Any]:
    """One column of what the database says."""
    with closing(sqlite3.connect(ground.rig.data / "holdfast.sqlite3")) as connection:
        return [row[0] for row in connection.execute(question)]


def audience_of(ground: Ground) -> str:
    return str(json.loads(ground.rig.get("/_/oidc/audience").body)["audience"])


def test_a_github_job_publishes_and_what_it_published_installs(ground: Ground, alice: Person) -> None:
    """The token lives no longer than uv needs it: uv burns it when it is done."""
    add(ground, "widgets", "ci", *GITHUB)
    made = wheel("widgets", "2.0")

    done = uv_publish(ground, alice, made, ground.github.job())

    assert 0 == done.returncode, done.stdout
    assert "2.0" == installed(ground, alice, made)
    assert [] == asked(ground, "SELECT id FROM publishers_publishertoken")
    burnt = "SELECT count(*) FROM accounts_auditevent WHERE action = 'burn-publisher-token'"
    assert [1] == asked(ground, burnt)


def test_an_identity_token_that_was_used_is_refused_in_words(ground: Ground, alice: Person) -> None:
    """Whoever reads it in a log publishes nothing with it."""
    add(ground, "widgets", "ci", *GITHUB)
    assert 0 == uv_publish(ground, alice, wheel("widgets", "3.0"), ground.github.job()).returncode
    ground.github.again = True

    done = uv_publish(ground, alice, wheel("widgets", "3.1"), ground.github.job())
    ground.github.again = False

    assert 0 != done.returncode
    assert "exchanged before" in done.stdout
    assert b"3.1" not in ground.rig.get("/simple/widgets/").body


def test_what_an_operator_switched_off_is_told_by_uv_in_the_operators_words(ground: Ground, alice: Person) -> None:
    """Tokens that were exchanged before publish nothing meanwhile; installs go on; one command takes it back."""
    add(ground, "widgets", "ci", *GITHUB)
    before = json.loads(mint(ground, ground.github.issuer.token(aud=audience_of(ground))).body)["token"]
    kept = wheel("widgets", "3.4")
    assert 200 == ground.rig.upload(kept).status
    made, late = wheel("widgets", "3.2"), wheel("widgets", "3.3")
    ground.rig.run("switch", "off", "trusted-publishing", "--reason", "the issuer leaks", "--for", "1h")
    try:
        wait_until(lambda: b"the issuer leaks" in ground.rig.get("/").body, HUNG_SECONDS, "the banner")

        refused = uv_publish(ground, alice, made, ground.github.job())
        too_late = ground.rig.upload(late, token=before)
        version = installed(ground, alice, kept)
    finally:
        ground.rig.run("switch", "on", "trusted-publishing")
    wait_until(lambda: b"the issuer leaks" not in ground.rig.get("/").body, HUNG_SECONDS, "the banner gone")
    done = uv_publish(ground, alice, made, ground.github.job())
    again = ground.rig.upload(late, token=before)

    assert (2, True) == (refused.returncode, "UTC: the issuer leaks." in refused.stdout), refused.stdout
    assert (403, True, "3.4") == (too_late.status, b"the issuer leaks" in too_late.body, version)
    assert (0, 200) == (done.returncode, again.status), done.stdout


def test_a_pending_publisher_makes_the_project_with_its_first_file(ground: Ground, alice: Person) -> None:
    add(
        ground, "fresh-thing", "ci", "owner=acme", "repository=fresh", "workflow=new.yml", "--pending", "--user", "anna"
    )
    workflow = "acme/fresh/.github/workflows/new.yml@refs/heads/main"
    claims = {"repository": "acme/fresh", "repository_owner": "acme", "job_workflow_ref": workflow}
    service = Service(ground.github.issuer)
    made = wheel("fresh-thing", "0.1")

    with serving(service):
        service.give = lambda audience: service.issuer.token(aud=audience, **claims)  # type: ignore[method-assign]
        done = uv_publish(ground, alice, made, service.job())

    assert 0 == done.returncode, done.stdout
    assert "0.1" == installed(ground, alice, made)
    listed = ground.rig.run("publisher", "list", "fresh-thing").stdout
    assert "pending" not in listed and "repository_id=22" in listed
    owners = (
        "SELECT u.username FROM projects_role r JOIN accounts_user u ON u.id = r.user_id"
        " JOIN projects_project p ON p.id = r.project_id WHERE p.name = 'fresh-thing'"
    )
    assert ["anna"] == asked(ground, owners)


def test_a_job_of_an_issuer_of_ones_own_publishes(ground: Ground, alice: Person) -> None:
    """As in GitLab CI: the token stands in a variable that is named after the audience."""
    add(ground, "widgets", "builds", "sub=pipeline:release")
    audience = audience_of(ground)
    variable = re.sub(r"[^A-Z0-9]", "_", audience.upper()) + "_ID_TOKEN"
    job = {"GITLAB_CI": "true", "CI": "true"}
    made = wheel("widgets", "4.0")

    stranger = {variable: ground.builds.token({**BUILDS, "sub": "pipeline:test"}, aud=audience)}
    refused = uv_publish(ground, alice, made, job | stranger)
    done = uv_publish(ground, alice, made, job | {variable: ground.builds.token(BUILDS, aud=audience)})

    assert (2, True) == (refused.returncode, "no project here trusts this builds identity" in refused.stdout)
    assert 0 == done.returncode, done.stdout
    assert "4.0" == installed(ground, alice, made)


def test_a_burnt_token_and_one_whose_publisher_is_removed_publish_nothing(ground: Ground) -> None:
    """By hand, since uv tells nobody its token."""
    number = add(ground, "widgets", "ci", "owner=acme", "repository=widgets", "workflow=other.yml")
    workflow = "acme/widgets/.github/workflows/other.yml@refs/heads/main"

    def minted() -> str:
        answer = mint(ground, ground.github.issuer.token(aud=audience_of(ground), job_workflow_ref=workflow))
        assert answer.status == 200, answer.body
        return str(json.loads(answer.body)["token"])

    burnt, orphaned = minted(), minted()
    first = ground.rig.upload(wheel("widgets", "5.0"), token=burnt)
    burn = fetch(f"{ground.rig.url}/_/oidc/burn-token", data=json.dumps({"token": burnt}).encode())
    ground.rig.run("publisher", "remove", "widgets", number)

    assert (200, 202) == (first.status, burn.status)
    assert 401 == ground.rig.upload(wheel("widgets", "5.1"), token=burnt).status
    assert 401 == ground.rig.upload(wheel("widgets", "5.2"), token=orphaned).status


def test_the_last_good_keys_go_on_after_a_restart_while_the_issuer_is_down(ground: Ground) -> None:
    """An issuer's outage and a deploy at once stop nobody."""
    add(ground, "widgets", "ci", *GITHUB)
    issuer, audience = ground.github.issuer, audience_of(ground)
    assert 200 == mint(ground, issuer.token(aud=audience)).status
    down = dict.fromkeys(("/keys", "/.well-known/openid-configuration"), (503, b"down"))
    ground.rig.restart({})
    ground.rig.wait_for_control()
    issuer.answers |= down

    answer = mint(ground, issuer.token(aud=audience))
    issuer.answers.clear()

    assert 200 == answer.status, answer.body
