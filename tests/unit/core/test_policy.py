"""The gate: what may be given out, asked alike for pages and files."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from records import SDIST, WHEEL, demo

from holdfast.core.errors import Refused, Removed
from holdfast.core.model import Card
from holdfast.core.policy import Policy, Removal, admit, gate_page, judge

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OPEN = Policy()
REMOVED = Policy({WHEEL.sha256: Removal("malware"), "9" * 64: Removal("court order", legal=True)})
CARD = Card("main", "demo-pkg", WHEEL.filename, WHEEL.sha256, 1, None)


def test_without_rules_a_page_passes_as_the_very_object_it_is():
    record = demo(SDIST, WHEEL)

    gated = gate_page(record, OPEN, now=NOW)

    assert gated.record is record
    assert gated.valid_until is None


def test_a_page_without_a_removed_file_passes_as_the_very_object_it_is():
    record = demo(SDIST)

    assert gate_page(record, REMOVED, now=NOW).record is record


def test_a_removed_file_is_gone_from_the_page():
    gated = gate_page(demo(SDIST, WHEEL), REMOVED, now=NOW)

    assert gated.record == demo(SDIST)
    assert gated.valid_until is None


def test_equal_bytes_under_two_names_are_both_gone():
    twin = replace(WHEEL, filename="demo_pkg-2.0-py3-none-any.whl")

    assert gate_page(demo(WHEEL, twin), REMOVED, now=NOW).record == demo()


@pytest.mark.parametrize("file", [WHEEL, CARD], ids=["file", "card"])
@pytest.mark.parametrize("status", ["active", "archived", "deprecated", "quarantined"])
def test_removed_bytes_are_gone_whatever_the_projects_status(file, status):
    with pytest.raises(Removed, match=r"demo_pkg-1\.0\+cu12-py3-none-any\.whl was removed: malware") as caught:
        admit(file, REMOVED, now=NOW, status=status)

    assert caught.value.legal is False


def test_removal_by_law_says_so():
    with pytest.raises(Removed) as caught:
        admit(replace(WHEEL, sha256="9" * 64), REMOVED, now=NOW)

    assert caught.value.legal is True


@pytest.mark.parametrize("policy", [OPEN, REMOVED], ids=["open", "removals"])
def test_a_quarantined_project_keeps_its_page_and_shows_no_file(policy):
    record = demo(SDIST, WHEEL, status="quarantined", status_reason="looked at")

    gated = gate_page(record, policy, now=NOW)

    assert gated.record == demo(status="quarantined", status_reason="looked at")


def test_files_of_a_quarantined_project_are_refused():
    with pytest.raises(
        Refused, match=r"demo_pkg-1\.0\.tar\.gz belongs to a project in quarantine: looked at"
    ) as caught:
        admit(SDIST, OPEN, now=NOW, status="quarantined", status_reason="looked at")

    assert caught.value.authenticate is False


@pytest.mark.parametrize("status", ["active", "archived", "deprecated"])
@pytest.mark.parametrize("policy", [OPEN, REMOVED], ids=["open", "removals"])
def test_every_other_status_lets_files_pass(policy, status):
    admit(SDIST, policy, now=NOW, status=status)

    assert judge(SDIST, policy, now=NOW, status=status).outcome is None
    assert gate_page(demo(SDIST, status=status), policy, now=NOW).record.files == (SDIST,)


def test_a_file_without_a_digest_yet_cannot_be_a_removed_one():
    unknown = replace(WHEEL, sha256="")

    admit(unknown, Policy({"": Removal("nonsense")}), now=NOW)


def test_a_removed_sidecar_is_no_longer_advertised():
    policy = Policy({WHEEL.metadata_sha256: Removal("leak"), WHEEL.provenance_sha256: Removal("leak")})

    gated = gate_page(demo(WHEEL), policy, now=NOW)

    assert gated.record == demo(replace(WHEEL, has_metadata=False, metadata_sha256="", provenance_sha256=""))
