"""Streams end with their clients: who takes no byte for long gives the place to others."""

import os

import pytest
from read.plays import plays

from holdfast.front.streams import Streams
from holdfast.wire.client import OwnedChunks
from holdfast.wire.messages import Response, StreamBody

MIB = 1024 * 1024


class Stalled:
    """A server whose client reads nothing: it opens what it is told to send, and waits."""

    def response_file(self, status: int, headers: object, path: str) -> None:
        self.reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)


@plays
async def test_a_client_that_takes_nothing_loses_its_place_and_its_source(tmp_path):
    given_back = []

    async def give_back():
        given_back.append(True)

    async def chunks():
        for _ in range(4):
            yield bytes(MIB)

    server, streams = Stalled(), Streams(tmp_path, stall_seconds=0.05)
    body = StreamBody(OwnedChunks(chunks(), give_back))

    with pytest.raises(TimeoutError):
        await streams.send(server, Response(200, [("content-length", str(4 * MIB))], body))

    os.close(server.reading)
    assert ([True], 0, []) == (given_back, streams.open, list(tmp_path.iterdir()))
