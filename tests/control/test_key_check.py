"""A secret key that was lost or replaced is noticed at the start, and told with what to do; nothing else stops."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from control.signing_in import signed_in
from django.conf import settings
from doors import Door
from instances import OPERATOR, Instance, soon

from holdfast.config import Config
from holdfast.control.accounts import secrets
from holdfast.control.accounts.models import AuditEvent, KeyCheck, User
from holdfast.control.compose import open_parts
from holdfast.control.key_check import key_trouble, note_key, renew_key
from holdfast.core.errors import Unavailable


@pytest.fixture(autouse=True)
def _settings_kept() -> Iterator[None]:
    kept = settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS
    yield
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = kept


def noted(instance: Instance, config: Config | None = None) -> str:
    return note_key(instance.publisher, config or instance.config, OPERATOR, deadline=soon())


def another_key(instance: Instance, text: str = "n" * 64) -> Path:
    """The file that was there is kept beside it."""
    file = instance.config.data / "secret-key"
    earlier = file.rename(file.with_name("earlier-key"))
    if text:
        file.write_text(text)
    return earlier


def with_app(instance: Instance) -> Authenticator:
    settings.SECRET_KEY = (instance.config.data / "secret-key").read_text().strip()
    alice = User.objects.create(username="alice")
    return Authenticator.objects.create(user=alice, type="totp", data={"secret": secrets.encrypt("text")})


def test_the_key_of_the_first_start_is_the_right_one(instance: Instance):
    assert "" == noted(instance)
    assert "" == noted(instance)

    key = (instance.config.data / "secret-key").read_text().strip()
    assert key not in KeyCheck.objects.get().digest


def test_another_key_is_told_with_its_file_and_what_to_do(sqlite_instance: Instance):
    noted(sqlite_instance)
    another_key(sqlite_instance)

    told = noted(sqlite_instance)

    assert f"the secret key {sqlite_instance.config.data}/secret-key is another one" in told
    assert "Put the earlier file back" in told and "holdfast key renew --lost" in told
    assert "is another one" in key_trouble(sqlite_instance.config)  # being told once does not make it right


def test_a_key_file_that_is_missing_is_told(sqlite_instance: Instance):
    config = replace(sqlite_instance.config, secret_key_file=str(sqlite_instance.config.data / "none"))

    assert "/none cannot be read" in noted(sqlite_instance, config)


def test_a_start_with_another_key_tells_it_and_goes_on(sqlite_instance: Instance, capsys: pytest.CaptureFixture[str]):
    noted(sqlite_instance)
    (sqlite_instance.config.data / "secret-key").unlink()  # the start makes a new one

    parts = open_parts(sqlite_instance.config)

    assert "is another one than this database was used with" in capsys.readouterr().out
    assert parts.publisher.head_before_write() == sqlite_instance.publisher.head_before_write()  # it may be written
    door = Door(sqlite_instance, config=replace(sqlite_instance.config, two_factor="optional"))
    page = signed_in(door, "root", is_superuser=True).get("/admin/").text
    assert "is another one than this database was used with" in page


def test_an_earlier_key_that_is_named_is_right_and_may_go_after_a_renewal(sqlite_instance: Instance):
    noted(sqlite_instance)
    row = with_app(sqlite_instance)
    earlier = another_key(sqlite_instance)
    named = replace(sqlite_instance.config, secret_key_fallback_files=(str(earlier),))
    assert "" == noted(sqlite_instance, named)

    assert (1, 0) == renew_key(sqlite_instance.publisher, named, False, OPERATOR, deadline=soon())

    assert "" == noted(sqlite_instance)
    row.refresh_from_db()
    settings.SECRET_KEY_FALLBACKS = []
    assert "text" == secrets.decrypt(row.data["secret"])


def test_a_lost_key_is_given_up_on_purpose_alone(sqlite_instance: Instance):
    noted(sqlite_instance)
    with_app(sqlite_instance)
    another_key(sqlite_instance)

    with pytest.raises(Unavailable, match="secret_key_fallback_files"):
        renew_key(sqlite_instance.publisher, sqlite_instance.config, False, OPERATOR, deadline=soon(0.1))
    assert Authenticator.objects.exists()
    assert (0, 1) == renew_key(sqlite_instance.publisher, sqlite_instance.config, True, OPERATOR, deadline=soon())

    assert "" == noted(sqlite_instance) and not Authenticator.objects.exists()
    assert User.objects.get(username="alice").recovered_until is not None
    assert {"forgotten": 1, "renewed": 0} == AuditEvent.objects.get(action="renew-key").detail
