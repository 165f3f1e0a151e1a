"""What a release still takes under public rules: one sdist, distinct bytes, new files for 14 days, so many bytes."""

from datetime import UTC, datetime

import pytest
import wheels
from control.clocks import ForwardClock
from doors import Answered, Door
from instances import ALICE, Instance, Scopes, new_file, operator, soon

from holdfast.config import IndexConfig
from holdfast.control.projects.models import File, FilenameBinding, Intent
from holdfast.control.projects.publishing import publish_file, require_place_for
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.retention.quotas import set_quota
from holdfast.control.uploads.rules import PROFILES
from holdfast.core.release_rules import ReleaseRules

DAY = 86_400
BOTH = Scopes(read=("main", "strict"), upload=("main", "strict"), create_projects=True)
SDIST = wheels.sdist("demo", "1.0")
WHEEL = wheels.wheel("demo", "1.0")


class Place:
    """One instance with a private index `main` and a public one `strict`, and a clock to set forward."""

    def __init__(self, instance: Instance) -> None:
        self.clock = ForwardClock()
        self.publisher = instance.another_publisher(clock=self.clock)
        self.door = Door(instance, clock=self.clock, publisher=self.publisher)
        self.door.among(IndexConfig("main"), IndexConfig("strict", rules="public"))
        self.token = self.door.token("alice", BOTH)

    def upload(self, archive: tuple[str, bytes], path: str = "/strict/legacy/", accept: str = "*/*") -> Answered:
        return self.door.upload(wheels.twine_body(*archive), self.token, path, accept)


@pytest.fixture
def place(sqlite_instance: Instance) -> Place:
    return Place(sqlite_instance)


def refused(answer: Answered, words: str) -> None:
    assert (400, True) == (answer.status, words in answer.text), answer.text
    assert answer.text.isascii()


def test_a_release_takes_one_sdist(place: Place):
    assert 200 == place.upload(SDIST).status
    File.objects.update(filename="demo-1.0.zip")  # as an sdist of the time before these rules
    FilenameBinding.objects.update(filename="demo-1.0.zip")

    answer = place.upload(wheels.sdist("demo", "1.0", size=9))

    refused(answer, "release '1.0' of 'demo' has an sdist, 'demo-1.0.zip', and takes no second one ('demo-1.0.tar.gz')")
    assert "Publish a new version" in answer.text
    assert "lready exist" not in answer.text, "or --skip-existing would pass over it"
    assert 200 == place.upload(WHEEL).status
    assert 200 == place.upload(wheels.sdist("demo", "1.1")).status


def test_a_private_index_takes_what_tools_have_written_for_years(place: Place):
    for archive in (SDIST, wheels.sdist("demo", "1.0", suffix=".zip")):
        assert 200 == place.upload(archive, "/legacy/").status
    place.clock.advance(1000 * DAY)
    assert 200 == place.upload(WHEEL, "/legacy/").status


def test_a_release_is_closed_after_14_days_but_for_the_same_bytes(place: Place):
    assert 200 == place.upload(SDIST).status
    place.clock.advance(14 * DAY - 60)
    late = wheels.wheel("demo", "1.0", tags=["py2-none-any"])
    assert 200 == place.upload(late).status
    place.clock.advance(60)

    answer = place.upload(WHEEL)

    refused(answer, "release '1.0' of 'demo' is closed: it takes new files for 14 days, which ended at 20")
    assert "Publish a new version" in answer.text
    assert 2 == File.objects.count()
    assert not Intent.objects.exists(), "it was refused before anything was stored"
    for again in (SDIST, late):
        assert (200, True) == (place.upload(again).status, "already there" in place.upload(again).text)
    refused(place.upload(wheels.sdist("demo", "1.0", size=3)), "File already exists")
    assert 200 == place.upload(wheels.wheel("demo", "1.1")).status


def test_the_same_bytes_have_one_filename_in_a_project(place: Place):
    assert 200 == place.upload(SDIST).status
    File.objects.update(filename="demo-1.tar.gz")
    FilenameBinding.objects.update(filename="demo-1.tar.gz")

    answer = place.upload(SDIST)

    refused(answer, "File already exists ('demo-1.tar.gz' has the same bytes")
    assert answer.text.startswith("File already exists"), "upload tools look for it there"


def test_bytes_that_another_project_has_are_no_matter(place: Place):
    assert 200 == place.upload(SDIST).status
    File.objects.update(sha256="0" * 64)  # else the filename would be the same
    assert 200 == place.upload(wheels.sdist("other", "1.0")).status


def test_a_project_holds_so_many_bytes_and_a_quota_goes_before(sqlite_instance: Instance):
    """Ten gigabytes are not written in a test: the bound is data, and here it is 2000 bytes."""
    publisher, rules = sqlite_instance.publisher, ReleaseRules(project_bytes_max=2000)
    first, second = new_file("demo", "1.0", size=1500), new_file("demo", "1.1", size=501)
    publish_file(publisher, "main", first, ALICE, deadline=soon(), rules=rules)

    for refuse in (
        lambda: require_place_for("main", second, rules, datetime.now(UTC)),
        lambda: publish_file(publisher, "main", second, ALICE, deadline=soon(), rules=rules),
    ):
        with pytest.raises(NotAccepted, match="past the quota of project 'demo': it holds 1500 of 2000 bytes"):
            refuse()
    set_quota(publisher, "main", "demo", 10_000, operator(), deadline=soon())
    publish_file(publisher, "main", second, ALICE, deadline=soon(), rules=rules)


def test_the_public_bound_is_10_gib_and_the_private_one_is_none():
    assert (10 * 1024**3, 0) == tuple(PROFILES[name].release.project_bytes_max for name in ("public", "private"))


def test_a_refusal_has_its_json_form(place: Place):
    assert 200 == place.upload(SDIST).status
    place.clock.advance(15 * DAY)

    answer = place.upload(WHEEL, accept="application/json;q=0.9, text/plain;q=0.8")

    assert "application/json" == answer.headers["content-type"]
    assert answer.json()["code"].startswith("400 release '1.0' of 'demo' is closed")
