"""Django's cache as rows: the few facts of second factors that every machine must know and no restart may lose."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import IntegrityError, transaction

from holdfast.control.accounts.models import Kept

TIMEOUT_SECONDS = 86_400.0  # of what names none


class RowCache(BaseCache):
    """CACHES' default. Small JSON values; `add` is atomic, which is what one-time use needs."""

    def __init__(self, _location: str, params: Mapping[str, Any]) -> None:
        super().__init__(dict(params))

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        name, until = _name(key), _until(timeout)
        now = datetime.now(UTC)
        Kept.objects.filter(key=name, until__lte=now).delete()
        try:
            with transaction.atomic():
                Kept.objects.create(key=name, value=value, until=until)
        except IntegrityError:
            return False
        return True

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = Kept.objects.filter(key=_name(key), until__gt=datetime.now(UTC)).values_list("value", flat=True).first()
        return default if found is None else found

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        json.dumps(value)  # what cannot be kept is told to whoever tries, before the database
        Kept.objects.update_or_create(key=_name(key), defaults={"value": value, "until": _until(timeout)})

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(Kept.objects.filter(key=_name(key)).delete()[0])


def _name(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _until(timeout: Any) -> datetime:
    seconds = TIMEOUT_SECONDS if timeout is DEFAULT_TIMEOUT or timeout is None else float(timeout)
    return datetime.now(UTC) + timedelta(seconds=seconds)
