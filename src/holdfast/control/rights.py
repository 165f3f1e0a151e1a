"""The one table of rights: for every action of the system, who may do it and how they must have proved who they are.

Nothing else in the code decides that. projects/rights.py and organisations/rights.py ask the database who somebody is
to a project or an organisation and compare it with the row; a new action gets a row here first. Values only.
"""

from dataclasses import dataclass
from typing import Literal

from holdfast.control.accounts.actor import Action, Credential

# Who somebody is to the thing at hand. A row names everybody who may; any one of them is enough.
Who = Literal[
    "anyone",  # also without any credential
    "person",  # whoever is signed in or holds a token
    "self",  # the person whose thing it is: their token, the invitation addressed to them
    "reader",  # may read the index
    "creator",  # may bring a new project into being in the index
    "maintainer",  # of the project: by a role, a team, or as a manager of its organisation
    "owner",  # of the project: by a role, a team, or as an owner of its organisation
    "publisher",  # a trusted publisher of the project
    "member",  # of the organisation, with whatever role
    "manager",  # of the organisation
    "organisation owner",
    "moderator",
    "admin",
]

ANY: tuple[Credential, ...] = ("token", "session", "publisher", "machine")
# A publisher's token lives a quarter of an hour for one purpose, so it is good for publishing and for nothing else.
PEOPLE: tuple[Credential, ...] = ("token", "session", "machine")
# What is published is published by a program: a stolen session or a guessed password never replaces anybody's files.
PROGRAMS: tuple[Credential, ...] = ("token", "publisher", "machine")


@dataclass(frozen=True, slots=True)
class Right:
    """One action. `needs` is what a token must be good for besides ("" for nothing in particular).

    With `waits`, it is refused for a while after an account was recovered: whoever took an account over by its mail
    must not destroy anything before the owner has noticed.
    """

    name: str
    doing: str  # as it stands at the beginning of a refusal
    who: tuple[Who, ...]
    by: tuple[Credential, ...] = PEOPLE
    needs: Action | Literal[""] = ""
    waits: bool = False


_MAINTAIN: tuple[Who, ...] = ("maintainer", "owner", "admin")
_OWN: tuple[Who, ...] = ("owner", "admin")

# Projects: reading and publishing.
READ_PROJECT = Right("read-project", "reading", ("reader", "maintainer", "owner", "admin"), ANY)
UPLOAD_FILE = Right(
    "upload-file", "publishing a file", ("maintainer", "owner", "publisher", "admin"), PROGRAMS, "upload"
)
CREATE_PROJECT = Right("create-project", "creating a project", ("creator", "admin"), PROGRAMS, "upload")

# Projects: what their people do.
YANK = Right("yank", "yanking", _MAINTAIN, needs="yank")
DELETE = Right("delete", "deleting", _OWN, needs="delete", waits=True)
SET_STATUS = Right("set-status", "setting a status", _OWN, needs="manage")  # quarantine is another right
SET_ROLE = Right("set-role", "giving and taking roles", _OWN, needs="manage", waits=True)

INVITE_TO_PROJECT = Right("invite-to-project", "inviting to a project", _OWN, needs="manage", waits=True)
OFFER_PROJECT = Right("offer-project", "offering a project", _OWN, needs="manage", waits=True)
SEE_PROJECT_PEOPLE = Right("see-project-people", "seeing invitations and offers of a project", _OWN, needs="manage")
SET_RETENTION = Right("set-retention", "setting rules of retention", _OWN, needs="delete", waits=True)
SEE_RETENTION = Right("see-retention", "seeing rules of retention and quotas", _MAINTAIN, needs="manage")
MANAGE_WEBHOOKS = Right("manage-webhooks", "changing a project's webhooks", _OWN, needs="manage")
READ_PROJECT_AUDIT = Right("read-project-audit", "reading what was done to a project", _OWN, needs="manage")
LEAVE_PROJECT = Right("leave-project", "leaving a project", ("maintainer", "owner"), needs="account")

# Organisations. A manager sees to members and teams, and never to owners: nobody raises themselves.
_LEAD: tuple[Who, ...] = ("organisation owner", "admin")
_RUN: tuple[Who, ...] = ("manager", *_LEAD)
CREATE_ORGANISATION = Right("create-organisation", "creating an organisation", ("person", "admin"), needs="account")
READ_ORGANISATION = Right("read-organisation", "reading an organisation", ("member", *_RUN), needs="account")
INVITE_MEMBER = Right("invite-member", "inviting members", _RUN, needs="account")
INVITE_LEADER = Right("invite-leader", "inviting owners and managers", _LEAD, needs="account", waits=True)
SET_PLACE = Right("set-place", "changing somebody's place in an organisation", _LEAD, needs="account", waits=True)
REMOVE_MEMBER = Right("remove-member", "removing members", _RUN, needs="account", waits=True)
REMOVE_LEADER = Right("remove-leader", "removing owners and managers", _LEAD, needs="account", waits=True)
LEAVE_ORGANISATION = Right("leave-organisation", "leaving an organisation", ("member",), needs="account")
MANAGE_TEAM = Right("manage-team", "changing teams", _RUN, needs="account")
MANAGE_OWNING_TEAM = Right(
    "manage-owning-team", "changing a team that owns a project", _LEAD, needs="account", waits=True
)
SET_TEAM_ROLE = Right("set-team-role", "giving and taking teams' roles", _LEAD, needs="account", waits=True)
MANAGE_ROBOT = Right("manage-robot", "making and disabling robots", _LEAD, needs="account")
DELETE_ORGANISATION = Right("delete-organisation", "deleting an organisation", _LEAD, needs="account", waits=True)
GIVE_FOR_ORGANISATION = Right(
    "give-for-organisation", "giving a project of an organisation away", _LEAD, needs="account", waits=True
)
TAKE_FOR_ORGANISATION = Right("take-for-organisation", "taking a project for an organisation", _LEAD, needs="account")
LIST_MY_PROJECTS = Right("list-my-projects", "listing one's projects", ("person",))
LIST_MINE = Right("list-mine", "listing what waits for one's answer", ("person",), needs="account")
ANSWER_INVITATION = Right("answer-invitation", "answering an invitation", ("self",), needs="account")
TAKE_PROJECT = Right("take-project", "taking a project over", ("self", "admin"), needs="account")
# Trusted publishers. Whoever may add one may let its workflow publish.
SEE_PUBLISHERS = Right("see-publishers", "seeing publishers", _MAINTAIN, needs="manage")
SET_PUBLISHER = Right("set-publisher", "adding and removing publishers", _OWN, needs="manage", waits=True)
PENDING_PUBLISHER = Right(
    "pending-publisher", "registering a publisher for a new project", ("creator", "admin"), needs="manage"
)

# The instance.
DESCRIBE_API = Right("describe-api", "describing the API", ("anyone",), ANY)
SET_QUOTA = Right("set-quota", "setting a quota", ("admin",))
MANAGE_ALL_WEBHOOKS = Right("manage-all-webhooks", "changing webhooks of whole indexes", ("admin",))
GRANT_INDEX = Right("grant-index", "granting rights on an index", ("admin",))
QUARANTINE = Right("quarantine", "starting or ending a quarantine", ("moderator", "admin"), needs="manage")
REMOVE_BYTES = Right("remove-bytes", "taking bytes down", ("admin",))
GRANT_SHADOW = Right("grant-shadow", "granting a shadow", ("admin",))
RELEASE_NAME = Right("release-name", "releasing a name", ("admin",))
ANY_NEW_NAME = Right("any-new-name", "creating a name that the rules hold back", ("admin",), PROGRAMS)
SET_POLICY = Right("set-policy", "deciding what comes in from upstreams", ("admin",))
RELOAD_POLICY = Right("reload-policy", "reloading policy settings", ("admin",))
SEE_SWITCHES = Right("see-switches", "seeing the kill switches", ("admin",))
SWITCH = Right("switch", "switching capabilities", ("admin",))
REPORT_PROJECT = Right("report-project", "reporting a project", ("person", "admin"))
SEE_REPORTS = Right("see-reports", "seeing reports", ("moderator", "admin"))
JUDGE_REPORT = Right("judge-report", "judging a report", ("moderator", "admin"))
SET_OBSERVER = Right("set-observer", "saying who is a trusted observer", ("admin",))
SEE_BANS = Right("see-bans", "seeing prohibited names and banned networks", ("admin",))
PROHIBIT_NAME = Right("prohibit-name", "prohibiting names", ("admin",))
BAN_NETWORK = Right("ban-network", "banning networks", ("admin",))
READ_AUDIT = Right("read-audit", "reading the audit trail", ("person", "admin"), needs="account")

# Accounts.
INVITE_PERSON = Right("invite-person", "inviting a person", ("admin",))
MANAGE_PERSON = Right("manage-person", "changing the account of somebody else", ("admin",))
# Where somebody is signed in. The page asks besides that it was proved lately (web/account_pages.py). From where is for
# themselves to know: an administrator ends sessions of others, and only the machine, whose database it is, lists them.
LIST_OWN_SIGN_IN_SESSIONS = Right(
    "list-own-sign-in-sessions", "listing one's own sign-in sessions", ("person",), needs="account"
)
END_OWN_SIGN_IN_SESSION = Right(
    "end-own-sign-in-session", "ending a sign-in session of one's own", ("person",), needs="account"
)
LIST_SIGN_IN_SESSIONS = Right(
    "list-sign-in-sessions", "listing somebody else's sign-in sessions", ("admin",), ("machine",)
)
END_SIGN_IN_SESSIONS = Right("end-sign-in-sessions", "ending somebody else's sign-in sessions", ("admin",))
LEAVE_INSTANCE = Right("leave-instance", "deleting an account", ("self",), ("session",), waits=True)

# Tokens.
MAKE_ANY_TOKEN = Right("make-any-token", "creating a token", ("admin",))
END_ANY_TOKEN = Right("end-any-token", "revoking a token", ("admin",))
GIVE_ROBOT = Right("give-robot", "giving a robot to somebody", ("admin",))
MAKE_OWN_TOKEN = Right("make-own-token", "creating a token of one's own", ("person",), ("session", "machine"))
LIST_OWN_TOKENS = Right("list-own-tokens", "listing one's own tokens", ("person",), needs="account")
END_OWN_TOKEN = Right("end-own-token", "revoking a token of one's own", ("person",), needs="account")
REPORT_LEAKED_TOKENS = Right("report-leaked-tokens", "reporting leaked tokens", ("anyone",), ANY)
LIST_ALL_TOKENS = Right("list-all-tokens", "listing tokens", ("admin",))

# Anything else an administrator does; parts that grow their own rights add rows instead.
ADMINISTER = Right("administer", "this", ("admin",))

RIGHTS: tuple[Right, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Right))
