"""What `/metrics` asks of control: its figures. Control may be dead, and then there are none."""

import json
import re
from pathlib import Path

from holdfast.core.errors import Unavailable
from holdfast.wire.client import Neighbour, read_whole

FIGURES_SECONDS = 1.0  # control itself gives up on a database that hangs after 0.7 s
REQUESTS_MAX = 4  # of scrapes at once
_SAMPLE = re.compile(r'[a-z_]{1,100}(\{[a-z_]{1,30}="[a-z0-9_.-]{0,100}"\})?')


class Control:
    """The control process of this machine."""

    def __init__(self, socket: Path) -> None:
        self._neighbour = Neighbour("control", socket, REQUESTS_MAX)

    async def close(self) -> None:
        await self._neighbour.close()

    async def figures(self) -> dict[str, float] | None:
        """By sample, as the Prometheus text format has it; None when control does not answer in time."""
        try:
            async with self._neighbour.request("GET", "/-/health", seconds_max=FIGURES_SECONDS) as response:
                document = json.loads(await read_whole(response, "control", FIGURES_SECONDS))
            found = document["figures"]
            is_well = bool(document["database"]["ok"])
        except (Unavailable, ValueError, KeyError, TypeError):
            return None
        figures = {
            sample: float(value)
            for sample, value in found.items()
            if _SAMPLE.fullmatch(sample) and isinstance(value, int | float)
        }
        return {**figures, "holdfast_database_up": float(is_well)}


def sample_lines(figures: dict[str, float] | None) -> list[str]:
    """Samples with their types; one that ends in `_total` is a counter. Without any: that control is down."""
    lines = ["# TYPE holdfast_control_up gauge", f"holdfast_control_up {int(figures is not None)}"]
    last = ""
    for sample, value in sorted((figures or {}).items()):
        name = sample.partition("{")[0]
        if name != last:
            lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
        lines.append(f"{sample} {value:.15g}")
        last = name
    return lines
