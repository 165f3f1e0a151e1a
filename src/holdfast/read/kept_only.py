"""`Cache-Control: only-if-cached` (RFC 9111 §5.2.1.7): an answer from what is kept here, or 504; nothing is fetched.

Whoever would ask the pull process for something calls `demand_may_ask` first, before it joins a fetch that is under
way for somebody else. Rights and policy are judged as for any request.
"""

from holdfast.core.errors import NotKept
from holdfast.wire.messages import Request


def wants_only_kept(request: Request) -> bool:
    """True when the client asks for nothing but what is kept here."""
    told = request.headers.get("cache-control")
    return told is not None and "only-if-cached" in [one.strip() for one in told.lower().split(",")]


def demand_may_ask(request: Request, what: str) -> None:
    """Raises NotKept when `what` would have to be asked for and the request says not to."""
    if wants_only_kept(request):
        raise NotKept(f"{what} is not kept here; ask without only-if-cached to have it fetched")
