"""The accounts and credentials of the deploy gate: every kind of them, for the canary's index alone."""

import pytest
from doors import Door
from instances import OPERATOR, Instance, soon

from holdfast.control.accounts.mfa import has_second_factor
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.accounts.people import freeze
from holdfast.control.canary import CanaryToken, clean_up, make_tokens, reading_token
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.secret_key import make_key
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import upload_form

INDEX = "team"  # a private one


def made(instance: Instance) -> list[CanaryToken]:
    make_key(instance.config)
    return make_tokens(instance.publisher, instance.config, INDEX, deadline=soon())


def form(token: CanaryToken, version: str) -> tuple[str, bytes]:
    return upload_form(wheel(token.project, version))


def upload(door: Door, token: CanaryToken, version: str, index: str = f"/{INDEX}") -> int:
    return door.upload(form(token, version), token.text, f"{index}/legacy/").status


def test_each_kind_uploads_to_its_index_and_nowhere_else_again_and_again(instance: Instance):
    door = Door(instance)
    for turn in ("1", "2"):  # the second time everything is there, and was delisted
        tokens = made(instance)
        assert [200] * 5 == [upload(door, token, f"{turn}.{n}") for n, token in enumerate(tokens)]
        assert {403} == {upload(door, token, f"{turn}.9", "") for token in tokens}

        clean_up(instance.publisher, INDEX, [token.text for token in tokens], deadline=soon())

        assert not Project.objects.filter(deleted=None).exists()
        assert {401, 403} >= {upload(door, token, f"{turn}.8") for token in tokens}


def test_people_of_the_canary_are_made_once_and_one_has_a_second_factor(sqlite_instance: Instance):
    made(sqlite_instance)
    made(sqlite_instance)

    people = User.objects.filter(username__startswith="holdfast-canary").order_by("username")
    assert [("holdfast-canary", False), ("holdfast-canary-org-robot", False), ("holdfast-canary-two", True)] == [
        (user.username, has_second_factor(user)) for user in people
    ]
    assert not any(user.has_usable_password() for user in people)
    assert AuditEvent.objects.filter(action="create-token", actor="holdfast-canary").count() == 8


def test_the_reading_token_uploads_nothing(sqlite_instance: Instance):
    [person, *_] = made(sqlite_instance)
    reader = reading_token(sqlite_instance.publisher, INDEX, deadline=soon())

    assert Door(sqlite_instance).upload(form(person, "1.0"), reader, f"/{INDEX}/legacy/").status == 403


def test_a_frozen_account_of_the_canary_is_told_by_its_name(sqlite_instance: Instance):
    made(sqlite_instance)
    freeze(sqlite_instance.publisher, "holdfast-canary", "why", OPERATOR, deadline=soon())

    with pytest.raises(NotAccepted, match="holdfast user unfreeze"):
        made(sqlite_instance)


def test_a_robot_that_its_organisation_disabled_is_found_by_name(sqlite_instance: Instance):
    made(sqlite_instance)
    User.objects.filter(username="holdfast-canary-org-robot").update(is_active=False)

    with pytest.raises(NotAccepted, match="frozen"):
        made(sqlite_instance)
