"""The gate's own exchange of an identity token, over HTTP, with tokens of a real issuer."""

from collections.abc import Iterator

import pytest
from doors import Door
from instances import Instance, operator, soon
from issuer import AUDIENCE, WIDGETS, Issuer, running_issuer
from served import served
from trusting import opened, owned

from holdfast.cli.canary import IDENTITY
from holdfast.cli.canary_checks import Candidate, Credential, Failed, canaries
from holdfast.control.publishers.actions import add_pending

INDEX = "team"  # a private one, as a canary's


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


@pytest.fixture
def door(sqlite_instance: Instance, issuer: Issuer) -> Door:
    """The CI that deploys publishes a project of `main`, too."""
    door = opened(sqlite_instance, issuer)
    owned(door)
    registered = (INDEX, IDENTITY, issuer.provider(), WIDGETS, "alice", operator())
    add_pending(sqlite_instance.publisher, *registered, deadline=soon())
    return door


def test_an_identity_token_for_the_canarys_audience_publishes_there(door: Door, issuer: Issuer) -> None:
    with served(door) as url:
        candidate = Candidate(url, f"/{INDEX}", 20)
        text = candidate.exchange(issuer.token(aud=f"{AUDIENCE}/{INDEX}"), INDEX, "unused")
        credential = Credential("identity token", IDENTITY, "__token__", text)
        [(_, made)] = canaries([credential], "2026.1")
        said = candidate.upload(made, credential)

    assert 200 == said.status, said


def test_a_token_for_another_index_is_told_with_the_audience_that_is_right(door: Door, issuer: Issuer) -> None:
    with served(door) as url, pytest.raises(Failed, match=rf"for index main; .* audience {AUDIENCE}/{INDEX}$"):
        Candidate(url, f"/{INDEX}", 20).exchange(issuer.token(), INDEX, f"{AUDIENCE}/{INDEX}")


def test_why_an_exchange_is_refused_is_told_without_its_wrapping(door: Door, issuer: Issuer) -> None:
    used = issuer.token(aud=f"{AUDIENCE}/{INDEX}")
    with served(door) as url:
        candidate = Candidate(url, f"/{INDEX}", 20)
        candidate.exchange(used, INDEX, "unused")
        with pytest.raises(Failed, match=r"is answered 422: the token was exchanged before; each is good for once$"):
            candidate.exchange(used, INDEX, "unused")
