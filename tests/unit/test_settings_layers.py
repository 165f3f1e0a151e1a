"""Tables of indexes and upstreams that mean what they say; those that do not fit together stop the start."""

from pathlib import Path

import pytest

from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.settings.loading import Problem, SettingsError, load

HERE = Path("/srv/here")
UPSTREAM_URL = "https://index.example/simple/"


def write(folder: Path, text: str) -> Path:
    file = folder / "holdfast.toml"
    file.write_text(text)
    return file


def problems(file: Path) -> list[Problem]:
    with pytest.raises(SettingsError) as caught:
        load({}, file, folder=HERE)
    return caught.value.problems


def test_indexes_and_upstreams_are_tables(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        [upstream.public]
        [upstream.corporate]
        url = "https://corporate.example/simple"
        [index.main]
        reserved = ["acme-*"]
        [index.secret]
        private = true
        layers = ["corporate"]
        [index.bare]
        """,
    )

    found = load({}, file, folder=HERE)

    assert found.upstreams == (
        UpstreamConfig("public", url=""),
        UpstreamConfig("corporate", url="https://corporate.example/simple/"),
    )
    assert found.indexes == (
        IndexConfig("main", layers=("public", "corporate"), reserved=("acme-*",)),
        IndexConfig("secret", private=True, layers=("corporate",)),
        IndexConfig("bare"),
    )


@pytest.mark.parametrize("word", ["none", "None", " none "])
def test_upstream_none_means_no_upstream_whatever_the_file_says(tmp_path: Path, word: str) -> None:
    file = write(tmp_path, f'[upstream.a]\nurl = "{UPSTREAM_URL}"\n[upstream.b]\nurl = "{UPSTREAM_URL}"\n')

    for found in (load({"HOLDFAST_UPSTREAM": word}, file, folder=HERE), load({"HOLDFAST_UPSTREAM": word}, folder=HERE)):
        assert found.upstreams == ()
        assert found.indexes == (IndexConfig("main"),)


def test_the_short_form_of_the_file_and_the_variable_name_one_upstream(tmp_path: Path) -> None:
    file = write(tmp_path, f'upstream = "{UPSTREAM_URL}"')

    assert load({}, file, folder=HERE).upstreams == (UpstreamConfig("upstream", url=UPSTREAM_URL),)
    assert load({}, write(tmp_path, 'upstream = "none"'), folder=HERE).upstreams == ()
    assert load({"HOLDFAST_UPSTREAM": UPSTREAM_URL}, folder=HERE).upstreams == (
        UpstreamConfig("upstream", url=UPSTREAM_URL),
    )
    named = write(tmp_path, "[upstream.corporate]\nconnections_max = 2\n")
    assert load({"HOLDFAST_UPSTREAM": UPSTREAM_URL}, named, folder=HERE).upstreams == (
        UpstreamConfig("corporate", url=UPSTREAM_URL, connections_max=2),
    )


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ('[index.main]\nlayers = ["nobody"]', "must be the name of an upstream or another index"),
        ('[index.main]\nlayers = ["main"]', "must be the name of an upstream or another index"),
        ('[index.main]\nlayers = ["own"]\n[index.own]\nprivate = true', "an index that anybody may read"),
        ('[index.main]\nupload_to = "upstream"', "a hosted index that takes its uploads itself"),
        ('[index.main]\ncooldown_for = ["numpy"]', "PATTERN=AGE"),
        ('[index.main]\ndeny = ["not a name!"]', "NAME or requirement"),
        ('[index.main]\nrequire = ["luck"]', "hash, provenance"),
        ('[index.main]\nadvisories = "some"', "off, malware, all"),
        ('[index.main]\nauto_quarantine = ["observers=0"]', 'rules such as "reports=2'),
        ('[index.main]\nauto_quarantine = ["reports=1 reports=2"]', 'rules such as "reports=2'),
        ('[index.main]\nauto_quarantine = ["reports=1 observers=2"]', "observers are some of the reports"),
    ],
)
def test_wrong_layers_and_policies_stop_the_start(tmp_path: Path, table: str, rule: str) -> None:
    assert rule in str(problems(write(tmp_path, table))[0])


def test_auto_quarantine_can_be_switched_off(tmp_path: Path) -> None:
    found = load({}, write(tmp_path, '[index.main]\nauto_quarantine = ["off"]\n'), folder=HERE)

    assert (None, ()) == (IndexConfig("main").auto_quarantine, found.indexes[0].auto_quarantine)


def test_an_index_may_lie_over_another(tmp_path: Path) -> None:
    found = load({}, write(tmp_path, '[index.dev]\nlayers = ["main", "upstream"]\n'), folder=HERE)

    assert found.index("dev") == IndexConfig("dev", layers=("main", "upstream"))
