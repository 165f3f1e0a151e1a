"""Advisories: what an OSV record means, version by version, and what is told of records that make no sense."""

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.core.advisories import Advisories, Advisory
from holdfast.core.osv import Counts, Reading

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def record(identifier: str = "MAL-1", *affected: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": identifier, "modified": "2025-01-01T00:00:00Z", "summary": "bad", "affected": [*affected], **more}


def of(name: str = "demo", versions: Any = (), events: Any = None, **more: Any) -> dict[str, Any]:
    """One entry of `affected`."""
    ranges = [{"type": "ECOSYSTEM", "events": events}] if events is not None else []
    return {"package": {"ecosystem": "PyPI", "name": name}, "versions": list(versions), "ranges": ranges, **more}


def read(*documents: object) -> tuple[Advisories, Counts]:
    reading = Reading(NOW)
    for document in documents:
        reading.add(document if isinstance(document, bytes) else json.dumps(document).encode())
    return reading.done()


def affected_of(document: dict[str, Any], versions: str, project: str = "demo") -> str:
    """Those of the versions that the record holds back."""
    table, _ = read(document)
    return " ".join(version for version in versions.split() if table.find(project, version))


@pytest.mark.parametrize(
    ("events", "held_back"),
    [
        ([{"introduced": "0"}], "0.1 1.0rc1 1.0 1.1 2.0 3.0"),
        ([{"introduced": "0"}, {"fixed": "1.1"}], "0.1 1.0rc1 1.0"),
        ([{"introduced": "1.0"}, {"fixed": "2.0"}], "1.0 1.1"),
        ([{"introduced": "1.0"}], "1.0 1.1 2.0 3.0"),
        ([{"introduced": "1.0"}, {"last_affected": "1.0"}], "1.0"),
        ([{"introduced": "0"}, {"last_affected": "1.1"}], "0.1 1.0rc1 1.0 1.1"),
        ([{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "2.0"}, {"fixed": "3.0"}], "0.1 1.0rc1 2.0"),
        ([{"fixed": "1.1"}, {"introduced": "2.0"}, {"introduced": "0"}], "0.1 1.0rc1 1.0 2.0 3.0"),
        ([{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.0"}, {"fixed": "2.0"}], "0.1 1.0rc1 1.0 1.1"),
        ([{"introduced": "0"}, {"limit": "1.1"}], "0.1 1.0rc1 1.0"),
        ([{"introduced": "0"}, {"fixed": "1.0"}, {"limit": "2.0"}], "0.1 1.0rc1"),
        ([{"introduced": "0"}, {"limit": "*"}], "0.1 1.0rc1 1.0 1.1 2.0 3.0"),
        ([{"introduced": "2.0"}, {"limit": "2.0"}], ""),
        ([{"fixed": "1.0"}], ""),
        ([], ""),
    ],
)
def test_a_range_means_what_the_format_says(events: list[dict[str, str]], held_back: str) -> None:
    document = record("GHSA-1", of(events=events, versions=["9.9"]))

    assert held_back == affected_of(document, "0.1 1.0rc1 1.0 1.1 2.0 3.0")


def test_listed_versions_count_beside_ranges_in_any_spelling() -> None:
    document = record("GHSA-1", of("De_Mo.X", ["v3.0.0", "2004D "], [{"introduced": "1.0"}, {"fixed": "2.0"}]))

    assert "1.5 3.0.0 2004d" == affected_of(document, "0.9 1.5 2.0 3.0.0 2004d", "de-mo-x")


def test_a_local_build_is_as_affected_as_its_release() -> None:
    """torch 2.0+cu118 is a build of 2.0: it must not slip past what names 2.0."""
    assert "2.0+cu118 2.0" == affected_of(record("GHSA-1", of(versions=["2.0"])), "2.0+cu118 2.0 2.1+cu118")
    up_to = [{"introduced": "0"}, {"last_affected": "2.0"}]
    assert "2.0+cu118" == affected_of(record("GHSA-1", of(events=up_to)), "2.0+cu118 2.0.1")
    fixed_locally = [{"introduced": "0"}, {"fixed": "2.0+fix"}]
    assert "2.0" == affected_of(record("GHSA-1", of(events=fixed_locally)), "2.0 2.0+fix 2.0+fix.1")


def test_a_version_that_does_not_parse_sorts_before_all_others() -> None:
    """So a file whose name tells no version is held back with the first versions, and never let through instead."""
    assert table_of([{"introduced": "0"}, {"fixed": "1.0"}]).find("demo", "") is not None
    assert table_of([{"introduced": "0.1"}]).find("demo", "2004d") is None


def table_of(events: list[dict[str, str]]) -> Advisories:
    return read(record("GHSA-1", of(events=events)))[0]


@pytest.mark.parametrize(
    "said",
    [
        of(),
        {"package": {"ecosystem": "pypi", "name": "demo"}},
        of(events=[{"introduced": "0"}]),
        of(events=[{"introduced": "?"}]),
        of(versions=[7, None]),
        of(ranges=[{"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "1f3870be"}]}]),
    ],
)
def test_malware_that_names_no_version_means_every_version(said: dict[str, Any]) -> None:
    assert "0.1 1.0 none" == affected_of(record("MAL-2025-1", said), "0.1 1.0 none")


def test_malware_in_listed_versions_leaves_the_others_alone() -> None:
    """A hijacked release is withdrawn by its project; the ones before it are what everybody installs."""
    assert "1.1" == affected_of(record("MAL-1", of(versions=["1.1"])), "1.0 1.1 1.2")


def test_a_vulnerability_that_names_no_version_holds_nothing_back_and_is_counted() -> None:
    table, counts = read(record("GHSA-1", of()), record("GHSA-2", of(events=[{"introduced": "?"}])))

    assert table.find("demo", "1.0") is None
    assert (2, 0) == (counts.skipped, counts.known)


@pytest.mark.parametrize("modified", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", 7])
def test_a_record_dated_beyond_all_calendars_counts_and_does_not_end_the_reading(modified: object) -> None:
    every = of(events=[{"introduced": "0"}])
    table, counts = read(record("MAL-1", every, modified=modified), record("GHSA-1", every))

    found = table.find("demo", "1.0")
    assert (2, "MAL-1") == (counts.known, found and found.id)


def test_malware_is_told_before_a_vulnerability() -> None:
    every = of(events=[{"introduced": "0"}])
    table, counts = read(record("GHSA-1", every), record("PYSEC-1", every), record("MAL-9", of(versions=["2.0"])))

    assert Advisory("MAL-9", "malware", "bad") == table.find("demo", "2.0")
    assert Advisory("GHSA-1", "vulnerability", "bad") == table.find("demo", "1.0")
    assert table.find("other", "1.0") is None
    assert (1, 2, 1) == (counts.malware, counts.vulnerabilities, counts.projects)


def test_withdrawn_records_and_other_ecosystems_are_left_out() -> None:
    theirs = {"package": {"ecosystem": "npm", "name": "demo"}}
    table, counts = read(
        record("MAL-1", of(), withdrawn="2025-02-01T00:00:00Z"),
        record("MAL-2", theirs),
        record("MAL-3", theirs, of("both")),
    )

    assert ["both"] == list(table.entries)
    assert (1, 1, 1, 3) == (counts.withdrawn, counts.elsewhere, counts.malware, counts.read)


def test_of_two_records_with_one_id_the_later_counts() -> None:
    older, newer = record("MAL-1", of("old")), record("MAL-1", of("new"), modified="2025-03-01T00:00:00Z")

    for order in ((older, newer), (newer, older)):
        table, counts = read(*order)
        assert (["new"], 1) == (list(table.entries), counts.malware)


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        [],
        {"affected": [of()]},
        {"id": 7, "affected": [of()]},
        {"id": "MAL-\n1", "affected": [of()]},
        record("MAL-1", affected="demo"),
        record("MAL-1", {"package": "demo"}, of(7), of("../demo"), {"package": {"ecosystem": "PyPI"}}, of("é")),
        record("GHSA-1", of(versions="1.0", ranges={"type": "ECOSYSTEM"})),
        record("GHSA-1", of(versions=["1" * 5000], events=["introduced", {"introduced": ["0"]}])),
    ],
)
def test_a_record_that_makes_no_sense_is_counted_and_never_fatal(odd: object) -> None:
    table, counts = read(odd, record("MAL-2", of("good")))

    assert "MAL-2" == getattr(table.find("good", "1.0"), "id", None)
    assert 1 == counts.malware
    assert 2 == counts.read + counts.skipped


def test_the_newest_date_is_that_of_the_records_but_never_of_the_future() -> None:
    """One record dated wrongly must not make every later dump look old."""
    dates = ("2025-05-01T00:00:00Z", "2099-01-01T00:00:00Z", "2025-06-01T12:00:00.123456789Z", "yesterday", 7)
    table, _ = read(*(record(f"MAL-{number}", of(), modified=date) for number, date in enumerate(dates)))

    assert datetime(2025, 6, 1, 12, 0, 0, 123456, tzinfo=UTC) == table.modified


def test_a_summary_is_one_printable_line() -> None:
    """Clients get it in a header: a line break in it would be a header of the record's author."""
    injected = record("MAL-1", of("one"), summary="bad\r\nX-Injected: 1")
    table, _ = read(injected, record("MAL-2", of("two"), summary="a\x00\tb\r\nc"))
    told = [getattr(table.find(name, "1.0"), "summary", None) for name in ("one", "two")]

    assert ["bad", "a b"] == told
    long = read(record("MAL-1", of(), summary=None, details="x" * 900))[0].find("demo", "1")
    assert long is not None and 200 == len(long.summary)


def test_a_projects_part_is_portable_and_told_apart_by_its_content_alone() -> None:
    one, _ = read(record("MAL-1", of(versions=["1.0"])), record("MAL-2", of("other")))
    two, _ = read(record("MAL-1", of(versions=["1.0"])))
    three, _ = read(record("MAL-1", of(versions=["1.1"])))

    part = one.of("demo")
    assert part is not None and part.find("demo", "1.0")
    copy = pickle.loads(pickle.dumps(part))
    assert copy == part and copy.find("demo", "1.0") == part.find("demo", "1.0")
    assert repr(part) == repr(copy) == repr(two.of("demo")) != repr(three.of("demo"))
    assert part.of("demo") is part and part.of("other") is None and part.find("other", "1.0") is None
    assert one.of("third") is None
