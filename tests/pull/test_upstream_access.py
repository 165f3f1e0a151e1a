"""How an upstream is reached: passwords from files and variables, certificates both ways, proxies; and what it says
when one of these is missing. Each is trouble of that upstream alone, never an absence, and never told with a secret.
"""

import base64
import ssl
from typing import Any

import pytest
from certificates import make_certificate
from forward_proxy import ForwardProxy
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import plays, running

SDIST = FakeFile("demo-1.0.tar.gz", data=b"sdist")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def demo(**settings: Any) -> FakeUpstream:
    """An upstream with one project."""
    upstream = FakeUpstream(**settings)
    upstream.add("demo", SDIST)
    return upstream


def serving(cert: str, key: str, clients: str = "") -> ssl.SSLContext:
    """A server's TLS; with `clients` only who shows one of those certificates comes in."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


@plays
async def test_the_password_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPORATE_PASSWORD", "hush:hush")
    async with (
        demo(credentials=basic("ci", "hush:hush")) as upstream,
        running(tmp_path, upstream, username="ci", password_env="CORPORATE_PASSWORD") as rig,
    ):
        assert 200 == (await rig.page("demo")).status


@plays
async def test_the_settings_go_before_what_the_url_says(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPORATE_PASSWORD", "hush")
    async with demo(credentials=basic("ci", "hush")) as upstream:
        url = upstream.url.replace("http://", "http://old:older@")
        async with running(tmp_path, url, username="ci", password_env="CORPORATE_PASSWORD") as rig:
            assert 200 == (await rig.page("demo")).status


@plays
async def test_a_password_file_that_is_replaced_is_in_force_at_once(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    async with (
        demo(credentials=basic("ci", "first"), etags=False) as upstream,
        running(tmp_path / "data", upstream, username="ci", password_file=str(secret)) as rig,
    ):
        before = await rig.page("demo")
        upstream.credentials = basic("ci", "second")
        secret.write_text("second")
        after = await rig.page("demo")

    assert [(200, False), (200, False)] == [(answer.status, answer.json["stale"]) for answer in (before, after)]


@plays
async def test_what_is_missing_is_named_in_the_log_and_to_clients_and_hurts_that_upstream_alone(
    tmp_path, capfd, caplog
):
    missing = str(tmp_path / "nowhere.pem")
    for number, (settings, named) in enumerate(
        [
            ({"username": "ci", "password_env": "NOT_SET_ANYWHERE"}, "password_env names NOT_SET_ANYWHERE"),
            ({"username": "ci", "password_file": missing}, "password_file cannot be read"),
            ({"ca_bundle": missing}, "ca_bundle does not load"),
            ({"client_cert": missing}, "client_cert does not load"),
        ]
    ):
        async with demo() as upstream, running(tmp_path / str(number), upstream, **settings) as rig:
            answer = await rig.page("demo")
            # Where a log line goes depends on whether a test before this one has set up logging in this process.
            logs = ("".join(capfd.readouterr()), caplog.text)
            caplog.clear()

            assert 503 == answer.status, settings
            assert named in answer.json["reason"]
            assert 1 == max(log.count(f"cannot be asked: its {named}") for log in logs), logs
            assert [] == upstream.seen
            assert named in (await rig.status())["last_failure_reason"]
            assert "closed" == (await rig.status())["breaker"], "the source itself did nothing wrong"


@pytest.mark.parametrize("status", [401, 403])
@plays
async def test_a_refusal_of_ours_is_unavailable_for_clients_and_named_in_the_status(tmp_path, status):
    async with demo(pages_fault=Fault("status", status=status)) as upstream:
        url = upstream.url.replace("http://", "http://ci:wrong@")
        async with running(tmp_path, url) as rig:
            answer = await rig.page("demo")
            told = (await rig.status())["last_failure_reason"]

    assert 503 == answer.status
    assert f"refuses us with status {status}; check its credentials" in answer.json["reason"]
    assert f"status {status}" in told
    assert "wrong" not in told + answer.json["reason"]


@plays
async def test_a_private_authority_and_a_client_certificate_open_the_door(tmp_path):
    for name in ("server", "client"):
        (tmp_path / name).mkdir()
    cert, key = make_certificate(tmp_path / "server", "index.example")
    own_cert, own_key = make_certificate(tmp_path / "client", "ci.example")
    async with demo(tls=serving(cert, key, clients=own_cert)) as upstream:
        async with running(tmp_path / "without", upstream, ca_bundle=cert) as rig:
            refused = await rig.page("demo")
        async with running(tmp_path / "stranger", upstream, client_cert=own_cert, client_key=own_key) as rig:
            untrusted = await rig.page("demo")
        async with running(
            tmp_path / "with", upstream, ca_bundle=cert, client_cert=own_cert, client_key=own_key
        ) as rig:
            answers = [await rig.page("demo"), await rig.file(SDIST.digest(), SDIST.filename)]

    assert [503, 503] == [refused.status, untrusted.status]
    assert "certificate that cannot be trusted" in untrusted.json["reason"]
    assert [200, 200] == [answer.status for answer in answers]


@plays
async def test_the_client_certificate_is_not_shown_to_another_host(tmp_path):
    for name in ("server", "client"):
        (tmp_path / name).mkdir()
    cert, key = make_certificate(tmp_path / "server", "index.example")
    own_cert, own_key = make_certificate(tmp_path / "client", "ci.example")
    curious = serving(cert, key)
    curious.verify_mode = ssl.CERT_OPTIONAL
    curious.load_verify_locations(own_cert)
    async with (
        demo(tls=curious) as elsewhere,
        demo(tls=serving(cert, key, clients=own_cert), redirect_files_to=elsewhere.origin) as upstream,
        running(tmp_path / "data", upstream, ca_bundle=cert, client_cert=own_cert, client_key=own_key) as rig,
    ):
        await rig.page("demo")
        elsewhere.peers.clear()
        answer = await rig.file(SDIST.digest(), SDIST.filename)

    assert 200 == answer.status
    assert [None] == elsewhere.peers
    assert all(upstream.peers)


@plays
async def test_the_proxy_of_the_settings_is_asked_with_its_credentials_and_they_are_told_nowhere(tmp_path, capfd):
    async with demo(credentials=basic("ci", "hush")) as upstream:
        with ForwardProxy({"index.example:80": upstream.port}, credentials=basic("me", "proxy-pass")) as proxy:
            asked = proxy.url.replace("http://", "http://me:proxy-pass@")
            async with running(tmp_path, "http://ci:hush@index.example/simple/", proxy=asked) as rig:
                answers = [await rig.page("demo"), await rig.file(SDIST.digest(), SDIST.filename)]
                proxy.credentials = "Basic other"
                refused = await rig.page("other")
                status = await rig.status()
        async with running(tmp_path / "dead", "http://index.example/simple/", proxy=asked) as rig:
            dead = await rig.page("demo")

    assert [200, 200, 503, 503] == [answer.status for answer in (*answers, refused, dead)]
    assert {"index.example:80"} == proxy.targets()
    assert "its proxy wants credentials" in refused.json["reason"]
    assert "its proxy does not answer" in dead.json["reason"]
    told = repr(status) + repr([answer.body for answer in (*answers, refused, dead)]) + "".join(capfd.readouterr())
    assert "proxy-pass" not in told
    assert basic("me", "proxy-pass").split()[1] not in told
    assert {None} == {request.headers.get("Proxy-Authorization") for request in upstream.seen}


@plays
async def test_https_goes_through_the_proxy_as_a_tunnel_that_sees_no_credentials(tmp_path):
    cert, key = make_certificate(tmp_path, "index.example")
    async with demo(tls=serving(cert, key), credentials=basic("ci", "hush")) as upstream:
        with ForwardProxy({"index.example:443": upstream.port}) as proxy:
            async with running(
                tmp_path / "data", "https://ci:hush@index.example/simple/", proxy=proxy.url, ca_bundle=cert
            ) as rig:
                answers = [await rig.page("demo"), await rig.file(SDIST.digest(), SDIST.filename)]

    assert [200, 200] == [answer.status for answer in answers]
    assert all(head.startswith("CONNECT index.example:443") for head in proxy.heads)
    assert "authorization" not in "".join(proxy.heads).lower()


@plays
async def test_none_means_straight_whatever_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with demo() as upstream:
        async with running(tmp_path / "a", upstream, proxy="none") as rig:
            straight = await rig.page("demo")
        async with running(tmp_path / "b", upstream) as rig:
            by_environment = await rig.page("demo")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with running(tmp_path / "c", upstream) as rig:
            excepted = await rig.page("demo")

    assert [200, 503, 200] == [answer.status for answer in (straight, by_environment, excepted)]


@plays
async def test_a_mirrors_own_credentials_go_to_that_mirror_alone(tmp_path):
    async with demo(credentials=basic("ci", "hush")) as upstream, demo(credentials=basic("me", "psst")) as mirror:
        url = upstream.url.replace("http://", "http://ci:hush@")
        there = mirror.url.replace("http://", "http://me:psst@")
        async with running(tmp_path, url, mirrors=(there,)) as rig:
            first = await rig.page("demo")
            await upstream.stop()
            second = await rig.file(SDIST.digest(), SDIST.filename)

    assert [200, 200] == [first.status, second.status]
    assert {basic("ci", "hush")} == {request.headers.get("Authorization") for request in upstream.seen}
    assert {basic("me", "psst")} == {request.headers.get("Authorization") for request in mirror.seen}
