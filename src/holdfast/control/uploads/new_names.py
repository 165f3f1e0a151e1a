"""May a project of this name be created at all? Asked before anything is stored, and only while there is none."""

from django.db.models import F, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Replace

from holdfast.config import IndexConfig
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard
from holdfast.control.parts import Parts
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import is_administrator
from holdfast.control.uploads.hold import held
from holdfast.core.name_rules import check_new_name, look_alike_key
from holdfast.core.upload_problems import Problem

# core.name_rules.look_alike_key in SQL; stored names are normalised already.
_KEY: Combinable = F("name")
for _old, _new in (("-", ""), ("l", "1"), ("i", "1"), ("o", "0")):
    _KEY = Replace(_KEY, Value(_old), Value(_new))


def new_name_problems(
    parts: Parts, index: IndexConfig, name: str, actor: Actor, deadline: float
) -> tuple[Problem, ...]:
    """What speaks against creating `name`; nothing for a name in use, or for an administrator. Raises Unavailable."""
    if is_administrator(actor, rights.ANY_NEW_NAME):
        return ()

    def look() -> list[str] | None:
        """Names that look alike, None when the name is in use. One scan over an index's names, in the database."""
        with database_guard():
            owned = Project.objects.filter(index=index.name, owned=True)
            if owned.filter(name=name).exists():
                return None
            # Another upload may have created it since the line above: a name is never confused with itself.
            alike = owned.exclude(name=name).annotate(key=_KEY).filter(key=look_alike_key(name))
            return list(alike.values_list("name", flat=True)[:10])

    alike = held(look, parts.clock, deadline)
    if alike is None:
        return ()
    return tuple(check_new_name(name, alike))
