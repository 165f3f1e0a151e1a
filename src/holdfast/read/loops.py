"""Instances that pull from each other in a circle: each names itself in `X-Holdfast-Via`, and refuses to see itself."""

import re

from holdfast.core.errors import Unavailable
from holdfast.wire.messages import Request

_VIA = re.compile(r"[A-Za-z0-9_.,-]{1,1024}")


def via_of(request: Request) -> str:
    """The ids of the instances this request came through; what is no list of ids counts as not sent."""
    via = request.headers.get("x-holdfast-via") or ""
    return via if _VIA.fullmatch(via) else ""


def refuse_loop(request: Request, instance: str) -> None:
    """Raises Unavailable when the request already came through this instance."""
    if instance and instance in via_of(request).split(","):
        raise Unavailable("loop: this instance is among its own upstreams", retry_after_seconds=60)
