"""A release breaks uploads: every kind of credential uploads before and after, and no failed upload leaves a ghost."""

import base64
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.drill.checkers import check_contiguous, check_fsck, check_served, listed
from holdfast.drill.clients import pip_install, uv_install
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.publishers import as_token, twine_upload, uv_publish
from holdfast.drill.rig import Rig
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish

INCIDENTS = ("r10-upload-deploy",)
SLOW = True  # sixty uploads by real tools
BROKEN_AT = ("authenticated", "judged", "bytes-stored", "record-written")
Kind = Callable[[Wheel], int]  # uploads a wheel; the exit code of the tool, or the status above 299


def run(say: Say) -> None:
    with TemporaryDirectory(prefix="holdfast-drill-") as folder:
        orders = Path(folder)
        settings = {"HOLDFAST_DRILL": "1", "HOLDFAST_DRILL_STEPS": folder, "HOLDFAST_HOLD_SECONDS": "1"}
        with Rig(settings=settings) as rig:
            rig.wait_for_control()
            kinds, dead = _kinds(rig)
            publish(rig, "before", "1.0")
            _each_uploads(rig, kinds, dead, "1.0")
            say(f"before: uploads with {', '.join(kinds)}; {' and '.join(dead)} tokens are refused")
            for step in BROKEN_AT:
                order = orders / f"control@{step}"
                order.write_text("raise")
                sent = [(wheel(f"ghost-{step}-{number}", "1.0"), kind) for number, kind in enumerate(kinds.values())]
                failed = [made.project for made, kind in sent if kind(made) != 0]
                assert len(failed) == len(sent), f"{step}: not broken for everybody, only for {failed}"
                assert not any(listed(rig, made.project) for made, _ in sent), f"{step}: a ghost is listed"
                _installs(rig)
                order.unlink()
                again = [kind(made) for made, kind in sent]
                assert again == [0] * len(sent), f"{step}: the same files, sent again: {again}"
                assert all(check_served(rig, made.project) for made, _ in sent)
                say(f"broken at {step}: {len(sent)} uploads fail, installs go on, the same files go through afterwards")
            rig.restart({})
            rig.wait_for_control()
            _each_uploads(rig, kinds, dead, "2.0")
            _installs(rig)
            check_contiguous(rig.data)
            check_fsck(rig)
            say("after a restart every kind uploads again; fsck finds nothing")


def _kinds(rig: Rig) -> tuple[dict[str, Kind], dict[str, Kind]]:
    """Every kind of credential that uploads, and those that must not."""
    plain = rig.token()
    scoped = rig.run("token", "create", "scoped", "--upload", "--index", "main").stdout.strip()
    expiring = rig.run("token", "create", "expiring", "--expires", "1").stdout.strip()
    revoked = rig.run("token", "create", "revoked").stdout.strip()
    rig.run("token", "revoke", "revoked")
    reader = rig.run("token", "create", "reader", "--read-only").stdout.strip()
    good: dict[str, Kind] = {
        "twine as __token__": lambda made: _twine(rig, made, as_token(plain)),
        "twine as a person": lambda made: _twine(rig, made, as_token(plain, "alice")),
        "uv publish": lambda made: uv_publish(f"{rig.url}/legacy/", [made], rig.folder, plain).returncode,
        "Bearer": lambda made: _raw(rig, made, f"Bearer {plain}"),
        "an upload-only token": lambda made: _raw(rig, made, _basic(scoped)),
        "a token that expires": lambda made: _raw(rig, made, _basic(expiring)),
    }
    bad: dict[str, Kind] = {
        "revoked": lambda made: _raw(rig, made, _basic(revoked)),
        "read-only": lambda made: _raw(rig, made, _basic(reader)),
    }
    return good, bad


def _each_uploads(rig: Rig, good: dict[str, Kind], bad: dict[str, Kind], version: str) -> None:
    for number, (name, kind) in enumerate(good.items()):
        made = wheel(f"kind-{number}", version)
        assert kind(made) == 0, f"{name} does not upload {version}"
        assert made.filename in check_served(rig, made.project)
    for name, kind in bad.items():
        assert kind(wheel("stranger", version)) in (401, 403), f"a {name} token is not refused"
    assert listed(rig, "stranger") == {}


def _installs(rig: Rig) -> None:
    for install in (pip_install, uv_install):
        done = install(f"{rig.url}/simple/", "before==1.0", rig.folder)
        assert done.returncode == 0, done.stderr[-1500:]


def _twine(rig: Rig, made: Wheel, credential: dict[str, str]) -> int:
    return twine_upload(f"{rig.url}/legacy/", [made], rig.folder, credential).returncode


def _raw(rig: Rig, made: Wheel, authorization: str) -> int:
    answer = rig.upload(made, authorization=authorization)
    return 0 if answer.status == 200 else answer.status or -1


def _basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"__token__:{token}".encode()).decode()
