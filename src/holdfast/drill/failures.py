"""The failure table: what an index answers while its upstream fails, one row a failure, the same for every index.

A subject is any running index that pulls from the given upstream; a row plays one failure on it and looks from
outside. `holdfast drill run failure-table` holds Holdfast to every row; `make bench ARGS=failures` plays them on
other indexes, too. Each row uses projects of its own, so that rows do not disturb each other.
"""

import hashlib
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import unquote, urlsplit

from holdfast.drill.corpus import Wheel
from holdfast.drill.failure_stage import (
    FILLED,
    FRESHNESS_SECONDS,
    GIVEN_UP_SECONDS,
    HUNG,
    JSON,
    Cell,
    Page,
    Stage,
)
from holdfast.drill.faults import UPSTREAM_MODES, Fault, only
from holdfast.drill.figures import again, measured, undisturbed
from holdfast.drill.rig import fetch

WARM_SECONDS_MAX = 0.050
UNSEEN_SECONDS_MAX = 12.0  # pip gives up after 15
RECOVERED_SECONDS_MAX = FRESHNESS_SECONDS + 2.0
ENOUGH_SECONDS = 5.0  # of waiting for one answer, to call a page slow
CROWD = 10
MANY = 10_000

Row = Callable[[Stage], Cell]


def while_failing(mode: str, fault: Callable[[str], Fault] | None = None) -> Row:
    """A page seen before, asked for three times while the upstream fails: the same list, at once."""

    def row(stage: Stage) -> Cell:
        def ask(turn: int) -> Cell:
            project = again(f"seen-{mode}", turn)
            before = stage.warm(project)
            with stage.fault(fault(project) if fault else UPSTREAM_MODES[mode]):
                found = [_after(0.4 * number, lambda: stage.page(project)) for number in range(3)]
            return _same_at_once(before, found)

        return measured(ask, _is_late)

    return row


def _same_at_once(before: Page, found: list[Page]) -> Cell:
    worst = max(page.seconds for page in found)
    bad = next((page for page in found if page.status != 200 or page.files.keys() != before.files.keys()), None)
    if bad is not None:
        text = f"{len(bad.files)} of {len(before.files)} files" if bad.status == 200 else _status(bad)
        return Cell(False, f"{text} in {_time(bad.seconds)}")
    is_late = worst >= WARM_SECONDS_MAX
    return Cell(not is_late and bool(before.files), f"200 in {_time(worst)}", is_late)


def never_seen(mode: str) -> Row:
    """A page never seen, while the upstream fails: 503 in time, so that nobody takes the project for absent."""

    def row(stage: Stage) -> Cell:
        stage.add(f"unseen-{mode}", "1.0")
        with stage.fault(UPSTREAM_MODES[mode]):
            page = stage.page(f"unseen-{mode}")
        return Cell(
            page.status == 503 and page.seconds < UNSEEN_SECONDS_MAX, f"{_status(page)} in {_time(page.seconds)}"
        )

    return row


def recovery(mode: str) -> Row:
    """After the failure: how long until a new release is seen."""

    def row(stage: Stage) -> Cell:
        def recover(turn: int) -> Cell:
            project = again(f"back-{mode}", turn)
            stage.warm(project, "1.0")  # only here: the row begins when the upstream is well, not in the one before
            with stage.fault(UPSTREAM_MODES[mode]), ThreadPoolExecutor(2) as clients:
                list(clients.map(stage.page, [project] * 2))
                new = stage.add(project, "2.0")[0].filename
            return _seen_in_time(stage, project, new)

        return measured(recover, _is_late)

    return row


def _seen_in_time(stage: Stage, project: str, filename: str) -> Cell:
    since = time.monotonic()
    while time.monotonic() - since < GIVEN_UP_SECONDS:
        if filename in stage.page(project).files:
            took = time.monotonic() - since
            return Cell(took < RECOVERED_SECONDS_MAX, f"seen after {_time(took)}", took >= RECOVERED_SECONDS_MAX)
        time.sleep(0.05)
    return Cell(False, f"not seen within {GIVEN_UP_SECONDS:g} s", is_late=True)


def one_project(stage: Stage) -> Cell:
    """One project answers 503: the others, never seen, are not its victims."""
    for name in ("broken", *(f"fine-{n}" for n in range(6))):
        stage.add(name, "1.0")
    with stage.fault(Fault(paths="/simple/broken*", status=503, body="only this one")):
        broken = stage.page("broken")
        fine = [stage.page(f"fine-{n}") for n in range(6)]
    good = sum(page.status == 200 for page in fine)
    return Cell(broken.status == 503 and good == 6, f"{_status(broken)} for it, 200 for {good} of 6 others")


def older_serial(stage: Stage) -> Cell:
    """A page that goes back in serial, from a stale replica of the upstream: the newer list stays."""
    stage.add("serial", "1.0", "2.0")
    document = json.loads(stage.upstream.page("serial") or b"{}")

    def at(serial: int, count: int) -> Fault:
        body = {**document, "files": document["files"][:count], "meta": {"api-version": "1.1", "_last-serial": serial}}
        return Fault(paths="/simple/serial*", status=200, body=json.dumps(body), content_type=JSON)

    with stage.fault(at(20, 2)):
        before = stage.settled("serial")
        time.sleep(FRESHNESS_SECONDS * 1.3)
    with stage.fault(at(10, 1)):
        stage.page("serial")
        time.sleep(0.3)
        after = stage.page("serial")
    return Cell(len(before.files) == len(after.files) == 2, f"{len(after.files)} of {len(before.files)} files")


def wrong_bytes(stage: Stage) -> Cell:
    """A file with one wrong bit: no client gets it whole, and it is not what the next one gets."""
    made = stage.add("wrong", "1.0", filler_bytes=FILLED["wrong"])[0]
    url = stage.settled("wrong").files.get(made.filename, "")
    if not url.startswith(_origin(stage.subject.simple)):
        return Cell(False, "not served here")
    with stage.fault(Fault(paths="*.whl", flip_bit_at=-1)):
        during = fetch(url, timeout=GIVEN_UP_SECONDS)
    after = _until_right(url, made)
    sent = len(during.body) == len(made.content)
    text = ("wrong bytes sent as 200" if sent else "broken off") + (", then right" if after else ", and kept")
    return Cell(not sent and after, text)


def cut_off(stage: Stage) -> Cell:
    """A file whose transfer ends early: completed or refused, and right for the next client."""
    made = stage.add("short", "1.0", filler_bytes=FILLED["short"])[0]
    url = stage.settled("short").files.get(made.filename, "")
    if not url.startswith(_origin(stage.subject.simple)):
        return Cell(False, "not served here")
    with stage.fault(Fault(paths="*.whl", truncate_after_bytes=100_000)):
        during = fetch(url, timeout=GIVEN_UP_SECONDS)
    after = _until_right(url, made)
    honest = during.body == made.content or during.status in (0, 502, 503)
    text = "completed" if during.body == made.content else _status(Page(during.status))
    return Cell(honest and after, f"{text}{', then right' if after else ', then wrong'}")


def cold_crowd(stage: Stage) -> Cell:
    """Ten clients ask for one cold file at once: the upstream is asked once."""
    made = stage.add("crowded", "1.0", filler_bytes=FILLED["crowded"])[0]
    url = stage.settled("crowded").files.get(made.filename, "")
    if not url.startswith(_origin(stage.subject.simple)):
        return Cell(False, "not served here")
    with stage.fault(Fault(latency_seconds=0.5)), ThreadPoolExecutor(CROWD) as clients:
        answers = list(clients.map(lambda _: fetch(url, timeout=GIVEN_UP_SECONDS), range(CROWD)))
    right = sum(answer.body == made.content for answer in answers)
    asked = stage.upstream.requests[f"/files/{made.filename}"]
    return Cell(right == CROWD and asked == 1, f"{asked} GET, {right} of {CROWD} right")


def client_leaves(stage: Stage) -> Cell:
    """The first client goes away after some bytes: the download goes on for the next."""
    made = stage.add("left", "1.0", filler_bytes=FILLED["left"])[0]
    url = stage.settled("left").files.get(made.filename, "")
    if not url.startswith(_origin(stage.subject.simple)):
        return Cell(False, "not served here")
    with stage.fault(Fault(paths="*.whl", rate_bytes=3_000_000)):
        _read_some(url)
        time.sleep(2.5)
    second = fetch(url, timeout=GIVEN_UP_SECONDS)
    asked = stage.upstream.requests[f"/files/{made.filename}"]
    return Cell(second.body == made.content and asked == 1, f"{asked} GET for both")


def hung_crowd(stage: Stage) -> Cell:
    """Two hundred requests hang on the upstream: a page that needs none of it is not slower."""
    if not stage.subject.hosted:
        return Cell(False, "has no page of its own")

    def compare(turn: int) -> Cell:
        far = [again(f"far-{number}", turn) for number in range(HUNG)]
        for project in far:
            stage.add(project, "1.0")
        if turn:
            stage.see(again("awake-far", turn))  # never seen: it shows that the upstream is asked again
        with undisturbed():
            return _calm_and_busy(stage, far)

    return measured(compare, _is_late)


def _calm_and_busy(stage: Stage, far: list[str]) -> Cell:
    calm = _worst(stage.subject.hosted)
    with stage.fault(UPSTREAM_MODES["hung"]):
        crowd = [_ask(f"{stage.subject.simple}{project}/") for project in far]
        busy = _worst(stage.subject.hosted)
        for connection in crowd:
            connection.close()
    is_late = calm >= ENOUGH_SECONDS or busy >= max(2 * calm, WARM_SECONDS_MAX)
    return Cell(not is_late, f"{_time(calm)} alone, {_time(busy)} beside them", is_late)


def many_files(stage: Stage) -> Cell:
    """A project of ten thousand files, warm: an installer's answer in time, and compressed."""
    stage.settled("awake")  # never seen: it shows that the upstream is asked again
    return measured(partial(_ask_for_many, stage), _is_late)


def _ask_for_many(stage: Stage, turn: int) -> Cell:
    project = again("many", turn)
    stem = project.replace("-", "_")
    names = [f"{stem}-1.{number}-py3-none-any.whl" for number in range(MANY)]
    files = [{"filename": n, "url": f"../../files/{n}", "hashes": {"sha256": _digest(n)}, "size": 1} for n in names]
    versions = [f"1.{number}" for number in range(MANY)]
    body = json.dumps({"meta": {"api-version": "1.1"}, "name": project, "versions": versions, "files": files})
    with stage.fault(Fault(paths=f"/simple/{project}*", status=200, body=body, content_type=JSON)):
        cold = stage.page(project, "gzip")
        pages = [stage.page(project, "gzip") for _ in range(3)]
    warm = min(page.seconds for page in pages)
    complete = all(len(page.files) == MANY for page in (cold, *pages))
    is_late = cold.status == 503 or (complete and warm >= WARM_SECONDS_MAX)  # 503: its budget was over
    text = f"{_time(cold.seconds)}, then {_time(warm)}, {pages[0].bytes // 1000} kB"
    return Cell(complete and not is_late, text, is_late)


ROWS: dict[str, Row] = {
    "upstream refuses connections, page seen": while_failing("refused"),
    "upstream refuses connections, page never seen": never_seen("refused"),
    "upstream hangs, page seen": while_failing("hung"),
    "upstream hangs, page never seen": never_seen("hung"),
    "upstream takes 8 s, page seen": while_failing("slow"),
    "upstream answers 503, page seen": while_failing("503"),
    "upstream answers 503, page never seen": never_seen("503"),
    "new release after it hung": recovery("hung"),
    "503 for one project": one_project,
    "maintenance page with status 200": while_failing(
        "maintenance", lambda project: only(UPSTREAM_MODES["maintenance"], f"/simple/{project}*")
    ),
    "empty project page with status 200": while_failing(
        "empty",
        lambda project: Fault(
            f"/simple/{project}*",
            status=200,
            content_type=JSON,
            body=json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": []}),
        ),
    ),
    "page with an older serial": older_serial,
    "page cut off": while_failing("truncated"),
    "connection reset within the page": while_failing("reset"),
    "file with a wrong bit": wrong_bytes,
    "file cut off": cut_off,
    "10 clients, one cold file": cold_crowd,
    "first client leaves a download": client_leaves,
    "200 requests hang, another page": hung_crowd,
    "project of 10,000 files": many_files,
}


def play_all(stage: Stage, say: Callable[[str], None]) -> dict[str, Cell]:
    """Every row on one subject. A row that meets an error of its own has failed."""
    _see_all(stage)
    found = {}
    for name, row in ROWS.items():
        try:
            found[name] = row(stage)
        except Exception as error:  # noqa: BLE001 - an index that answers nonsense must not end the table
            found[name] = Cell(False, f"{type(error).__name__}: {str(error)[:60]}")
        say(f"{name}: {'' if found[name].good else 'NOT '}good, {found[name].text}")
    return found


def _see_all(stage: Stage) -> None:
    """What rows find old is asked for before all of them, so that it grows old once."""
    for mode in (*UPSTREAM_MODES, "empty"):
        stage.see(f"seen-{mode}")


def _after(seconds: float, ask: Callable[[], Page]) -> Page:
    """Ask a moment later: a refresh behind the answer before may have replaced the page by now."""
    time.sleep(seconds)
    return ask()


def _is_late(cell: Cell) -> bool:
    return cell.is_late


def _until_right(url: str, made: Wheel) -> bool:
    """Whether the right bytes come within a few attempts after recovery."""
    for _ in range(6):
        if fetch(url, timeout=GIVEN_UP_SECONDS).body == made.content:
            return True
        time.sleep(0.5)
    return False


def _read_some(url: str) -> None:
    """Begin a download and go away."""
    connection = _ask(url)
    with connection:
        connection.recv(4096)


def _ask(url: str) -> socket.socket:
    """Send a request and wait for nothing: the load is the server's alone."""
    parts = urlsplit(url)
    assert parts.hostname is not None, url
    connection = socket.create_connection((parts.hostname, parts.port or 80), timeout=GIVEN_UP_SECONDS)
    connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
    return connection


def _worst(url: str) -> float:
    """The slowest of forty answers, seconds, or the first that is slow enough; one that is no page is given up."""
    worst = 0.0
    for _ in range(40):
        answer = fetch(url, timeout=GIVEN_UP_SECONDS, headers={"Accept": "text/html"})
        worst = max(worst, answer.seconds if answer.status == 200 else GIVEN_UP_SECONDS)
        if worst > ENOUGH_SECONDS:
            break
    return worst


def _origin(url: str) -> str:
    parts = urlsplit(unquote(url))
    return f"{parts.scheme}://{parts.netloc}/"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _status(page: Page) -> str:
    return "no answer" if page.status == 0 else str(page.status)


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
