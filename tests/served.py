"""Control's front door on a loopback port, for clients that speak real HTTP: a Door behind a small server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from doors import Answered, Door

from holdfast.control.database import close_connection

Meddle = Callable[[str, str], Answered | None]  # (method, path) -> an answer instead of control's


def nothing(_method: str, _path: str) -> None:
    return None


@contextmanager
def served(door: Door, meddle: Meddle = nothing, port: int = 0) -> Iterator[str]:
    """The server's root URL, while it runs. Requests are answered one at a time. A `port` of 0 is a free one."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = meddle(self.command, self.path)
            if told is None:
                told = door.request(self.command, self.path, body, dict(self.headers.items()))
            if told.status == 0:  # cut off
                self.close_connection = True
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                if name != "set-cookie":  # the last one alone
                    self.send_header(name, value)
            for cookie in told.set_cookies:
                self.send_header("Set-Cookie", cookie)
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the server looks for these names

        def log_message(self, *_words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=lambda: (server.serve_forever(0.02), close_connection()))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)
