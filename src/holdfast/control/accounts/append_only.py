"""The audit trail's own guard in the database: triggers that refuse to change or delete what is in the chain.

The chain (audit.py) tells afterwards that somebody rewrote the past; these keep a mistake, a stray script and whoever
has the application's statements only from doing it at all. Who owns the database can drop them, which `holdfast audit
verify` says. They come after each migration and not by one: on SQLite a later change of the table drops them.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

from holdfast.control.database import database_guard

_EVENTS, _HEAD = "accounts_auditevent", "accounts_audithead"
_WORDS = "the audit trail is append-only"

# trigger: (table, event, when). An event of an earlier release gets its place in the chain by one update.
_TRIGGERS = {
    "holdfast_trail_update": (_EVENTS, "UPDATE", "OLD.position IS NOT NULL"),
    "holdfast_trail_delete": (_EVENTS, "DELETE", ""),
    "holdfast_trail_head_update": (_HEAD, "UPDATE", "NEW.position < OLD.position"),
    "holdfast_trail_head_delete": (_HEAD, "DELETE", ""),
}
_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION holdfast_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_WORDS}'; END $$
"""


def guard_trail() -> None:
    """Have the database refuse changes of the past. Again: nothing happens. Raises DatabaseUnavailable."""
    with database_guard() as wrapper:
        missing = [name for name in _TRIGGERS if name not in _known(wrapper)]
        if not missing:
            return
        with wrapper.cursor() as cursor:
            if wrapper.vendor == "postgresql":
                cursor.execute(_FUNCTION)
            for name in missing:
                cursor.execute(_statement(wrapper.vendor, name))


def is_guarded() -> bool:
    """Whether every trigger is there. Raises DatabaseUnavailable."""
    with database_guard() as wrapper:
        return set(_TRIGGERS) <= _known(wrapper)


def _known(wrapper: BaseDatabaseWrapper) -> set[str]:
    if wrapper.vendor == "postgresql":
        # A trigger that somebody disabled is none.
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with wrapper.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}


def _statement(vendor: str, name: str) -> str:
    table, event, when = _TRIGGERS[name]
    condition = f"WHEN ({when})" if when else ""
    head = f"BEFORE {event} ON {table} FOR EACH ROW {condition}"
    if vendor == "postgresql":
        return (
            f"DROP TRIGGER IF EXISTS {name} ON {table};"
            f" CREATE TRIGGER {name} {head} EXECUTE FUNCTION holdfast_append_only()"
        )
    return f"CREATE TRIGGER IF NOT EXISTS {name} {head} BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
