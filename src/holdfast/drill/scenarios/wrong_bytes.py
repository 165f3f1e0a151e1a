"""A file whose bytes do not match its digest never reaches a client whole, and nothing of it is kept."""

from holdfast.drill.clients import pip_install
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.faults import NO_FAULT, UPSTREAM_MODES, Fault
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import world


def run(say: Say) -> None:
    faults = {"wrong-bytes": UPSTREAM_MODES["wrong-bytes"], "last-byte": Fault(paths="*.whl", flip_bit_at=-1)}
    with world([wheel("heavy", "1.0", filler_bytes=300_000), wheel("short", "1.0", filler_bytes=300_000)]) as w:
        made, cut = w.upstream.wheels
        path = _path(made)
        assert w.rig.get("/simple/heavy/").status == 200
        for name, fault in faults.items():
            w.proxy.set(fault)
            answer = w.rig.get(path)
            assert answer.status in (0, 503), f"{name}: {answer.status}"  # 0: the connection broke before the end
            assert answer.body != made.content, name
            installed = pip_install(
                f"{w.rig.url}/simple/", "heavy", w.rig.folder, "--retries", "0", "--resume-retries", "0"
            )
            assert installed.returncode != 0, f"{name}: pip installed damaged bytes"
            assert not _kept(w.rig, made.sha256), f"{name}: damaged bytes were kept"
            say(f"{name}: refused, nothing kept")
        w.proxy.set(Fault(paths="*.whl", truncate_after_bytes=100_000))
        assert w.rig.get("/simple/short/").status == 200
        answer = w.rig.get(_path(cut))
        assert answer.body == cut.content or answer.status in (0, 503), (answer.status, len(answer.body))
        say(f"cut off every 100 kB: {'completed by ranges' if answer.status == 200 else 'refused'}")
        w.proxy.set(NO_FAULT)
        wait_until(lambda: w.rig.get(path).body == made.content, 40, "the right bytes after recovery")


def _path(made: Wheel) -> str:
    return f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}"


def _kept(rig: Rig, digest: str) -> bool:
    return any(digest[4:] in p.name for p in (rig.data / "store").rglob("*") if p.is_file() and "/file/" in str(p))
