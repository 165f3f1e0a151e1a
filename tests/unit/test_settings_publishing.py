"""`[publishing.NAME]`: whose identity tokens may be exchanged, and what makes no sense."""

from pathlib import Path

import pytest

from holdfast.cli.config_example import example_file
from holdfast.config import Config, ProviderConfig
from holdfast.settings.loading import SettingsError, load
from holdfast.settings.publishing import PUBLISHING


def loaded(folder: Path, text: str) -> Config:
    file = folder / "holdfast.toml"
    file.write_text(text)
    return load({}, file, folder=folder)


def test_nobody_is_trusted_unless_an_operator_says_so(tmp_path: Path) -> None:
    assert () == loaded(tmp_path, "").providers


def test_well_known_and_own_issuers_stand_side_by_side(tmp_path: Path) -> None:
    text = """
        trusted_publishing = ["github"]
        [publishing.corporate]
        kind = "gitlab"
        issuer = "https://gitlab.corporate.example"
        claims = ["ref_protected=true"]
        ca_bundle = "ca.pem"
        [publishing.builds]
        issuer = "https://builds.example/"
        audience = "packages"
        claims = ["sub", "pipeline"]
    """

    assert (
        ProviderConfig("github", "https://token.actions.githubusercontent.com", "github"),
        ProviderConfig(
            "corporate",
            "https://gitlab.corporate.example",
            "gitlab",
            claims=(("ref_protected", "true"),),
            ca_bundle=str(tmp_path / "ca.pem"),
        ),
        ProviderConfig("builds", "https://builds.example/", "oidc", "packages", (("sub", ""), ("pipeline", ""))),
    ) == loaded(tmp_path, text).providers


def test_a_well_known_one_takes_further_rules(tmp_path: Path) -> None:
    found = loaded(tmp_path, '[publishing.github]\nclaims = ["repository_visibility=private"]').providers

    assert [("github", "github", (("repository_visibility", "private"),))] == [
        (one.name, one.kind, one.claims) for one in found
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('[publishing.a]\nclaims = ["sub"]', "publishing.a.issuer: is required"),
        ('[publishing.a]\nissuer = "http://issuer.example"\nclaims = ["sub"]', "must be an https:// URL"),
        ('[publishing.a]\nissuer = "https://u:p@issuer.example"\nclaims = ["sub"]', "without user name and password"),
        ('[publishing.a]\nissuer = "https://issuer.example"', "must name at least one claim without a value"),
        ('[publishing.a]\nissuer = "https://issuer.example"\nkind = "gitlab"\nclaims = ["sub"]', "must be NAME=VALUE"),
        ('[publishing.a]\nissuer = "https://issuer.example"\nclaims = ["sub", "sub=1"]', "names each claim once"),
        ('[publishing.a]\nissuer = "https://issuer.example"\nclaims = ["sub"]\nkeys = "x"', "is no setting"),
        (
            '[publishing.a]\nkind = "github"\nissuer = "https://accounts.google.com"\n[publishing.google]',
            "another prov",
        ),
        ('trusted_publishing = ["circleci"]', "must be a list of github, gitlab, google"),
        ("[publishing.A-]", "must be lower-case letters"),
    ],
)
def test_what_makes_no_sense_stops_the_start(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)

    assert rule in str(caught.value)


def test_the_printed_example_shows_every_key() -> None:
    assert [] == [one.key for one in PUBLISHING if f"\n# {one.key} = {one.example}\n" not in example_file()]
