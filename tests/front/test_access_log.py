"""The access log: bounded in memory and on disk, and never in anybody's way."""

import json
import os
import resource
from pathlib import Path

from holdfast.front import access_log
from holdfast.front.access_log import AccessLog, open_access_log
from holdfast.read.hot import log_fragment

KNOWN = log_fragment("GET", "/simple/demo/", 200, 17, "hot")


def add(log: AccessLog, count: int = 1, agent: str | None = "pip/26") -> None:
    for _ in range(count):
        log.add((1767225600.25, "192.0.2.1", KNOWN, agent, 12))


def test_a_line_is_one_json_object(tmp_path):
    log = AccessLog(tmp_path / "access.jsonl", 10_000)

    add(log, agent='odd "agent"\n')
    log.flush()

    (line,) = (tmp_path / "access.jsonl").read_text().splitlines()
    assert {
        "time": "2026-01-01T00:00:00.250Z",
        "client": "192.0.2.1",
        "method": "GET",
        "path": "/simple/demo/",
        "status": 200,
        "bytes": 17,
        "cache": "hot",
        "duration_us": 12,
        "agent": 'odd "agent"\n',
    } == json.loads(line)
    assert 0o600 == (tmp_path / "access.jsonl").stat().st_mode & 0o777


def test_a_full_file_is_turned_once_and_one_old_one_is_kept(tmp_path):
    path = tmp_path / "access.jsonl"
    logs = [AccessLog(path, 1000), AccessLog(path, 1000)]  # two workers share the file

    for _ in range(100):
        for log in logs:
            add(log)
            log.flush()

    assert {"access.jsonl", "access.jsonl.1"} == {p.name for p in tmp_path.iterdir()}
    assert all(p.stat().st_size < 1500 for p in tmp_path.iterdir())
    assert all(json.loads(line) for p in tmp_path.iterdir() for line in p.read_text().splitlines())
    assert [100, 100] == [log.written for log in logs]


def test_what_cannot_be_written_is_dropped_and_counted(tmp_path):
    log = AccessLog(tmp_path / "missing" / "access.jsonl", 1000)

    add(log, 7)
    log.flush()

    assert (7, 0) == (log.dropped, log.written)


def test_a_full_disk_drops_lines_and_logging_goes_on_afterwards(tmp_path):
    log = AccessLog(tmp_path / "access.jsonl", 100_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        add(log, 5)
        log.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    add(log)
    log.flush()

    assert (5, 1) == (log.dropped, log.written)


def test_waiting_lines_are_bounded(tmp_path):
    log = AccessLog(tmp_path / "access.jsonl", 1_000_000)

    add(log, access_log.LINES_MAX + 3)

    assert 3 == log.dropped


def test_the_setting_chooses_file_output_or_nothing(tmp_path):
    log = open_access_log("", Path(tmp_path / "default.jsonl"), 1000)
    assert log is not None
    add(log)
    log.flush()

    assert (tmp_path / "default.jsonl").exists()
    assert open_access_log("off", Path("unused"), 1) is None
    assert os.path.exists("unused") is False
