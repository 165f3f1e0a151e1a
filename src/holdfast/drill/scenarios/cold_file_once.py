"""A hundred clients over two fronts ask for one cold file and its page: the upstream is asked once for each."""

from concurrent.futures import ThreadPoolExecutor

from holdfast.drill.corpus import wheel
from holdfast.drill.faults import Fault
from holdfast.drill.scenario import Say
from holdfast.drill.steps import world


def run(say: Say) -> None:
    with world([wheel("popular", "1.0", filler_bytes=2_000_000)], {"HOLDFAST_FRONTS": "2"}) as w:
        made = w.upstream.wheels[0]
        w.proxy.set(Fault(latency_seconds=0.5))
        file = f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}"
        with ThreadPoolExecutor(100) as crowd:
            pages = list(crowd.map(lambda _: w.rig.get("/simple/popular/"), range(100)))
            assert {a.status for a in pages} == {200}, {(a.status, a.body[:200]) for a in pages if a.status != 200}
            files = list(crowd.map(lambda _: w.rig.get(file, timeout=60), range(100)))
        assert all(a.status == 200 and a.body == made.content for a in files), {a.status for a in files}
        asked = dict(w.upstream.requests.items())
        say(f"upstream requests: {asked}")
        # The metadata is fetched ahead, behind the page's answer: a resolver asks for it next.
        ahead = asked.pop(f"/files/{made.filename}.metadata", 0)
        assert (asked, ahead) == ({"/simple/popular/": 1, f"/files/{made.filename}": 1}, min(ahead, 1)), (asked, ahead)
