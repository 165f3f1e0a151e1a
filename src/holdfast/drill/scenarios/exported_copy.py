"""Everything is gone but an exported folder: a plain file server installs from it with pip."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from holdfast.drill.clients import pip_install, uv_install, uv_path
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish


def run(say: Say) -> None:
    with Rig() as rig:
        publish(rig, "base", "1.0")
        needs = wheel("leaf", "2.0", ["base>=1.0"])
        assert rig.upload(needs).status == 200
        publish(rig, "doomed", "1.0")
        folder = rig.folder / "export"
        rig.run("export", str(folder))
        rig.run("project", "delete", "doomed", "--yes")
        rig.stop()  # an export needs the store alone
        rig.run("export", str(folder))
        assert not (folder / "simple" / "doomed").exists(), "a deleted project is still exported"

        handler = functools.partial(_Quiet, directory=str(folder))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            index = f"http://127.0.0.1:{server.server_port}/simple/"
            for install in [pip_install, *([uv_install] if uv_path() else [])]:
                done = install(index, "leaf", rig.folder)
                assert done.returncode == 0, done.stderr[-2000:]
                say(f"{install.__name__} installs leaf and base from static files")
            server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """The drill looks at the installers' verdict."""
