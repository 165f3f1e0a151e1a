"""Writes: sustained uploads with fsync on, last byte to answer, and published to visible at a front."""

import http.client
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from bench.measure import cpu_seconds, quantile
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.rig import Rig


def sustained(uploads: int = 300, clients: int = 4, filler_bytes: int = 20_000) -> str:
    """Upload many small wheels of different projects from a few clients; every one must be acknowledged."""
    made = [wheel(f"bench-{i % 50}", f"1.{i}", filler_bytes=filler_bytes) for i in range(uploads)]
    with Rig() as rig:
        rig.token()
        rig.wait_for_control()
        control = rig.pids()["control"]
        started, before = time.monotonic(), cpu_seconds(control)
        with ThreadPoolExecutor(clients) as pool:
            answers = list(pool.map(rig.upload, made))
        seconds, cpu = time.monotonic() - started, cpu_seconds(control) - before
    assert {a.status for a in answers} == {200}, {a.status for a in answers}
    times = [a.seconds * 1000 for a in answers]
    return (
        f"| {uploads} uploads, {clients} clients | {uploads / seconds:.1f}/s | p50 {statistics.median(times):.0f} ms | "
        f"p99 {quantile(times, 99):.0f} ms, {cpu * 1000 / uploads:.1f} ms of CPU in control each |"
    )


def visible(times: int = 50) -> str:
    """From the 200 of an upload to the file on the page: the very next request must show it."""
    first_look = 0
    waits = []
    with Rig() as rig:
        for number in range(times):
            made = wheel("seen", f"1.{number}")
            assert rig.upload(made).status == 200
            started = time.monotonic()
            looks = 0
            while made.filename.encode() not in rig.get("/simple/seen/").body:
                looks += 1
            waits.append((time.monotonic() - started) * 1000)
            first_look += looks == 0
    return f"| published to visible | next request saw it {first_look} of {times} times | longest {max(waits):.1f} ms |"


def one_more_file(files: int = 10_000, uploads: int = 10) -> str:
    """Publish one more file into a project that already has `files` of them."""
    with Rig() as rig:
        rig.token()
        _seed(rig, files)
        times = []
        rig.wait_for_control()
        control = rig.pids()["control"]
        before = cpu_seconds(control)
        for number in range(uploads):
            answer = rig.upload(wheel("huge", f"9999.{number}"))
            assert answer.status == 200, (answer.status, answer.body[:300])
            times.append(answer.seconds * 1000)
        cpu = (cpu_seconds(control) - before) * 1000 / uploads
    return (
        f"| one more file into {files:,} | median {statistics.median(times):.0f} ms | worst {max(times):.0f} ms, "
        f"{cpu:.0f} ms of CPU in control each |"
    )


def last_byte_to_answer(mebibytes: int = 100, times: int = 5) -> str:
    """Send a large upload and time from its last byte to the answer."""
    with Rig() as rig:
        waits = []
        for number in range(times):
            made = wheel("bulky", f"1.{number}", filler_bytes=mebibytes << 20)
            waits.append(_upload_timed(rig, made))
    return (
        f"| {mebibytes} MiB: last byte to answer | median {statistics.median(waits):.2f} s | worst {max(waits):.2f} s |"
    )


def _seed(rig: Rig, files: int) -> None:
    """Rows straight into the database, then one real upload publishes them all."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "bench.seed", "huge", str(files)],
        env=rig.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _upload_timed(rig: Rig, made: Wheel) -> float:
    import base64

    boundary = "bench-boundary"
    fields = {":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": made.project}
    fields |= {"version": made.version, "filetype": "bdist_wheel", "pyversion": "py3", "sha256_digest": made.sha256}
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
    )
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{made.filename}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    tail = f"\r\n--{boundary}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=120)
    connection.putrequest("POST", "/legacy/")
    basic = base64.b64encode(f"__token__:{rig.token()}".encode()).decode()
    connection.putheader("Authorization", f"Basic {basic}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
    connection.putheader("Content-Length", str(len(head.encode()) + len(made.content) + len(tail)))
    connection.endheaders()
    connection.send(head.encode())
    connection.send(made.content)
    connection.send(tail)
    started = time.monotonic()
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (answer.status, body[:300])
    return time.monotonic() - started
