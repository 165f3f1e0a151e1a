"""Rules for upstream files: each sentence, each order, each moment, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.core.advisories import Advisories, Advisory, Affected
from holdfast.core.errors import Absent, Refused, Removed
from holdfast.core.model import Card, File, Record
from holdfast.core.policy import Policy, Removal, admit, gate_page, judge
from holdfast.core.rules import Pass, Rules, denied

NOW = datetime(2026, 6, 8, tzinfo=UTC)
DAY = 86_400
WEEK = timedelta(days=7)
MALWARE = Affected(Advisory("MAL-1", "malware", "steals"), versions=("2.0",))
FLAW = Affected(Advisory("GHSA-1", "vulnerability", ""), versions=("2.0",))


def file(version: str = "2.0", *, age_days: float | None = 100, **facts) -> File:
    uploaded = NOW - timedelta(days=age_days) if age_days is not None else None
    filename = facts.pop("filename", f"demo-{version}-py3-none-any.whl")
    return File(filename, "a" * 64, 100, version, "bdist_wheel", "py3", uploaded, **facts)


def card(listed: File) -> Card:
    """The same file as its card tells of it."""
    return Card(
        "up",
        "demo",
        listed.filename,
        listed.sha256,
        listed.size,
        listed.upload_time,
        listed.upload_time_is_ours,
        provenance_url=listed.provenance_url,
    )


def rules(**given) -> Rules:
    if "deny" in given:
        given["denials"] = tuple(denied(what, "why") for what in given.pop("deny"))
    return Rules("main", **given)


def passed(version: str = "2.0", project: str = "demo", seconds: float = 60) -> Pass:
    return Pass(project, version, NOW + timedelta(seconds=seconds))


YOUNG = file(age_days=1)
LAST_MOMENT = datetime(9999, 12, 31, 12, tzinfo=UTC)  # an upstream may claim any
REFUSALS = [
    # cooldown
    (
        rules(cooldown_seconds=7 * DAY),
        YOUNG,
        "demo 2.0 is held back until 2026-06-14T00:00:00Z: younger than the 7 days",
    ),
    (rules(cooldown_seconds=7 * DAY), YOUNG, "`holdfast policy pass demo==2.0` lets it through"),
    (
        replace(rules(cooldown_seconds=DAY), index="team"),
        file(age_days=0),
        "`holdfast policy pass demo==2.0 --index team`",
    ),
    (rules(cooldown_seconds=DAY), file(age_days=-1), "younger than the day this"),  # an upstream's clock runs ahead
    (rules(cooldown_seconds=7 * DAY), replace(YOUNG, upload_time=LAST_MOMENT), "is held back until 9999-12-31T"),
    (rules(cooldown_seconds=36 * 3600), YOUNG, "younger than the 36 hours"),
    (rules(cooldown_for=(("d*", DAY * 2), ("demo", 0))), YOUNG, "younger than the 2 days"),
    (rules(cooldown_seconds=7 * DAY), file(age_days=1, upload_time_is_ours=True), "younger than"),
    (rules(cooldown_seconds=7 * DAY, undated="refuse"), file(age_days=None), "does not say when it was uploaded"),
    (rules(cooldown_seconds=7 * DAY, undated="refuse"), file(upload_time_is_ours=True), "does not say when"),
    (rules(cooldown_seconds=7 * DAY, passes=(passed("2.1"), passed("2.0", "other"))), YOUNG, "younger than"),
    (rules(cooldown_seconds=7 * DAY, passes=(passed(seconds=0),)), YOUNG, "younger than"),
    # allow and deny
    (rules(allow=("num*",)), file(), "demo is not among the names that index main lets in from upstreams"),
    (rules(deny=("demo",)), file(), "demo is denied in index main (rule `demo`): why"),
    (rules(deny=("d*o",)), file(), "(rule `d*o`)"),
    (rules(deny=("Demo<3",)), file(), "demo 2.0 is denied in index main (rule `demo<3`): why; choose another version"),
    (rules(deny=("demo<2.1",)), file("2.0rc1"), "(rule `demo<2.1`)"),  # pre-releases count
    (rules(deny=("demo==2.0",)), file("2.0+cpu"), "(rule `demo==2.0`)"),
    (rules(deny=("demo>9",)), file("", filename="demo-latest.whl"), "(rule `demo>9`)"),  # no version to judge by
    # advisories
    (
        rules(advisories=Advisories({"demo": (MALWARE,)}), advisory_level="malware"),
        file(),
        "demo 2.0 is known malware (MAL-1): steals; choose another version",
    ),
    (
        rules(advisories=Advisories({"demo": (FLAW,)}), advisory_level="all"),
        file(),
        "demo 2.0 has a known vulnerability (GHSA-1); choose another version",
    ),
    (rules(advisories=Advisories({"demo": (FLAW, MALWARE)}), advisory_level="malware"), file(), "MAL-1"),
    # what must be known
    (rules(require=("hash",)), replace(file(), sha256=""), "has no sha256 on its upstream's page"),
    (rules(require=("provenance",)), file(), "has no provenance attestation"),
    (rules(file_bytes_max=99), file(), "has 100 bytes, index main takes 99"),
    # break-glass is for age alone
    (rules(cooldown_seconds=DAY, deny=("demo",), passes=(passed(),)), YOUNG, "is denied"),
    (
        rules(
            cooldown_seconds=DAY,
            passes=(passed(),),
            advisories=Advisories({"demo": (MALWARE,)}),
            advisory_level="malware",
        ),
        YOUNG,
        "is known malware",
    ),
]
ADMISSIONS = [
    (rules(cooldown_seconds=7 * DAY), file(age_days=7)),
    (rules(cooldown_seconds=7 * DAY), file(age_days=None)),
    (rules(cooldown_seconds=7 * DAY, undated="first-seen"), file(age_days=8, upload_time_is_ours=True)),
    (rules(undated="refuse"), file(age_days=None)),  # no cooldown is in force
    (rules(cooldown_seconds=7 * DAY, cooldown_for=(("de*", 0), ("demo", 9 * DAY))), YOUNG),
    (rules(cooldown_seconds=7 * DAY, cooldown_for=(("other", 0),)), file()),
    (rules(cooldown_seconds=7 * DAY, passes=(passed("2.0.0"),)), YOUNG),
    (rules(cooldown_seconds=7 * DAY, undated="refuse", passes=(passed(),)), file(age_days=None)),
    (rules(allow=("d*",)), file()),
    (rules(deny=("demo<2", "other", "dem")), file()),
    (rules(advisories=Advisories({"demo": (FLAW,)}), advisory_level="malware"), file()),
    (rules(advisories=Advisories({"demo": (MALWARE,)}), advisory_level="off"), file()),
    (rules(advisories=Advisories({"demo": (MALWARE,)}), advisory_level="all"), file("2.1")),
    (rules(require=("hash", "provenance")), file(provenance_url="https://attested.example/1")),
    (rules(file_bytes_max=100), file()),
    (rules(file_bytes_max=10), replace(file(), size=None)),  # judged once it is known
]


@pytest.mark.parametrize("as_card", [False, True], ids=["file", "card"])
@pytest.mark.parametrize(("given", "listed", "sentence"), REFUSALS)
def test_a_refusal_names_the_rule_the_version_and_the_way_out(given, listed, sentence, as_card):
    subject = card(listed) if as_card else listed

    with pytest.raises(Refused) as caught:
        admit(subject, Policy(rules=given), now=NOW, project="demo")

    assert sentence in caught.value.reason
    assert gate_page(Record("up", "demo", "demo", 0, (listed,)), Policy(rules=given), now=NOW).record.files == ()


@pytest.mark.parametrize("as_card", [False, True], ids=["file", "card"])
@pytest.mark.parametrize(("given", "listed"), ADMISSIONS)
def test_what_no_rule_holds_back_passes(given, listed, as_card):
    subject = card(listed) if as_card else listed
    record = Record("up", "demo", "demo", 0, (listed,))

    admit(subject, Policy(rules=given), now=NOW, project="demo")

    assert gate_page(record, Policy(rules=given), now=NOW).record is record


@pytest.mark.parametrize(
    ("given", "listed", "until", "shows_until"),
    [
        (
            rules(cooldown_seconds=7 * DAY),
            (YOUNG, file(age_days=3), file()),
            YOUNG.upload_time + WEEK - timedelta(2),
            None,
        ),
        (rules(cooldown_seconds=7 * DAY), (file(),), None, None),
        (rules(cooldown_seconds=7 * DAY, undated="refuse"), (file(age_days=None),), None, None),
        (rules(cooldown_seconds=7 * DAY, passes=(passed(),)), (YOUNG,), passed().until, passed().until),
        (rules(cooldown_seconds=7 * DAY, passes=(passed(seconds=9 * DAY),)), (YOUNG,), None, None),
        (
            rules(cooldown_seconds=7 * DAY, passes=(passed(),)),
            (YOUNG, replace(file("2.1", age_days=6.9999), upload_time=NOW - WEEK + timedelta(seconds=9))),
            NOW + timedelta(seconds=9),
            passed().until,
        ),
    ],
)
def test_a_page_knows_until_when_it_holds(given, listed, until, shows_until):
    gated = gate_page(Record("up", "demo", "demo", 0, listed), Policy(rules=given), now=NOW)

    assert (until, shows_until) == (gated.valid_until, gated.shows_until)


def test_removal_is_said_before_any_rule():
    policy = Policy({"a" * 64: Removal("leak")}, rules(deny=("demo",)))

    with pytest.raises(Removed):
        admit(file(), policy, now=NOW, project="demo")


@pytest.mark.parametrize(
    ("given", "project", "touched"),
    [
        (rules(cooldown_for=(("demo", DAY),)), "other", False),
        (rules(cooldown_seconds=DAY, cooldown_for=(("demo", 0),)), "demo", False),
        (rules(deny=("demo<1",)), "other", False),
        (rules(allow=("demo",)), "demo", False),
        (rules(allow=("demo",)), "other", True),
        (rules(advisories=Advisories({"demo": (FLAW,)}), advisory_level="malware"), "demo", False),
        (rules(advisories=Advisories({"demo": (FLAW,)}), advisory_level="all"), "demo", True),
        (rules(advisories=Advisories({"demo": (MALWARE,)}), advisory_level="malware"), "other", False),
    ],
)
def test_rules_that_cannot_touch_a_project_let_all_of_it_pass(given, project, touched):
    assert touched != Policy(rules=given).of(project).lets_all_pass


def test_a_project_version_of_the_rules_moves_with_its_own_rules_only():
    base = rules(cooldown_seconds=DAY)
    other = replace(base, denials=(denied("other", ""),), passes=(passed(project="other"),))
    own = replace(base, denials=(denied("demo<1", ""),))

    versions = [Policy(rules=given).of("demo").version for given in (base, other, own)]

    assert versions[0] == versions[1] != versions[2]


def test_what_was_not_uploaded_before_the_moment_of_a_view_is_absent_from_it():
    policy = Policy(as_of=NOW - timedelta(days=1))

    assert isinstance(judge(YOUNG, policy, now=NOW).outcome, Absent)
    assert [None] * 2 == [judge(one, policy, now=NOW).outcome for one in (file(age_days=1.1), file(age_days=None))]


@pytest.mark.parametrize(
    "what", ["", "demo ; python_version > '3'", "demo[extra]", "demo @ https://x.example/a", "a b"]
)
def test_a_denial_that_is_no_requirement_is_not_read(what):
    with pytest.raises(ValueError, match=r"neither a name|says more than"):
        denied(what, "")
