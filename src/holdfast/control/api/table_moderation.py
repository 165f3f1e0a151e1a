"""The part of the API's table for operators and moderators: kill switches, the audit trail.

table.py puts the parts together.
"""

from holdfast.control import rights
from holdfast.control.api import lists, switches
from holdfast.control.api.describe import PAGED, Address, Field, Route

SWITCH = "switches/<slug:capability>"

SCOPE = Field("scope", "text", "`*`, an index, `index/name-pattern`, or an issuer's URL.", "*")
HOURS = Field("hours", "whole", "After how many hours it ends by itself; 24 unless told otherwise.", 24)
NO_EXPIRY = Field("no_expiry", "flag", "Until somebody switches it on.", False)

OF_USER = Field("user", "text", "What this person did; for administrators.", "bob")

MODERATION = (
    Address(
        "audit", "moderation", {"GET": Route(lists.list_events, rights.READ_AUDIT, "Events", query=(*PAGED, OF_USER))}
    ),
    Address("switches", "moderation", {"GET": Route(switches.list_switches, rights.SEE_SWITCHES, "Switches")}),
    Address("switches/history", "moderation", {"GET": Route(switches.history, rights.SEE_SWITCHES, "Decisions")}),
    Address(
        SWITCH,
        "moderation",
        {
            "PUT": Route(
                switches.switch_off,
                rights.SWITCH,
                "Switch",
                (
                    Field("reason", "text", "Why; whoever is refused is shown it.", "a flood", required=True),
                    SCOPE,
                    Field("status_url", "text", "Where people follow what happens.", "https://status.example/7"),
                    Field("banner", "text", "What public pages show.", "No new projects today."),
                    HOURS,
                    NO_EXPIRY,
                ),
            ),
            "DELETE": Route(switches.switch_on, rights.SWITCH, query=(SCOPE,)),
        },
    ),
    Address(
        SWITCH + "/extend",
        "moderation",
        {"POST": Route(switches.extend, rights.SWITCH, "Switch", (SCOPE, HOURS, NO_EXPIRY))},
    ),
)
