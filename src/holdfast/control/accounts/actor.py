"""Who acts, and what their token lets them do. Pure values; who may do what is control/rights.py's to say."""

from dataclasses import dataclass, field
from typing import Literal

ALL = "*"

# How somebody proved who they are. What each may do is one table's to say (control/rights.py).
Credential = Literal["token", "session", "publisher", "machine"]

# What a token may do to projects it reaches, beyond reading, where its person may: a token need not have all of it.
# `account` is what people do for themselves (organisations, invitations); a token has it only when asked for.
Action = Literal["upload", "yank", "manage", "delete", "account"]
ACTIONS: tuple[Action, ...] = ("upload", "yank", "manage", "delete", "account")
PROJECT_ACTIONS: tuple[Action, ...] = ("upload", "yank", "manage", "delete")


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a token is good for. `*` stands for every index."""

    read: tuple[str, ...] = ()  # indexes
    upload: tuple[str, ...] = ()  # indexes
    upload_projects: tuple[str, ...] = ()  # `index/name`; when not empty, uploads go to these alone
    create_projects: bool = False
    admin: bool = False
    actions: tuple[Action, ...] = PROJECT_ACTIONS


@dataclass(frozen=True, slots=True)
class Identity:
    """What a trusted publisher proved of itself, and which rows of publishers/models.py that fits."""

    provider: str
    kind: str
    issuer: str
    label: str  # "github:acme/widgets/release.yml"
    facts: tuple[tuple[str, str], ...] = ()  # claims: repository, workflow, sha, run ...
    publishers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """A user acting through a token or a browser session, a trusted publisher, or an operator at the machine itself.

    `token` is the id of the token, "" without one. `user` is empty only for a trusted publisher.
    """

    user: str
    scopes: Scopes = field(default=Scopes())
    token: str = ""
    address: str = ""  # the client's
    credential: Credential = "token"
    identity: Identity | None = None  # of a trusted publisher

    @property
    def who(self) -> str:
        """How the audit trail and a file's row call them."""
        return self.user or (self.identity.label if self.identity else "")

    def may_upload(self, index: str, name: str) -> bool:
        """True when the token reaches that project; which actions it allows, and roles, are other questions."""
        if self.scopes.upload_projects:
            return f"{index}/{name}" in self.scopes.upload_projects
        return ALL in self.scopes.upload or index in self.scopes.upload

    def may_create(self, index: str) -> bool:
        """True when the token may bring a new project into being in that index."""
        return self.scopes.create_projects and (ALL in self.scopes.upload or index in self.scopes.upload)

    @property
    def is_admin(self) -> bool:
        return self.scopes.admin


OPERATOR_SCOPES = Scopes((ALL,), (ALL,), (), True, True, ACTIONS)


def operator(user: str = "operator") -> Actor:
    """The person at this machine's command line: whoever can write the data folder needs no token."""
    return Actor(user, OPERATOR_SCOPES, credential="machine")
