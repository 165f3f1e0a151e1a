"""`holdfast policy` as an operator uses it in the middle of an incident: with the store alone, and nothing running."""

import json
import logging
import os
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from processes import Start, wait_for

from holdfast.cli.main import main
from holdfast.config import Config
from holdfast.core.model import File, Record
from holdfast.store.local import LocalStore
from holdfast.tree import addresses
from holdfast.tree.advisories import read_advisories
from holdfast.tree.instance import InstanceDocument, create_instance
from holdfast.tree.overrides import Overrides, change, history, newest
from holdfast.tree.record import encode_record

SETTINGS = """
[upstream.up]
url = "https://packages.example/simple/"
[upstream.torch]
url = "https://torch.example/simple/"
only = ["torch*"]
cooldown = "3d"
[index.main]
layers = ["up", "torch"]
cooldown = "7d"
cooldown_for = ["acme-*=0"]
deny = ["leftpad<2: broken by design"]
[index.strict]
layers = ["up"]
advisories = "all"
allow = ["demo", "flawed"]
"""
NOW = datetime.now(UTC)
INSTANCE = "0123456789abcdef"


class Desk:
    """A data folder whose store was initialised, with settings and no running process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = Config(data=folder / "data")
        self.store = LocalStore.create(self.config.store_folder)
        create_instance(self.store, InstanceDocument(INSTANCE, 1, NOW))
        settings = folder / "holdfast.toml"
        settings.write_text(SETTINGS)
        self.environ = {"HOLDFAST_DATA": str(self.config.data), "HOLDFAST_CONFIG": str(settings), "SUDO_USER": "alice"}
        self.errors = ""

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run `holdfast policy`; its standard output, or what it said on standard error when it must fail."""
        done = CliRunner().invoke(main, ("policy", *words), env=self.environ)
        assert code == done.exit_code, done.output
        self.errors = done.stderr
        return done.stdout if code == 0 else done.stderr.splitlines()[-1]

    @property
    def in_force(self) -> Overrides:
        return newest(self.store)

    def keep_page(self, upstream: str, name: str, **ages: float) -> None:
        """A page of that upstream, with one sdist per version (`v1_0=days`)."""
        files = tuple(
            File(
                filename=f"{name}-{version[1:].replace('_', '.')}.tar.gz",
                sha256=f"{number:064x}",
                size=10,
                version=version[1:].replace("_", "."),
                packagetype="sdist",
                upload_time=NOW - timedelta(days=days),
            )
            for number, (version, days) in enumerate(ages.items(), 1)
        )
        record = Record(index=upstream, name=name, display=name, serial=0, files=files, fetched_at=NOW)
        self.store.put(addresses.pulled_page(upstream, name), encode_record(record).stored_bytes)

    def dump(self, *told: tuple[str, str, str], modified: str = "2025-06-01T00:00:00Z") -> str:
        """A zip file of (id, project, version or "" for every one)."""
        path = self.folder / f"dump-{len(list(self.folder.iterdir()))}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for identifier, project, version in told:
                affected = {"package": {"ecosystem": "PyPI", "name": project}, "versions": [version] if version else []}
                document = {"id": identifier, "modified": modified, "summary": "told", "affected": [affected]}
                archive.writestr(f"{identifier}.json", json.dumps(document))
        return str(path)


@pytest.fixture
def policy(tmp_path: Path) -> Iterator[Desk]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Desk(tmp_path)
    root.handlers[:] = handlers  # commands set this process's logging up; the test runner gets its own back
    root.setLevel(level)


def shown(policy: Desk, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(policy("show", "--json", *words))
    return found


def test_a_denial_is_written_with_who_when_and_why(policy: Desk) -> None:
    before = datetime.now(UTC)

    said = policy("deny", "Evil_Thing < 2", "--reason", "steals\n tokens")

    assert "evil-thing<2 is denied in every index; in force within two seconds\n" == said
    [denial] = policy.in_force.denials
    assert ("*", "evil-thing<2", "steals tokens") == (denial.index, denial.what, denial.reason)
    assert denial.by.startswith("alice@") and before <= denial.at <= datetime.now(UTC)
    assert "denied evil-thing<2 in every index: steals tokens" == policy.in_force.what
    audit = json.loads(policy.errors.splitlines()[-1])
    assert ("audit: denied evil-thing<2 in every index: steals tokens", 1) == (audit["event"], audit["serial"])
    assert audit["by"] == denial.by


def test_a_denial_again_replaces_its_reason_and_only_there(policy: Desk) -> None:
    policy("deny", "evil", "--reason", "one")
    policy("deny", "evil", "--reason", "two", "--index", "strict")
    policy("deny", "EVIL", "--reason", "three")

    assert [("strict", "two"), ("*", "three")] == [(d.index, d.reason) for d in policy.in_force.denials]


def test_a_denial_is_taken_back_in_any_spelling(policy: Desk) -> None:
    for what in ("evil>=1,<2", "acme-*", "other"):
        policy("deny", what, "--reason", "no")

    assert "acme-* is no longer denied" in policy("undeny", "ACME_*")
    assert "no longer denied in every index" in policy("undeny", "Evil <2, >=1")
    assert ["other"] == [denial.what for denial in policy.in_force.denials]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("deny", "acme @ https://x.example/a.whl", "--reason", "x"),
            "more than a name and versions; good ones: 'acme<",
        ),
        (("deny", "<2", "--reason", "x"), "neither a name, a name pattern nor a requirement; good ones"),
        (("deny", f"acme=={'1' * 5000}", "--reason", "x"), "is longer than 300 characters; good ones: 'acme<2'"),
        (("deny", "acme" * 100, "--reason", "x"), "is longer than 300 characters; good ones: 'acme<2'"),
        (("deny", "acme", "--reason", " \n"), "--reason must say something"),
        (("deny", "acme", "--reason", "x", "--index", "none"), "no index 'none'; the configured ones: main, strict"),
        (("undeny", "acme"), "no command denied acme in every index; denied: nothing"),
        (("undeny", "leftpad<2"), "leftpad<2 is denied by the settings of index main (`deny`): change it there"),
        (("unpass", "demo==1.0"), "no pass for demo==1.0 is in force in index main; in force: none"),
        (("pass", "demo", "--for", "1h", "--reason", "x"), "'demo' is no PROJECT==VERSION; a good one: demo==1.2.3"),
        (("pass", "demo==x", "--for", "1h", "--reason", "x"), "'demo==x' is no PROJECT==VERSION"),
        (("pass", f"demo=={'1' * 5000}", "--for", "1h", "--reason", "x"), "is no PROJECT==VERSION; a good one"),
        (("pass", "../x==1", "--for", "1h", "--reason", "x"), "'../x' is no project name"),
        (("pass", "demo==1", "--for", "31d", "--reason", "x"), "at most 30 days; for longer, set `cooldown_for`"),
        (("pass", "demo==1", "--for", "0", "--reason", "x"), "--for must be above zero"),
        (("pass", "demo==1", "--for", "soon", "--reason", "x"), "--for must be a duration above zero"),
        (("explain", "demo==1", "--index", "none"), "there is no index 'none'"),
        (("show", "--index", "none"), "there is no index 'none'"),
    ],
)
def test_what_cannot_be_meant_is_told_with_the_next_step_and_changes_nothing(
    policy: Desk, words: tuple[str, ...], told: str
) -> None:
    assert told in policy(*words, code=1)
    assert [] == history(policy.store)


@pytest.mark.parametrize("missing", ["--for", "--reason"])
def test_a_pass_needs_a_duration_and_a_reason(policy: Desk, missing: str) -> None:
    given = {"--for": "1h", "--reason": "urgent"}
    del given[missing]

    policy("pass", "demo==1.0", *(word for option in given.items() for word in option), code=2)
    assert f"Missing option '{missing}'" in policy.errors


def test_a_pass_holds_until_it_ends_or_is_ended(policy: Desk) -> None:
    before = datetime.now(UTC)

    said = policy("pass", "De.mo==2.0.0", "--for", "24h", "--reason", "security fix")

    [granted] = policy.in_force.passes
    assert ("main", "de-mo", "2.0.0", "security fix") == (
        granted.index,
        granted.project,
        granted.version,
        granted.reason,
    )
    assert before <= granted.until - timedelta(hours=24) <= datetime.now(UTC)
    assert f"let through in index main until {granted.until:%Y-%m-%d %H:%M:%S} UTC" in said
    assert "has ended" in policy("unpass", "de-mo==2.0.0")
    assert () == policy.in_force.passes


def test_a_pass_given_again_replaces_the_first(policy: Desk) -> None:
    policy("pass", "demo==2.0", "--for", "24h", "--reason", "one")
    policy("pass", "demo==2.0", "--for", "1h", "--reason", "two")

    assert ["two"] == [granted.reason for granted in policy.in_force.passes]


def test_a_pass_is_refused_where_it_could_change_nothing(policy: Desk) -> None:
    """Whoever types it would believe the version to be let through."""
    policy("advisories", "import", policy.dump(("MAL-1", "evil", ""), ("GHSA-1", "flawed", "1.0")))
    policy("deny", "banned<2", "--reason", "licence")
    before = policy.in_force.serial

    def refused(release: str, *more: str) -> str:
        return policy("pass", release, "--for", "1h", "--reason", "x", *more, code=1)

    assert "evil 1.0 is known malware (MAL-1: told)" in refused("evil==1.0")
    assert "flawed 1.0 is held back for a known vulnerability (GHSA-1" in refused("flawed==1.0", "--index", "strict")
    assert "`holdfast policy undeny 'banned<2'` would lift that" in refused("banned==1.0")
    assert "(rule `leftpad<2`: broken by design); a change of the settings" in refused("leftpad==1.0")
    assert before == policy.in_force.serial
    for release in ("flawed==1.0", "banned==2.0", "leftpad==2.0"):
        policy("pass", release, "--for", "1h", "--reason", "x")


def test_a_pass_is_not_given_while_nobody_can_say_whether_it_is_malware(policy: Desk) -> None:
    policy("advisories", "import", policy.dump(("MAL-1", "evil", "")))
    policy.store.delete(addresses.advisories(policy.in_force.advisories))

    assert "is not in the store; import it again" in policy(
        "pass", "demo==1.0", "--for", "1h", "--reason", "x", code=1
    )  # fmt: skip
    assert () == policy.in_force.passes


def test_an_import_tells_what_it_met_and_comes_into_force(policy: Desk) -> None:
    said = policy(
        "advisories", "import", policy.dump(("MAL-1", "evil", ""), ("GHSA-1", "flawed", "1.0"), ("X", "", ""))
    )

    digest = policy.in_force.advisories
    assert (
        "3 records: 1 malware and 1 vulnerabilities of 2 projects; 0 withdrawn, 0 of other ecosystems, 1 skipped\n"
        f"taken in: in force within two seconds, table {digest[:12]}\n"
    ) == said
    assert read_advisories(policy.store, digest).find("evil", "1.0")
    assert policy.in_force.by.startswith("alice@")
    assert "audit: took advisories" in policy.errors


def test_an_older_or_shrunken_dump_needs_force(policy: Desk) -> None:
    new = policy.dump(
        ("MAL-1", "evil", ""), ("MAL-2", "worse", ""), ("MAL-3", "worst", ""), modified="2025-07-01T00:00:00Z"
    )
    old = policy.dump(("MAL-1", "evil", ""), ("MAL-2", "worse", ""))
    less = policy.dump(("MAL-1", "evil", ""), modified="2025-08-01T00:00:00Z")
    policy("advisories", "import", new)

    assert "in force already" in policy("advisories", "import", new)
    told = policy("advisories", "import", old, code=1)
    assert "is older than the table in force, of 2025-07-01T00:00:00Z; --force takes it all the same" in told
    assert "has 1 malware advisories, 3 are in force" in policy("advisories", "import", less, code=1)
    assert "No such file" in policy("advisories", "import", "nowhere.zip", code=1)
    assert 1 == len(history(policy.store))
    policy("advisories", "import", old, "--force")
    assert 2 == read_advisories(policy.store, policy.in_force.advisories).malware


def test_show_tells_settings_decisions_and_advisories(policy: Desk) -> None:
    policy("deny", "evil", "--reason", "steals", "--index", "strict")
    policy("pass", "demo==2.0", "--for", "24h", "--reason", "urgent")
    policy("advisories", "import", policy.dump(("MAL-1", "evil", "")))

    text, facts = policy("show"), shown(policy)

    for line in (
        "  from upstream up: files younger than 7 d wait; undated files: trust-existing\n",
        "  from upstream torch: files younger than 7 d wait; undated files: trust-existing\n",
        "  for acme-*: no wait\n",
        "  denied by its settings: leftpad<2: broken by design\n",
        "  lets in only: demo, flawed\n",
        "  advisories hold known malware back\n",
        "  evil is denied in index strict: steals (by alice@",
        "  demo==2.0 passes the cooldown in index main until ",
        " 23 h 59 min left: urgent (by alice@",
        "  1 malware and 0 vulnerabilities of 1 projects, table ",
        "  newest record of 2025-06-01 00:00 UTC (",
    ):
        assert line in text
    assert ["main", "strict"] == [index["name"] for index in facts["indexes"]]
    assert 86_000 < facts["passes"][0]["seconds_left"] <= 86_400
    assert (1, 0, 1) == tuple(facts["advisories"][key] for key in ("malware", "vulnerabilities", "projects"))
    narrowed = shown(policy, "--index", "main")
    assert ([], 1) == (narrowed["denials"], len(narrowed["passes"]))


def test_show_leaves_out_what_has_run_out_and_tells_what_is_missing(policy: Desk) -> None:
    def run_out(old: Overrides) -> Overrides:
        return msgspec.structs.replace(
            old, passes=tuple(msgspec.structs.replace(one, until=NOW - timedelta(hours=1)) for one in old.passes)
        )

    policy("pass", "demo==2.0", "--for", "24h", "--reason", "urgent")
    change(policy.store, run_out, by="clock", what="time went by", now=NOW - timedelta(hours=2))

    assert [] == shown(policy)["passes"]
    assert "decided by operators\n  nothing\n" in policy("show")
    assert "none: set `advisories` to an OSV dump, or `holdfast policy advisories import PATH`" in policy("show")


def test_show_tells_why_the_running_pull_did_not_take_the_dump_in(policy: Desk, start: Start) -> None:
    dump = policy.folder / "all.zip"
    dump.write_bytes(b"cut off")
    os.utime(dump, (NOW.timestamp() - 60,) * 2)
    policy.environ["HOLDFAST_ADVISORIES"] = str(dump)

    assert f"  followed: {dump}\n" in policy("show")
    start("-m", "holdfast.cli.main", "pull", **policy.environ)
    told = wait_for(lambda: shown(policy)["advisories"]["dump_trouble"], "pull looked at the dump")

    assert "is neither a folder nor a whole zip file" in told
    assert f"  but: {told}\n" in policy("show")


def test_history_tells_the_newest_change_first(policy: Desk) -> None:
    assert "nothing was ever changed at run time\n" == policy("history")
    policy("deny", "evil", "--reason", "steals")
    policy("pass", "demo==2.0", "--for", "24h", "--reason", "urgent")
    policy("undeny", "evil")

    lines = policy("history").splitlines()

    assert ["3", "2", "1"] == [line.split()[0] for line in lines]
    assert lines[0].endswith("no longer denied evil in every index")
    assert "let demo==2.0 through in index main until" in lines[1] and "alice@" in lines[1]
    assert [3, 2] == [one["serial"] for one in json.loads(policy("history", "--json", "--last", "2"))]


def test_explain_names_the_rule_that_holds_each_file_back(policy: Desk) -> None:
    policy.keep_page("up", "demo", v1_0=100, v2_0=1)

    old, young = policy("explain", "demo==1.0"), policy("explain", "demo==2.0")

    assert "demo 1.0 in index main\n  upstream up, page of " in old
    assert "    demo-1.0.tar.gz\n      let through\n" in old
    assert "demo 2.0 is held back until" in young and "younger than the 7 days this index asks for" in young
    assert "  upstream torch\n    is not asked for this name (`only`, `except`)\n" in young
    policy("pass", "demo==2.0", "--for", "1h", "--reason", "urgent")
    assert "let through until" in policy("explain", "demo==2.0")
    policy("deny", "demo", "--reason", "no more")
    assert "is denied in index main (rule `demo`): no more" in policy("explain", "demo==2.0")


def test_explain_says_what_it_knows_of_a_version_that_is_not_kept(policy: Desk) -> None:
    policy.keep_page("up", "evil", v1_0=100)
    policy("advisories", "import", policy.dump(("MAL-1", "evil", "2.0")))

    assert "no page of it is kept here" in policy("explain", "never==1.0")
    assert "files younger than 7 d would wait; its dates are not known here" in policy("explain", "never==1.0")
    told = policy("explain", "evil==2.0")
    assert "its page lists no such version" in told and "evil 2.0 is known malware (MAL-1): told" in told
    places = json.loads(policy("explain", "other==1", "--index", "strict", "--json"))["places"]
    assert [("upstream", "up")] == [(place["kind"], place["name"]) for place in places]
    assert "not among the names that index strict lets in" in places[0]["rule"]


def test_a_store_that_is_gone_is_told_and_nothing_is_taken_for_absent(policy: Desk) -> None:
    policy.config.store_folder.rename(policy.folder / "elsewhere")

    for words in (("show",), ("history",), ("deny", "x", "--reason", "y"), ("explain", "demo==1")):
        assert policy(*words, code=1).startswith("holdfast: ")


def test_explain_knows_that_rules_do_not_hold_for_hosted_files(policy: Desk, tmp_path: Path) -> None:
    from instances import new_instance

    data = tmp_path / "hosting"
    data.mkdir()
    new_instance(data).upload("demo", "2.0")
    policy.environ["HOLDFAST_DATA"] = str(data)
    policy("deny", "demo", "--reason", "the upstream's")

    told = policy("explain", "demo==2.0", "--index", "main")

    assert "demo 2.0 in index main\n  index main\n    demo-2.0.tar.gz\n      let through\n" == told
