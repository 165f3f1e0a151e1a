"""deploy/promote on its own: what it starts, asks, switches and stops, with small programs in their place."""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROMOTE = Path(__file__).resolve().parents[2] / "deploy" / "promote"
SECONDS_MAX = 60.0

# Each program writes down how it was called, and ends as a file of the test says. `serve` stays until it is ended; the
# gate meets it at a pipe, as it waits for the real one.
HOLDFAST = """\
#!/bin/sh
name=$(basename "$(dirname "$(dirname "$0")")")
echo "$name $*" >>"$SAID"
[ "$*" = "canary tokens" ] && echo "settings $(env | grep -c '^HOLDFAST_') ${HOLDFAST_RESOLVED:-none}" >>"$SAID"
[ "$1" = serve ] && { echo $$ >"$SCRATCH/serving"; echo up >"$SCRATCH/up"; exec tail -f /dev/null; }
[ "$2" = run ] && echo "handed $(cat "$4")" >>"$SAID"
[ "$2" = run ] && [ -z "${START:-}" ] && read -r up <"$SCRATCH/up"
[ "$2" = tokens ] && echo credentials
exit $(cat "$SCRATCH/$name-$2" 2>/dev/null || echo 0)
"""
SYSTEMCTL = """\
#!/bin/sh
echo "systemctl $*" >>"$SAID"
exit $(cat "$SCRATCH/systemctl-$1" 2>/dev/null || echo 0)
"""


@dataclass
class Ground:
    """A folder with both releases and systemctl. `codes`: which program ends with which code."""

    folder: Path
    codes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for program, text in (("old/bin/holdfast", HOLDFAST), ("new/bin/holdfast", HOLDFAST), ("systemctl", SYSTEMCTL)):
            path = self.folder / "bin" / program if program == "systemctl" else self.folder / program
            path.parent.mkdir(parents=True)
            path.write_text(text)
            path.chmod(0o755)
        (self.folder / "data").mkdir()
        os.mkfifo(self.folder / "up")

    def promote(self, *switch: str, **variables: str) -> tuple[int, list[str]]:
        """(exit code, every call in order). Temporary files must be gone, and so must what it started."""
        for name, code in self.codes.items():
            (self.folder / name).write_text(str(code))
        said, temporary = self.folder / "said", self.folder / "tmp"
        temporary.mkdir()
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "SAID": str(said), "SCRATCH": str(self.folder),
            "TMPDIR": str(temporary), "HOLDFAST_DATA": str(self.folder / "next"), "HOLDFAST_LISTEN": "127.0.0.1:8001",
        }  # fmt: skip
        command = [PROMOTE, *(self.folder / name for name in ("old", "data", "new")), *switch]
        done = subprocess.run(
            [str(part) for part in command], env=environment | variables, capture_output=True, text=True,
            timeout=SECONDS_MAX, check=False,
        )  # fmt: skip
        assert [] == list(temporary.iterdir()), "credentials were left behind"
        return done.returncode, said.read_text().splitlines() if said.exists() else []

    def serving(self) -> int:
        """The process that the script started itself, 0 once it is gone."""
        pid = int((self.folder / "serving").read_text())
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return 0
        return pid


UNITS = {"START": "systemctl start holdfast@2", "STOP": "systemctl stop holdfast@2"}
TOKENS = "old canary tokens"
STARTED, STOPPED, SWITCHED = "systemctl start holdfast@2", "systemctl stop holdfast@2", "systemctl reload nginx"


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


@pytest.mark.parametrize(
    ("codes", "code", "calls"),
    [
        ({}, 0, [TOKENS, STARTED, "gate", SWITCHED]),
        ({"old-tokens": 1}, 1, [TOKENS]),
        ({"systemctl-start": 5}, 1, [TOKENS, STARTED, STOPPED]),
        ({"new-run": 1}, 1, [TOKENS, STARTED, "gate", STOPPED]),
        ({"systemctl-reload": 1}, 1, [TOKENS, STARTED, "gate", SWITCHED, STOPPED]),
        ({"new-run": 1, "systemctl-stop": 1}, 1, [TOKENS, STARTED, "gate", STOPPED]),
    ],
)
def test_systemd_starts_and_stops_the_new_release(
    ground: Ground, codes: dict[str, int], code: int, calls: list[str]
) -> None:
    """Nothing is switched before the gate said yes, and whatever was started is stopped when it is not switched to."""
    ground.codes = codes

    ended, said = ground.promote(*SWITCHED.split(), **UNITS)

    shown = ["gate" if line.startswith("new canary run --tokens ") else line for line in said]
    assert (code, calls) == (ended, [line for line in shown if not line.startswith(("settings", "handed"))])
    assert f"settings 1 {ground.folder}/data/run/config.json" in said, "the old release saw the new one's settings"
    assert ("handed credentials" in said) is ("gate" in calls)


def test_options_of_the_gate_are_handed_on(ground: Ground) -> None:
    ended, said = ground.promote("true", **UNITS, CANARY_OPTIONS="--index vault --seconds 5")

    gate = next(line for line in said if line.startswith("new canary run"))
    assert (0, True) == (ended, gate.endswith("--index vault --seconds 5")), gate


@pytest.mark.parametrize(("switch", "code", "stays"), [("true", 0, True), ("false", 1, False)])
def test_without_systemd_it_starts_the_release_itself(ground: Ground, switch: str, code: int, stays: bool) -> None:
    ended, said = ground.promote(switch)

    pid = ground.serving()
    if pid:
        os.kill(pid, signal.SIGKILL)
    assert (code, stays, True) == (ended, bool(pid), "new serve" in said)


@pytest.mark.parametrize("missing", ["switch", "data", "own data"])
def test_a_wrong_call_starts_nothing(ground: Ground, missing: str) -> None:
    variables = {"data": {"HOLDFAST_DATA": ""}, "own data": {"HOLDFAST_DATA": str(ground.folder / "data")}}

    ended, said = ground.promote(*([] if missing == "switch" else ["true"]), **UNITS, **variables.get(missing, {}))

    assert (2, []) == (ended, said)
