"""What a log may say of an address."""

import pytest

from holdfast.core.logged_path import loggable


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/simple/demo/", "/simple/demo/"),
        ("/team/@preview/secret/simple/demo/", "/team/@preview/-/simple/demo/"),
        ("/account/password/reset/key/1-abc-def/", "/account/password/reset/key/-/"),
        ("/packages/account/invitation/secret/", "/packages/account/invitation/-/"),
        ("/account/let-in/MQ:secret:signed/", "/account/let-in/-/"),
        ("/account/confirm-email/MQ:secret/", "/account/confirm-email/-/"),
        ("/account/confirm-email/MQ:secret", "/account/confirm-email/-"),
        ("/account/confirm-email/", "/account/confirm-email/"),
        ("/account/sessions/", "/account/sessions/"),
    ],
)
def test_a_path_is_logged_without_what_opens_something(path: str, logged: str):
    assert logged == loggable(path)
