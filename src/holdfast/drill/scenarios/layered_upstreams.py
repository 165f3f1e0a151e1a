"""An upstream for some names is down: those are 503, never another index's; all others install; then it comes back."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.drill.checkers import check_fsck, listed
from holdfast.drill.clients import pip_install, uv_install, uv_path
from holdfast.drill.corpus import Upstream, wheel
from holdfast.drill.faults import NO_FAULT, UPSTREAM_MODES
from holdfast.drill.proxy import FaultProxy
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say

CPU = wheel("torch", "2.5.0+cpu", ["numpy"])
SETTINGS = """\
[upstream.special]
url = "{special}/simple/"
only = ["torch*"]

[upstream.general]
url = "{general}/simple/"

[index.main]
layers = ["special", "general"]

[index.dev]
layers = ["main", "special", "general"]
"""


def run(say: Say) -> None:
    special = [CPU, wheel("numpy", "99.0")]
    general = [wheel("numpy", "2.0"), replace(wheel("torch", "9.0"), content=b"a stranger's")]
    with (
        TemporaryDirectory(prefix="holdfast-drill-") as folder,
        Upstream(special, html_only=True) as flat,
        Upstream(general) as world,
        FaultProxy(flat.url) as proxy,
    ):
        settings = Path(folder) / "holdfast.toml"
        settings.write_text(SETTINGS.format(special=proxy.url, general=world.url))
        with Rig(None, {"HOLDFAST_CONFIG": str(settings)}) as rig:
            for mode in ("refused", "503"):
                proxy.set(UPSTREAM_MODES[mode])
                for root in ("", "/dev"):
                    answers = [rig.get(f"{root}/simple/{name}/") for name in ("torch", "torchvision", "numpy")]
                    assert [answer.status for answer in answers] == [503, 503, 200], [a.body for a in answers]
                    assert "retry-after" in answers[0].headers
                say(f"{mode}: the special upstream's names are 503, the others 200")
            assert not [path for path in world.requests if "torch" in path], world.requests
            say("nobody else was asked for them")

            proxy.set(NO_FAULT)
            wait_until(lambda: rig.get("/simple/torch/").status == 200, 60, "the special upstream is asked again")
            assert list(listed(rig, "torch")) == [CPU.filename]
            assert list(listed(rig, "numpy")) == ["numpy-2.0-py3-none-any.whl"]
            for install in [pip_install, uv_install] if uv_path() else [pip_install]:
                for root in ("", "/dev"):
                    done = install(f"{rig.url}{root}/simple/", "torch", Path(folder))
                    assert done.returncode == 0, done.stderr[-2000:]
            say("back again: torch comes from the special upstream, what it needs from the other")

            proxy.set(UPSTREAM_MODES["refused"])
            done = pip_install(f"{rig.url}/dev/simple/", "torch", Path(folder))
            assert done.returncode == 0, done.stderr[-2000:]
            say("down again: what was seen of it installs")
            check_fsck(rig)
