"""Which names people may choose for themselves. Operators may make others (control/api/call.py has the wider rule)."""

import re

from django.core.exceptions import ValidationError

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,37}[a-z0-9])?")
# Names that would pass for the instance itself, for a place in its addresses, or for what clients send as a user name.
_TAKEN = frozenset(
    "__token__ token operator admin administrator root system holdfast abuse hostmaster noreply postmaster security "
    "support webmaster account accounts api assets help login logout manage me none null org organisation project "
    "projects search simple signup user users www".split()
)


def check_new_name(name: str) -> None:
    """Raises ValidationError for a name nobody may choose."""
    if _NAME.fullmatch(name) is None:
        raise ValidationError("Use 1 to 39 lower-case letters, digits and inner hyphens.")
    if name in _TAKEN:
        raise ValidationError("This name cannot be used; please choose another one.")


USERNAME_VALIDATORS = [check_new_name]
