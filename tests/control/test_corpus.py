"""Uploads through the real door: each gets its answer, and a refused one leaves nothing at all behind."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import wheels
from control import corpus_archives, corpus_backends, corpus_forms, corpus_public
from control.corpus import Row
from django.apps import apps
from doors import Door
from instances import Scopes, new_instance

from holdfast.config import IndexConfig
from holdfast.control.database import close_connection

ROWS = [*corpus_forms.ROWS, *corpus_archives.ROWS, *corpus_backends.ROWS, *corpus_public.ROWS]
UPLOADER = Scopes(read=("main", "strict"), upload=("main", "strict"), create_projects=True)


class Place:
    """One instance for the whole corpus: what refusals leave behind would be seen by the next row, too."""

    def __init__(self, folder: Path) -> None:
        self.instance = new_instance(folder)
        self.door = Door(self.instance).among(IndexConfig("main"), IndexConfig("strict", rules="public"))
        self.token = self.door.token("alice", UPLOADER)
        for name in ("demo", "existing-tool"):
            assert self.door.upload(wheels.twine_body(*wheels.wheel(name, "1.0")), self.token).status == 200
        self.seen = self.traces()  # as the row before left it

    def traces(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many rows each table has, and every file of the data folder but the database's own, with its size."""
        rows = {model.__name__: model.objects.count() for model in apps.get_models()}  # type: ignore[attr-defined]
        data = self.instance.config.data
        files = (path for path in data.rglob("*") if path.is_file() and ".sqlite" not in path.name)
        return rows, {str(path.relative_to(data)): path.stat().st_size for path in files}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield Place(tmp_path_factory.mktemp("corpus") / "data")
    close_connection()


def test_the_corpus_has_no_row_twice_and_is_large_enough():
    keys = [(row.what, row.words, row.index) for row in ROWS]

    assert len(keys) == len(set(keys))
    assert len(keys) >= 150


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.index}: {row.what} is {row.status}")
def test_an_upload_gets_its_answer_and_a_refused_one_leaves_nothing(place: Place, row: Row):
    before = place.seen
    path = "/legacy/" if row.index == "main" else f"/{row.index}/legacy/"

    answer = place.door.upload(row.make(), place.token, path)

    assert row.status == answer.status, answer.text
    assert row.words in answer.text
    assert answer.text.isascii()
    place.seen = place.traces()
    assert row.status == 200 or place.seen == before


def test_a_legal_upload_does_leave_traces(place: Place):
    """Else the comparison above could not fail."""
    before = place.traces()

    assert place.door.upload(wheels.twine_body(*wheels.wheel("traced", "1.0")), place.token).status == 200

    rows, files = place.traces()
    place.seen = rows, files
    assert rows["Project"] == before[0]["Project"] + 1
    assert len(files) > len(before[1])


def test_an_administrator_may_create_what_names_would_forbid(place: Place):
    operator = place.door.token("olga", Scopes(read=("*",), upload=("*",), create_projects=True, admin=True))

    for name in ("tomllib", "dem0", "requirements.txt"):
        body = wheels.twine_body(*wheels.wheel(name, "1.0"))
        assert place.door.upload(body, place.token).status == 400
        assert place.door.upload(body, operator).status == 200
        again = wheels.twine_body(*wheels.sdist(name, "1.0"))
        assert place.door.upload(again, operator).status == 200
        place.seen = place.traces()


def test_all_problems_of_one_upload_are_told_at_once(place: Place):
    archive = wheels.wheel("ex1sting-tool", "1.0", requires=["!"], metadata={"License-File": "LICENSE"})
    body = wheels.twine_body(*archive, protocol_version="7", md5_digest="0" * 32)

    answer = place.door.upload(body, place.token, accept="application/json")

    told = {(error["field"], error["rule"].split(" ")[0]) for error in answer.json()["errors"]}
    assert {field for field, _ in told} == {"protocol_version", "md5_digest", "requires_dist", "license_file", "name"}
    assert all(error["rule"] and error["step"] for error in answer.json()["errors"])
    assert answer.json()["code"].startswith("400 ")
    assert io.StringIO(answer.json()["message"]).readline()
