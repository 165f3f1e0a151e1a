"""The management API, address by address: the one table that serves it, describes it, and is held to the rights matrix.

docs/api.md tells it to people.
"""

from holdfast.control import rights
from holdfast.control.accounts.actor import ACTIONS
from holdfast.control.api import (
    leaks,
    lists,
    openapi,
    organisations,
    people,
    projects,
    promotions,
    sign_in_sessions,
    tokens,
)
from holdfast.control.api.describe import FILE, PAGED, PROJECT, RELEASE, ROLE, TO, Address, Field, Route
from holdfast.control.api.table_keeping import RETENTION, WEBHOOKS
from holdfast.control.api.table_moderation import MODERATION
from holdfast.control.api.table_organisations import ORGANISATIONS
from holdfast.control.api.table_publishers import PUBLISHERS
from holdfast.control.api.table_sessions import SESSIONS
from holdfast.core.model import STATUSES

REASON = Field("reason", "text", "Why; whoever installs it is shown it.", "broken on Windows")
SECRET = Field("secret", "text", "The secret from the mail, for an invitation to an address.", "")
USER = Field("user", "text", "A user name.", "bob")
OWNING = Field("organisation", "text", "An organisation's name.", "acme")
RIGHT = Field("right", "text", "The right.", "read", required=True, choices=("read", "create"))


NEW_TOKEN = (
    Field("name", "text", "What it is for, 1 to 200 characters.", "ci", required=True),
    Field("user", "text", "Whom it acts for; you, unless told otherwise.", "robot"),
    Field("read", "texts", "Indexes it reads; `*` is all.", ["main"]),
    Field("upload", "texts", "Indexes it uploads to.", ["main"]),
    Field("projects", "texts", "`index/name`, which narrow uploads.", ["main/demo"]),
    Field("actions", "texts", f"What it may do to projects it reaches: {', '.join(ACTIONS)}.", ["upload"]),
    Field("create_projects", "flag", "May bring new projects into being.", False),
    Field("admin", "flag", "Everything, on every index.", False),
    Field("expires", "text", "When it ends (ISO 8601).", ""),
    Field("days", "whole", "Or: after how many days.", 30),
)

PROJECTS = (
    Address(
        "projects", "projects", {"GET": Route(lists.list_projects, rights.LIST_MY_PROJECTS, "Projects", query=PAGED)}
    ),
    Address(
        PROJECT,
        "projects",
        {
            "GET": Route(projects.show_project, rights.READ_PROJECT, "Project"),
            "DELETE": Route(projects.delete_project, rights.DELETE, "Serial", changes=True),
        },
    ),
    Address(
        PROJECT + "/releases",
        "projects",
        {"GET": Route(lists.list_releases, rights.READ_PROJECT, "Releases", query=PAGED)},
    ),
    Address(
        PROJECT + "/files", "projects", {"GET": Route(lists.list_files, rights.READ_PROJECT, "Files", query=PAGED)}
    ),
    Address(
        PROJECT + "/audit",
        "projects",
        {"GET": Route(lists.list_audit, rights.READ_PROJECT_AUDIT, "Events", query=PAGED)},
    ),
    Address(
        PROJECT + "/status",
        "projects",
        {
            "POST": Route(
                projects.set_status,
                rights.SET_STATUS,
                "Serial",
                (Field("status", "text", "PEP 792.", "archived", required=True, choices=STATUSES), REASON),
                changes=True,
            )
        },
    ),
    Address(
        PROJECT + "/release-name",
        "projects",
        {"POST": Route(projects.release_name, rights.RELEASE_NAME, "Serial", changes=True)},
    ),
    Address(RELEASE, "projects", {"DELETE": Route(projects.delete_release, rights.DELETE, "Serial", changes=True)}),
    Address(
        RELEASE + "/yank",
        "projects",
        {"POST": Route(projects.yank_release, rights.YANK, "Serial", (REASON,), changes=True)},
    ),
    Address(
        RELEASE + "/unyank", "projects", {"POST": Route(projects.unyank_release, rights.YANK, "Serial", changes=True)}
    ),
    Address(
        RELEASE + "/promote",
        "projects",
        {
            "POST": Route(
                promotions.promote_to,
                rights.UPLOAD_FILE,
                "Promotion",
                (
                    Field("to", "text", "The hosted index it is listed in too.", "team", required=True),
                    Field("dry_run", "flag", "Only say what would be done.", True),
                ),
                changes=True,
                more=((410, "Bytes of it were taken down."), (451, "Bytes of it were taken down for legal reasons.")),
            )
        },
    ),
    Address(FILE, "projects", {"DELETE": Route(projects.delete_file, rights.DELETE, "Serial", changes=True)}),
    Address(
        FILE + "/yank", "projects", {"POST": Route(projects.yank_file, rights.YANK, "Serial", (REASON,), changes=True)}
    ),
    Address(FILE + "/unyank", "projects", {"POST": Route(projects.unyank_file, rights.YANK, "Serial", changes=True)}),
)

PEOPLE = (
    Address(
        PROJECT + "/roles/<str:user>",
        "people",
        {
            "PUT": Route(projects.set_role, rights.SET_ROLE, "Serial", (ROLE,), changes=True),
            "DELETE": Route(projects.remove_role, rights.SET_ROLE, "Serial", changes=True),
        },
    ),
    Address(PROJECT + "/people", "people", {"GET": Route(people.show_people, rights.SEE_PROJECT_PEOPLE, "People")}),
    Address(
        PROJECT + "/invitations",
        "people",
        {"POST": Route(people.invite, rights.INVITE_TO_PROJECT, "Invited", (TO, ROLE), status=201)},
    ),
    Address(
        PROJECT + "/offers",
        "people",
        {"POST": Route(people.offer, rights.OFFER_PROJECT, "Offered", (USER, OWNING), status=201, changes=True)},
    ),
    Address(PROJECT + "/leave", "people", {"POST": Route(people.leave, rights.LEAVE_PROJECT, "Serial", changes=True)}),
    Address("invitations", "people", {"GET": Route(people.list_invitations, rights.LIST_MINE, "Invitations")}),
    Address("invitations/<int:invitation>", "people", {"DELETE": Route(people.revoke, rights.ANSWER_INVITATION)}),
    Address(
        "invitations/<int:invitation>/accept",
        "people",
        {"POST": Route(people.accept, rights.ANSWER_INVITATION, "Serial", (SECRET,), changes=True)},
    ),
    Address(
        "invitations/<int:invitation>/decline",
        "people",
        {"POST": Route(people.decline, rights.ANSWER_INVITATION, fields=(SECRET,))},
    ),
    Address("offers", "people", {"GET": Route(people.list_offers, rights.LIST_MINE, "Offers")}),
    Address("offers/<int:offer>", "people", {"DELETE": Route(people.revoke_offer, rights.OFFER_PROJECT)}),
    Address(
        "offers/<int:offer>/accept", "people", {"POST": Route(people.take, rights.TAKE_PROJECT, "Serial", changes=True)}
    ),
    Address("offers/<int:offer>/decline", "people", {"POST": Route(people.decline_offer, rights.TAKE_PROJECT)}),
)

INSTANCE = (
    Address(
        "indexes/<slug:index>/grants",
        "instance",
        {
            "GET": Route(organisations.list_grants, rights.GRANT_INDEX, "Grants"),
            "POST": Route(organisations.grant, rights.GRANT_INDEX, fields=(RIGHT, USER, OWNING), status=201),
        },
    ),
    Address(
        "indexes/<slug:index>/grants/revoke",
        "instance",
        {"POST": Route(organisations.revoke_grant, rights.GRANT_INDEX, "Serial", (RIGHT, USER, OWNING), changes=True)},
    ),
    Address(
        "grants/shadow/<slug:index>/<str:name>",
        "instance",
        {
            "PUT": Route(projects.grant_shadow, rights.GRANT_SHADOW),
            "DELETE": Route(projects.revoke_shadow, rights.GRANT_SHADOW),
        },
    ),
    Address(
        "removals",
        "instance",
        {
            "POST": Route(
                projects.remove_bytes,
                rights.REMOVE_BYTES,
                "Serial",
                (
                    Field("sha256", "texts", "Digests to take down for good.", ["0" * 64], required=True),
                    Field(
                        "reason", "text", "Why; whoever asks for the bytes is shown it.", "a leaked key", required=True
                    ),
                    Field("legal", "flag", "Answer 451 instead of 410.", False),
                ),
                changes=True,
            )
        },
    ),
    Address(
        "openapi.json", "instance", {"GET": Route(openapi.describe, rights.DESCRIBE_API, "Description", open=True)}
    ),
)

# Of browsers; `sessions/...` are publishing sessions.
SIGN_IN_SESSIONS = (
    Address(
        "sign-in-sessions",
        "people",
        {
            "GET": Route(sign_in_sessions.list_own, rights.LIST_OWN_SIGN_IN_SESSIONS, "SignInSessions"),
            "DELETE": Route(sign_in_sessions.end_own_others, rights.END_OWN_SIGN_IN_SESSION, "Ended"),
        },
    ),
    Address(
        "sign-in-sessions/<slug:session>",
        "people",
        {"DELETE": Route(sign_in_sessions.end_own, rights.END_OWN_SIGN_IN_SESSION)},
    ),
    Address(
        "people/<str:user>/sign-in-sessions",
        "people",
        {"DELETE": Route(sign_in_sessions.end_all_of, rights.END_SIGN_IN_SESSIONS, "Ended")},
    ),
)

TOKENS = (
    Address(
        "tokens",
        "tokens",
        {
            "GET": Route(tokens.list_tokens, rights.LIST_OWN_TOKENS, "Tokens"),
            "POST": Route(tokens.new_token, rights.MAKE_ANY_TOKEN, "NewToken", NEW_TOKEN, status=201),
        },
    ),
    Address(
        "tokens/<str:token>",
        "tokens",
        {"DELETE": Route(tokens.end_token, rights.END_OWN_TOKEN, "Serial", changes=True)},
    ),
    Address(
        "robots/<str:user>",
        "tokens",
        {
            "PUT": Route(
                tokens.give,
                rights.GIVE_ROBOT,
                fields=(Field("owner", "text", "Who makes and ends its tokens.", "alice", required=True),),
            )
        },
    ),
    Address(
        "leaked-tokens",
        "tokens",
        {
            "POST": Route(
                leaks.report,
                rights.REPORT_LEAKED_TOKENS,
                "Received",
                (
                    Field("tokens", "any", "Texts, or objects with `token` and `url`; at most 100.", [], required=True),
                    Field("found_at", "text", "Where they were found.", "https://code.example/a/b"),
                ),
                changes=True,
                open=True,
                lists_too="tokens",
                more=((429, "Reported too often; Retry-After says when to come again."),),
            )
        },
    ),
)

TABLE: tuple[Address, ...] = (
    *PROJECTS,
    *SESSIONS,
    *PUBLISHERS,
    *PEOPLE,
    *ORGANISATIONS,
    *RETENTION,
    *WEBHOOKS,
    *INSTANCE,
    *MODERATION,
    *SIGN_IN_SESSIONS,
    *TOKENS,
)
