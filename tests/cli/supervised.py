"""A program for test_supervisor.py: the real supervisor over small roles that can be told to misbehave.

python supervised.py supervise DATA PORT      runs the supervisor
python supervised.py ROLE DATA PORT           is one role; DATA/<role>.fails makes it end at once
"""

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def supervise(data: Path, port: int) -> int:
    from holdfast import log
    from holdfast.config import Config
    from holdfast.front.supervisor import Supervisor

    (data / "run").mkdir(parents=True, exist_ok=True)
    config = Config(
        data=data,
        listen_port=port,
        tls_cert=os.environ.get("TEST_CERT", ""),
        tls_key=os.environ.get("TEST_KEY", ""),
    )
    log.setup("info", "supervisor")
    commands = {
        role: [sys.executable, __file__, role, str(data), str(port)] for role in ("front", "pull", "control", "work")
    }
    seconds = float(os.environ.get("TEST_STOP_SECONDS_MAX", "8.5"))
    return Supervisor(config, commands, os.environ, lambda: print("ready", flush=True), seconds).run()


def role(name: str, data: Path, port: int) -> int:
    with (data / "starts").open("a") as starts:
        starts.write(f"{name} {os.getpid()}\n")
    if (data / f"{name}.fails").exists():
        return 3
    if (data / f"{name}.stubborn").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker = subprocess.Popen(["sleep", "1000"])  # a role with a worker of its own, as a Granian process has
    with (data / "workers").open("a") as workers:
        workers.write(f"{worker.pid}\n")

    def stop(_number: int, _frame: object) -> None:
        worker.terminate()
        sys.exit(0)

    if not (data / f"{name}.stubborn").exists():
        signal.signal(signal.SIGTERM, stop)
    if name == "front":
        _serve(port)
    while True:
        signal.pause()


def _serve(port: int) -> None:
    import socket
    import ssl

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"pid": os.getpid()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Sharing(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True

        def server_bind(self) -> None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            super().server_bind()

    server = Sharing(("127.0.0.1", port), Health)
    if cert := os.environ.get("TEST_CERT"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, os.environ["TEST_KEY"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    _, what, where, number = sys.argv
    sys.exit(supervise(Path(where), int(number)) if what == "supervise" else role(what, Path(where), int(number)))
