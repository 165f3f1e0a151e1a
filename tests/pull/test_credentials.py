"""The credential of an upstream goes to its own origin and nowhere else: no other host, no log, no answer."""

import base64

from pull.fake_upstream import FakeFile, FakeUpstream
from pull.rig import UPSTREAM, plays, running

WHEEL = FakeFile("demo-1.0-py3-none-any.whl", data=b"wheel")
SECRET = "s3cret%2Fpass"
HEADER = "Basic " + base64.b64encode(b"user:s3cret/pass").decode()


@plays
async def test_it_is_sent_to_its_origin_only(tmp_path, capfd):
    async with (
        FakeUpstream() as elsewhere,
        FakeUpstream(credentials=HEADER, redirect_files_to=elsewhere.origin) as upstream,
    ):
        for index in (elsewhere, upstream):
            index.add("demo", WHEEL)
        url = upstream.url.replace("http://", f"http://user:{SECRET}@")
        async with running(tmp_path, url) as rig:
            answers = [await rig.page("demo"), await rig.file(WHEEL.digest(), WHEEL.filename)]
            await rig.until_idle()
            record, status = rig.record("demo"), await rig.status()
            await upstream.stop()
            failures = [await rig.page("demo"), await rig.page("unseen"), await rig.get("/status")]
            await upstream.start()

        assert [200, 200] == [answer.status for answer in answers]
        assert {HEADER} == {request.headers.get("Authorization") for request in upstream.seen}
        assert {None} == {request.headers.get("Authorization") for request in elsewhere.seen}
        told = repr(record) + repr(status) + repr([answer.body for answer in failures]) + "".join(capfd.readouterr())
        assert "s3cret" not in told
        assert "user" not in told


@plays
async def test_it_wins_over_what_netrc_says_of_the_host(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with FakeUpstream(credentials=HEADER) as upstream:
        upstream.add("demo", WHEEL)
        url = upstream.url.replace("http://", f"http://user:{SECRET}@")
        async with running(tmp_path / "data", url) as rig:
            assert 200 == (await rig.page("demo")).status


@plays
async def test_netrc_is_used_for_an_upstream_without_one_of_its_own(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password s3cret/pass\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with FakeUpstream(credentials=HEADER) as upstream:
        upstream.add("demo", WHEEL)
        async with running(tmp_path / "data", upstream) as rig:
            assert 200 == (await rig.page("demo")).status


@plays
async def test_a_broken_netrc_breaks_nothing_and_is_not_quoted(tmp_path, monkeypatch, capfd):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 lgoin user password s3cret/pass\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with FakeUpstream() as upstream:
        upstream.add("demo", WHEEL)
        async with running(tmp_path / "data", upstream) as rig:
            assert 200 == (await rig.page("demo")).status
    assert "s3cret" not in "".join(capfd.readouterr())


@plays
async def test_the_proxy_of_the_environment_is_asked(tmp_path, monkeypatch):
    async with FakeUpstream() as proxy:
        proxy.add("demo", WHEEL)
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("no_proxy", "")
        async with running(tmp_path, "http://index.example/simple/") as rig:
            assert 200 == (await rig.page("demo")).status
        assert "index.example" == proxy.seen[0].headers["Host"]


@plays
async def test_wrong_credentials_are_our_trouble_and_not_an_absence(tmp_path):
    async with FakeUpstream(credentials=HEADER) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)

        answer = await rig.page("demo")

        assert 503 == answer.status
        assert "credentials" in answer.json["reason"]
        assert UPSTREAM in answer.json["reason"]
