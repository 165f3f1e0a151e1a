"""The front as a process: what Granian makes of our answers, and what survives."""

import gzip
import http.client
import json
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from front.served import served
from processes import is_alive, wait_for
from read.site import JSON, PIP, path_of

from holdfast.front import direct

LARGE = bytes(range(256)) * 4096  # one MiB


def test_this_granian_lets_the_server_thread_answer_from_memory():
    """When this fails after an upgrade, the front still works, at 0.6 of its speed: see front/direct.py."""
    from granian import _futures

    hook = getattr(_futures, direct._HOOK)
    try:
        assert direct.install(lambda _scope, _proto: False)
    finally:
        setattr(_futures, direct._HOOK, hook)


def test_pages_files_and_ranges_through_the_real_server(tmp_path):
    with served(tmp_path) as front:
        small, large = front.site.wheel("demo"), front.site.wheel("demo", "2.0", data=LARGE)
        front.site.publish("demo", small, large)

        for _ in range(2):
            status, headers, body = front.get("/simple/demo/", Accept=PIP, Accept_Encoding="gzip")
            assert (200, JSON, "gzip") == (status, headers["content-type"], headers["content-encoding"])
            assert 2 == len(json.loads(gzip.decompress(body))["files"])
            assert (304, b"") == front.get(
                "/simple/demo/", Accept=PIP, Accept_Encoding="gzip", If_None_Match=headers["etag"]
            )[::2]
            assert b"wheel demo 1.0" == front.get(path_of(small))[2]
            assert LARGE == front.get(path_of(large))[2]
            status, headers, body = front.get(path_of(large), Range="bytes=1000-1999")
            assert (206, "1000", LARGE[1000:2000]) == (status, headers["content-length"], body)
            assert (416, f"bytes */{len(LARGE)}") == (
                (answer := front.get(path_of(large), Range="bytes=9999999-"))[0],
                answer[1]["content-range"],
            )
        for path, length in ((path_of(large), len(LARGE)), (path_of(small), 14)):
            status, headers, body = front.ask("HEAD", path)
            assert (200, str(length), b"") == (status, headers["content-length"], body)
        assert 404 == front.get("/simple/nobody/")[0]


def test_many_ranges_of_one_open_file_at_once_are_each_the_right_bytes(tmp_path):
    with served(tmp_path) as front:
        file = front.site.wheel("demo", data=LARGE)
        front.site.publish("demo", file)
        path = path_of(file)
        assert LARGE == front.get(path)[2]
        spans = [(start * 40_000, start * 40_000 + 1 + 997 * start) for start in range(26)] * 8

        with ThreadPoolExecutor(16) as crowd:
            answers = list(crowd.map(lambda span: front.get(path, Range=f"bytes={span[0]}-{span[1]}"), spans))

        assert {206} == {status for status, _, _ in answers}
        assert [LARGE[first : last + 1] for first, last in spans] == [body for _, _, body in answers]
        counted = re.search(
            rb'requests_total\{[^}]*route="file"[^}]*source="hot"[^}]*\} (\d+)', front.get("/metrics")[2]
        )
        assert counted is not None and int(counted[1]) == len(spans)


def test_a_file_that_lost_its_name_is_still_served_and_never_the_servers_own_404(tmp_path):
    with served(tmp_path) as front:
        file = front.site.wheel("demo", data=LARGE)
        front.site.publish("demo", file)
        assert 200 == front.get(path_of(file))[0]

        from holdfast.tree import addresses

        front.site.store.delete(addresses.blob(file.sha256))

        assert 503 == front.get(path_of(file))[0] or LARGE == front.get(path_of(file))[2]


def test_a_killed_worker_is_replaced_and_a_killed_parent_takes_its_worker_along(tmp_path):
    with served(tmp_path) as front:
        front.site.publish("demo", front.site.wheel("demo"))
        (worker,) = front.workers

        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: front.workers and worker not in front.workers and front.is_answering(), "a new worker")
        assert 200 == front.get("/simple/demo/")[0]

        (worker,) = front.workers
        front.process.kill()
        wait_for(lambda: not is_alive(worker), "the end of the worker")


def test_every_request_leaves_one_line_and_no_secret(tmp_path):
    with served(tmp_path) as front:
        front.site.publish("demo", front.site.wheel("demo"))
        for _ in range(3):
            front.get("/simple/demo/?token=sekret", Authorization="Bearer sekret", User_Agent='pip/26 {"a":"ü"}')
            front.get("/simple/demo/", Authorization="Bearer sekret", User_Agent="pip/26")

        log = tmp_path / "log" / "access.jsonl"
        lines = wait_for(
            lambda: (
                (found := log.read_text().splitlines() if log.exists() else [])
                and sum("/simple/demo/" in line for line in found) == 6
                and found
            ),
            "six lines",
        )

        seen = [json.loads(line) for line in lines if "/simple/demo/" in line]
        assert "sekret" not in "".join(lines)
        assert {("127.0.0.1", "GET", "/simple/demo/", 200)} == {
            (line["client"], line["method"], line["path"], line["status"]) for line in seen
        }
        assert {"hot", "cold"} == {line["cache"] for line in seen}
        assert all(line["bytes"] > 0 and line["time"].endswith("Z") for line in seen)


def test_stalled_downloads_do_not_hold_up_pages(tmp_path):
    with served(tmp_path) as front:
        file = front.site.wheel("demo", data=LARGE * 32)
        front.site.publish("demo", file)
        stalled = []
        for _ in range(8):
            connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
            connection.request("GET", path_of(file))
            stalled.append((connection, connection.getresponse()))

        assert [200] * 5 == [front.get("/simple/demo/")[0] for _ in range(5)]

        for connection, answer in stalled:
            answer.close()
            connection.close()


@pytest.fixture
def certificate(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=index.example".split()
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_tls_takes_1_2_and_newer(tmp_path, certificate):
    import ssl
    from urllib.request import urlopen

    cert, key = certificate
    folder = tmp_path / "site"
    folder.mkdir()
    from front.served import Served
    from read.site import Site

    front = Served(Site(folder, tls_cert=str(cert), tls_key=str(key)), folder)
    try:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        def answers():
            try:
                with urlopen(f"https://127.0.0.1:{front.port}/healthz", context=context, timeout=5) as answer:
                    return answer.status == 200
            except OSError:
                return False

        wait_for(answers, "an answer over TLS 1.2")
    finally:
        front.process.terminate()
        front.process.wait(20)
