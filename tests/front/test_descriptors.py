"""A front whose process has no descriptor left: trouble of ours, which clients learn of as such."""

import http.client
import os
import resource

from front.served import served
from processes import wait_for
from read.site import path_of

from holdfast.front.descriptors import Descriptors

DATA = bytes(range(256)) * 8192  # 2 MiB: too large for memory, too small to be sent by the kernel


def test_a_file_that_cannot_be_opened_again_is_503_and_never_404(tmp_path):
    """The server opens a file by itself once it has the answer, and says 404 when it cannot."""
    with served(tmp_path) as front:
        file = front.site.wheel("demo", data=DATA)
        front.site.publish("demo", file)
        [worker] = front.workers
        connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)

        def get(**headers: str) -> tuple[int, str | None, bytes]:
            connection.request("GET", path_of(file), headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("retry-after"), answer.read()

        assert [get() for _ in range(2)] == [(200, None, DATA)] * 2, "cold, then at hand"
        soft, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{worker}/fd"))
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (used, hard))
        try:
            without, part = get(), get(Range="bytes=0-9")
        finally:
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (soft, hard))

        assert (without[0], without[1]) == (503, "1"), without[2][:300]
        assert b"no file descriptor" in without[2]
        assert part == (206, None, DATA[:10]) or part[0] == 503, "what memory has needs none, where it can be asked"
        wait_for(lambda: get() == (200, None, DATA), "the file again")
        connection.close()


def test_there_is_room_as_long_as_the_lowest_free_number_is_low():
    """What others may open at the same moment is left to them."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert Descriptors().is_room()
    assert not Descriptors(spare=soft).is_room()


def test_a_front_raises_its_limit_as_far_as_it_may(tmp_path):
    with served(tmp_path) as front:
        [worker] = front.workers
        soft, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)

    assert soft == min(hard, 65_536) or soft >= 65_536
