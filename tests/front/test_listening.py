"""Fronts that follow one another at one listening socket: nothing that waits in its queue is lost."""

import asyncio
import inspect
import os
import socket
from pathlib import Path

import pytest
from granian.server import MPServer

from holdfast.front.listening import open_listener, stop_accepting
from holdfast.front.rsgi import RsgiApp
from holdfast.wire.messages import Response


def test_who_stops_accepting_finds_nothing_and_whoever_shares_the_socket_takes_what_comes(tmp_path: Path):
    with open_listener("127.0.0.1", 0) as ours:
        address = ours.getsockname()
        theirs = socket.socket(fileno=os.dup(ours.fileno()))
        with theirs, socket.create_connection(address) as before:
            taken, _ = theirs.accept()
            with socket.create_connection(address) as waiting:
                stop_accepting(theirs.fileno(), tmp_path)

                with pytest.raises(BlockingIOError):
                    theirs.accept()
                other, _ = ours.accept()
                assert waiting.getsockname() == other.getpeername(), "what waited in the queue goes on waiting"
                before.sendall(b"?")
                assert b"?" == taken.recv(1), "what was accepted before goes on"
                taken.close()
                other.close()
        assert [] == list(tmp_path.iterdir())


def test_the_locked_granian_makes_its_workers_socket_where_a_front_can_inherit_it():
    """Found by the shape of what InheritingServer puts in its place (serve.py)."""
    made = inspect.getsource(MPServer._init_shared_socket)

    assert all(name in made for name in ("_shd", "_sfd", "_sso")), made
    assert "((self._ssp, self._shd), self._sso)" in inspect.getsource(MPServer._spawn_worker)


class _Plane:
    """A plane that has one page, in memory and otherwise."""

    def find(self, _path, _get):
        raise AssertionError("answers from memory cannot end their connection")

    find_file = find

    async def answer(self, _request):
        return Response(200, [("content-type", "text/plain")], b"page")


class _Scope:
    proto, method, path, query_string, client, headers = "http", "GET", "/simple/", "", "127.0.0.1:1", {}

    def __init__(self, http_version: str) -> None:
        self.http_version = http_version


class _Proto:
    def response_bytes(self, status, headers, body):
        self.sent = (status, headers, body)


@pytest.mark.parametrize(("version", "ending"), [("1.1", [("connection", "close")]), ("2", [])])
def test_a_front_that_leaves_ends_its_connections_with_their_next_answer(version, ending):
    app, proto = RsgiApp(_Plane(), None, None, None, None), _Proto()

    app.leave()
    asyncio.run(app(_Scope(version), proto))

    assert (200, [("content-type", "text/plain"), *ending], b"page") == proto.sent
