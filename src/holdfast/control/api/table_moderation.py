"""The part of the API's table for operators and moderators: kill switches, the audit trail.

table.py puts the parts together.
"""

from holdfast.control import rights
from holdfast.control.api import lists, moderation, policy, switches
from holdfast.control.api.describe import PAGED, Address, Field, Route
from holdfast.control.moderation.reports import KINDS
from holdfast.control.moderation.verdicts import VERDICTS

SWITCH = "switches/<slug:capability>"

SCOPE = Field("scope", "text", "`*`, an index, `index/name-pattern`, or an issuer's URL.", "*")
HOURS = Field("hours", "whole", "After how many hours it ends by itself; 24 unless told otherwise.", 24)
NO_EXPIRY = Field("no_expiry", "flag", "Until somebody switches it on.", False)

OF_USER = Field("user", "text", "What this person did; for administrators.", "bob")

REASON = Field("reason", "text", "Why; whoever is refused is shown it.", "a flood", required=True)
NETWORK = Field("network", "text", "An address or a network.", "192.0.2.0/24", required=True)
INDEX = Field("index", "text", "An index; `*` is every one.", "*")
PATTERN = Field("pattern", "text", "A name, or a pattern of names.", "acme-*", required=True)

WHAT = Field("what", "text", "A requirement, a name or a name pattern.", "acme<2", required=True)
HELD_BACK = Field("reason", "text", "Why; whoever is held back is shown it.", "INC-7", required=True)
ONE_RELEASE = (
    Field("name", "text", "A project of an upstream.", "acme", required=True),
    Field("version", "text", "One version of it.", "1.2.3", required=True),
    Field("index", "text", "The index it is let through in.", "main"),
)

MODERATION = (
    Address(
        "projects/<slug:index>/<str:name>/reports",
        "moderation",
        {
            "POST": Route(
                moderation.report_project,
                rights.REPORT_PROJECT,
                "Reported",
                (
                    Field("kind", "text", "What it is.", "malware", required=True, choices=KINDS),
                    Field("text", "text", "What you saw, and where.", "setup.py sends tokens away", required=True),
                ),
                status=201,
                changes=True,
                more=((429, "Reported too often; Retry-After says when to come again."),),
            )
        },
    ),
    Address(
        "reports", "moderation", {"GET": Route(moderation.list_reports, rights.SEE_REPORTS, "Reports", query=PAGED)}
    ),
    Address(
        "reports/<int:report>/verdict",
        "moderation",
        {
            "POST": Route(
                moderation.judge_report,
                rights.JUDGE_REPORT,
                "Serial",
                (
                    Field("verdict", "text", "The verdict.", "not-malware", required=True, choices=VERDICTS),
                    Field("reason", "text", "Shown with a quarantine.", "INC-7"),
                ),
                changes=True,
            )
        },
    ),
    Address(
        "observers/<str:user>",
        "moderation",
        {
            "PUT": Route(moderation.add_observer, rights.SET_OBSERVER),
            "DELETE": Route(moderation.remove_observer, rights.SET_OBSERVER),
        },
    ),
    Address(
        "bans",
        "moderation",
        {
            "GET": Route(moderation.list_bans, rights.SEE_BANS, "Bans"),
            "POST": Route(moderation.ban, rights.BAN_NETWORK, fields=(NETWORK, REASON, HOURS, NO_EXPIRY)),
        },
    ),
    Address("bans/lift", "moderation", {"POST": Route(moderation.lift_ban, rights.BAN_NETWORK, fields=(NETWORK,))}),
    Address(
        "prohibited-names",
        "moderation",
        {"POST": Route(moderation.prohibit, rights.PROHIBIT_NAME, fields=(INDEX, PATTERN, REASON))},
    ),
    Address(
        "prohibited-names/permit",
        "moderation",
        {"POST": Route(moderation.permit, rights.PROHIBIT_NAME, fields=(INDEX, PATTERN))},
    ),
    Address(
        "audit", "moderation", {"GET": Route(lists.list_events, rights.READ_AUDIT, "Events", query=(*PAGED, OF_USER))}
    ),
    Address("policy", "moderation", {"GET": Route(policy.show, rights.SET_POLICY, "Policy")}),
    Address(
        "policy/denials",
        "moderation",
        {"POST": Route(policy.deny, rights.SET_POLICY, fields=(WHAT, INDEX, HELD_BACK))},
    ),
    Address(
        "policy/denials/lift",
        "moderation",
        {"POST": Route(policy.lift_denial, rights.SET_POLICY, fields=(WHAT, INDEX))},
    ),
    Address(
        "policy/passes",
        "moderation",
        {"POST": Route(policy.let_through, rights.SET_POLICY, fields=(*ONE_RELEASE, HELD_BACK, HOURS))},
    ),
    Address(
        "policy/passes/end",
        "moderation",
        {"POST": Route(policy.end_pass, rights.SET_POLICY, fields=ONE_RELEASE)},
    ),
    Address(
        "policy/reload",
        "moderation",
        {
            "POST": Route(
                switches.reload_policy,
                rights.RELOAD_POLICY,
                "Reloaded",
                (Field("check", "flag", "Only say what would change.", True),),
            )
        },
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
