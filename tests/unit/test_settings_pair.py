"""Settings of a store pair hold together: one machine, SQLite, and one place for its notes."""

from pathlib import Path

import pytest

from holdfast.settings.loading import load
from holdfast.settings.problems import SettingsError

HERE = Path("/srv/here")


@pytest.mark.parametrize(
    ("database", "notes", "wrong"),
    [
        ("", "", []),
        ("sqlite:///srv/one/holdfast.sqlite3", "/srv/one/pair", []),
        ("sqlite:///srv/one/holdfast.sqlite3", "", ["HOLDFAST_STORE_PAIR_NOTES"]),
        ("", "/srv/one/pair", ["HOLDFAST_STORE_PAIR_NOTES"]),
        ("postgresql://db.example/h", "/srv/one/pair", ["HOLDFAST_STORE_PAIR"]),
    ],
)
def test_a_release_beside_one_with_a_pair_says_where_both_note(database: str, notes: str, wrong: list[str]) -> None:
    environ = {"HOLDFAST_STORE": "/srv/one/store", "HOLDFAST_STORE_PAIR": "/mnt/second"}

    try:
        load(environ | {"HOLDFAST_DATABASE_URL": database, "HOLDFAST_STORE_PAIR_NOTES": notes}, folder=HERE)
        problems = []
    except SettingsError as error:
        problems = [problem.setting for problem in error.problems]

    assert wrong == problems
