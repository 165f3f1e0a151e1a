"""A name that no project has yet belongs, while a session for it lives, to whoever opened that session (PEP 694)."""

from holdfast.control.staging.models import LIVE, StagingSession


def is_reserved_by_another(user: str, index: str, name: str) -> bool:
    """True when a live session holds the name for other people and none does for `user`."""
    holders = set(
        StagingSession.objects.filter(index=index, name=name, status__in=LIVE).values_list("creator", flat=True)
    )
    return bool(holders) and user not in holders
