"""`[sign_in.NAME]`: which providers people sign in with, and what makes no sense."""

from pathlib import Path

import pytest

from holdfast.cli.config_example import example_file
from holdfast.config import Config, SignIn
from holdfast.settings.loading import SettingsError, load
from holdfast.settings.sign_in import SIGN_IN

GOOD = """
    [sign_in.acme]
    issuer = "https://sso.acme.example/"
    client_id = "holdfast"
    domains = ["@Acme.example"]
"""


def loaded(folder: Path, text: str) -> Config:
    file = folder / "holdfast.toml"
    file.write_text(text)
    return load({}, file, folder=folder)


def test_there_is_none_by_default(tmp_path: Path) -> None:
    assert () == loaded(tmp_path, "").sign_in


def test_the_least_that_makes_one(tmp_path: Path) -> None:
    expected = SignIn("acme", "https://sso.acme.example/", "acme", "holdfast", domains=("acme.example",))

    assert (expected,) == loaded(tmp_path, GOOD).sign_in


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    text = """
        [sign_in.acme]
        issuer = "https://sso.acme.example"
        label = "Acme"
        client_id = "holdfast"
        client_secret_file = "secret"
        ca_bundle = "ca.pem"
        scopes = ["openid", "groups"]
        groups = ["python", "cn=people,dc=acme"]
        groups_claim = "roles"
        rights = ["cn=admins,dc=acme=admin", "guards=moderator", "leads=owner:acme", "ml=team:acme/ml"]
        create = false
        only = true
        second_factor = "theirs"
        second_factor_claims = ["otp"]
    """
    rights = (("cn=admins,dc=acme", "admin"), ("guards", "moderator"), ("leads", "owner:acme"), ("ml", "team:acme/ml"))
    expected = SignIn(
        name="acme",
        issuer="https://sso.acme.example",
        label="Acme",
        client_id="holdfast",
        client_secret_file=str(tmp_path / "secret"),
        ca_bundle=str(tmp_path / "ca.pem"),
        scopes=("openid", "groups"),
        groups=("python", "cn=people,dc=acme"),
        groups_claim="roles",
        rights=rights,
        create=False,
        only=True,
        second_factor="theirs",
        second_factor_claims=("otp",),
    )

    assert (expected,) == loaded(tmp_path, text).sign_in


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[sign_in.acme]\ncreate = false", "issuer: is required"),
        ("[sign_in.acme]\ncreate = false", "client_id: is required"),
        (GOOD.replace("https", "http"), "must be an https:// URL"),
        (GOOD.replace(".example/", ".example/" + "a" * 200), "is longer than 200 characters"),
        (GOOD + 'client_secret_env = "A"\nclient_secret_file = "b"', "one is enough"),
        (GOOD + 'scopes = ["email"]', "must have openid"),
        (GOOD + 'groups_claim = ""', "must name a claim"),
        (GOOD + 'second_factor = "theirs"\nsecond_factor_claims = []', "must say what shows a second factor"),
        (GOOD + 'second_factor = "none"', "must be one of ours, theirs"),
        (GOOD + 'rights = ["admins=root"]', "must be a list of GROUP=RIGHT"),
        (GOOD + 'rights = ["=admin"]', "must be a list of GROUP=RIGHT"),
        (GOOD.replace("@Acme.example", "somebody@acme.example"), "must be a list of mail domains"),
        (GOOD.replace('domains = ["@Acme.example"]', ""), "lets everybody in whom the provider knows"),
        (GOOD + GOOD.replace("sign_in.acme", "sign_in.other"), "is another provider's too"),
        (GOOD + 'secret = "s3cret"', "sign_in.acme.secret"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)

    assert rule in str(caught.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, '[sign_in.acme]\nscopes = []\nrights = ["x"]')

    assert 5 == len(caught.value.problems)


def test_an_open_instance_and_one_that_makes_no_accounts_need_no_domains(tmp_path: Path) -> None:
    text = GOOD.replace('domains = ["@Acme.example"]', "")

    assert 1 == len(loaded(tmp_path, f'sign_up = "open"\n{text}').sign_in)
    assert 1 == len(loaded(tmp_path, text + "create = false").sign_in)


def test_the_example_shows_every_key() -> None:
    text = example_file()

    assert all(f"# {setting.key} = {setting.example}" in text for setting in SIGN_IN)
