"""Private indexes: a token from the journal, and nothing that tells a stranger which names exist."""

from base64 import b64encode
from datetime import timedelta

import pytest
from read.plays import plays
from read.site import JSON, path_of, private_index, running

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig
from holdfast.core.tokens import MintedToken, mint
from holdfast.tree.journal import TokenIssued, TokenRevoked

INDEXES = (IndexConfig("main"), private_index("secret"))


def basic(token: str, user: str = "__token__") -> str:
    return "Basic " + b64encode(f"{user}:{token}".encode()).decode()


def issue(site, *reads: str, **facts) -> MintedToken:
    token = mint()
    site.tell(TokenIssued(token.id, token.digest, reads, **facts))
    return token


@pytest.mark.parametrize(
    "path",
    [
        "/secret/simple/",
        "/secret/simple/demo/",
        "/secret/simple/nobody/",
        "/secret/pypi/x/json",
        "/secret/nothing",
        "/secret/simple/A.B",
    ],
)
@plays
async def test_strangers_get_401_for_every_name(tmp_path, path):
    async with running(tmp_path, indexes=INDEXES) as site:
        site.publish("demo", site.wheel("demo", index="secret"), index="secret")
        wrong = mint()

        for headers in ({}, {"authorization": basic(wrong.text)}, {"authorization": "Bearer nonsense"}):
            answer = await site.get(path, **headers)

            assert 401 == answer.status
            assert answer.headers["www-authenticate"].startswith("Basic ")
            assert "no-store" == answer.headers["cache-control"]


@plays
async def test_a_token_opens_page_and_file_and_caches_may_not_keep_them(tmp_path):
    async with running(tmp_path, indexes=INDEXES) as site:
        file = site.wheel("demo", index="secret")
        site.publish("demo", file, index="secret")
        token = issue(site, "secret")

        for authorization in (basic(token.text), basic(token.text, "bob"), f"Bearer {token.text}"):
            for _ in range(2):
                page = await site.get("/secret/simple/demo/", accept=JSON, authorization=authorization)
                wheel = await site.get("/secret" + path_of(file), authorization=authorization)

                assert (200, "private, no-cache", "no-store") == (
                    page.status,
                    page.headers["cache-control"],
                    page.headers["cdn-cache-control"],
                )
                assert (200, "private, max-age=31536000, immutable") == (wheel.status, wheel.headers["cache-control"])
        assert 401 == (await site.get("/secret/simple/demo/", accept=JSON)).status
        assert 401 == (await site.get("/secret" + path_of(file))).status
        assert 404 == (await site.get("/secret/simple/nobody/", authorization=authorization)).status


@plays
async def test_a_revoked_token_is_out_with_the_next_request(tmp_path):
    async with running(tmp_path, indexes=INDEXES) as site:
        site.publish("demo", site.wheel("demo", index="secret"), index="secret")
        token = issue(site, "*")
        asked = {"accept": JSON, "authorization": basic(token.text)}
        assert [200, 200] == [(await site.get("/secret/simple/demo/", **asked)).status for _ in range(2)]

        site.tell(TokenRevoked(token.id))

        assert 401 == (await site.get("/secret/simple/demo/", **asked)).status


@plays
async def test_scope_and_expiry_hold(tmp_path):
    clock = ManualClock()
    async with running(tmp_path, clock, indexes=INDEXES) as site:
        site.publish("demo", site.wheel("demo", index="secret"), index="secret")
        other = issue(site, "main")
        brief = issue(site, "secret", expires=clock.now() + timedelta(seconds=10))

        assert 403 == (await site.get("/secret/simple/demo/", authorization=basic(other.text))).status
        assert 200 == (await site.get("/secret/simple/demo/", authorization=basic(brief.text))).status
        assert 200 == (await site.get("/secret/simple/demo/", authorization=basic(brief.text))).status
        clock.advance(11)
        assert 401 == (await site.get("/secret/simple/demo/", authorization=basic(brief.text))).status


@plays
async def test_private_reads_stop_when_revocations_could_be_missing(tmp_path):
    clock = ManualClock()
    async with running(tmp_path, clock, indexes=INDEXES) as site:
        site.publish("demo", site.wheel("demo", index="secret"), index="secret")
        site.publish("open", site.wheel("open"))
        token = issue(site, "secret")
        asked = {"accept": JSON, "authorization": basic(token.text)}
        assert 200 == (await site.get("/secret/simple/demo/", **asked)).status
        assert 200 == (await site.get("/simple/open/")).status

        site.store.broken = True
        clock.advance(14 * 60)
        assert 200 == (await site.get("/secret/simple/demo/", **asked)).status
        clock.advance(2 * 60)

        assert 503 == (await site.get("/secret/simple/demo/", **asked)).status
        assert 200 == (await site.get("/simple/open/")).status
