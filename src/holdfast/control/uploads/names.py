"""Where an upload lands, and whether its project may take its name: the doors that uploads and promotions share."""

from holdfast.config import Config, IndexConfig
from holdfast.control.database import database_guard
from holdfast.control.parts import Parts
from holdfast.control.projects.standing import has_shadow_grant, owns_name
from holdfast.control.uploads.hold import held
from holdfast.control.uploads.shadow import check_shadow, viewers_by_layer


def upload_index(config: Config, index: IndexConfig) -> IndexConfig:
    """The hosted index that takes what is sent to `index`; settings see to it that this is one step."""
    return (config.index(index.upload_to) if index.upload_to else None) or index


def require_free_name(parts: Parts, index: IndexConfig, name: str, deadline: float) -> None:
    """Let `index` create `name`. Raises Refused when a layer below has it, Unavailable when one cannot be asked."""

    def granted() -> bool:
        with database_guard():
            return has_shadow_grant(index.name, name)

    config = parts.in_force
    index = config.index(index.name) or index
    if not viewers_by_layer(config, index, name):
        return
    check_shadow(
        config,
        index,
        name,
        parts.upstreams,
        owns=lambda layer, wanted: held(lambda: owns_name(layer, wanted), parts.clock, deadline),
        granted=held(granted, parts.clock, deadline),
        seconds_left=lambda: deadline - parts.clock.monotonic(),
    )
