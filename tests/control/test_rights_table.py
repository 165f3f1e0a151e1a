"""The table of rights against every kind of credential: what a browser session, a publisher and the machine may do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from instances import ALICE, OPERATOR, Actor, Instance, Scopes, new_file, soon

from holdfast.control import rights
from holdfast.control.accounts.actor import Identity
from holdfast.control.accounts.models import User
from holdfast.control.organisations import actions as organisations
from holdfast.control.organisations.models import Membership, Organisation
from holdfast.control.organisations.rights import require_place
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import Project
from holdfast.control.projects.publishing import publish_file
from holdfast.control.projects.rights import (
    require,
    require_creator,
    require_credential,
    require_moderator,
    require_reader,
    require_settled,
    require_standing,
    require_uploader,
)
from holdfast.control.publishers.models import Publisher
from holdfast.control.rights import Right
from holdfast.core.errors import Absent, Refused

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CI = Identity("ci", "google", "https://issuer.example", "ci:a@b.example", (), (1,))
TRUSTED = Actor("", Scopes((), (), ("main/tool",)), "t", credential="publisher", identity=CI)


def session(user: str, *, admin: bool = False) -> Actor:
    return Actor(user, Scopes(admin=admin), credential="session")


ACTORS = {
    "owner": session("alice"),
    "maintainer": session("bob"),
    "outsider": session("charlie"),
    "moderator": session("mona"),
    "admin": session("root", admin=True),
    "publisher": TRUSTED,
    "machine": OPERATOR,
}

# Sessions of five people, then a trusted publisher of the project, then the command line. "404" is Absent.
TABLE = """
right             owner maintainer outsider moderator admin publisher machine
read-project      yes   yes        yes      yes       yes   yes       yes
upload-file       no    no         no       no        no    yes       yes
create-project    no    no         no       no        no    no        yes
yank              yes   yes        404      404       yes   no        yes
delete            yes   no         404      404       yes   no        yes
set-status        yes   no         404      404       yes   no        yes
set-role          yes   no         404      404       yes   no        yes
see-publishers    yes   yes        404      404       yes   no        yes
set-publisher     yes   no         404      404       yes   no        yes
pending-publisher no    no         no       no        yes   no        yes
quarantine        no    no         404      yes       yes   no        yes
invite-to-project yes   no         404      404       yes   no        yes
offer-project     yes   no         404      404       yes   no        yes
switch            no    no         no       no        yes   no        yes
reload-policy     no    no         no       no        yes   no        yes
set-policy        no    no         no       no        yes   no        yes
see-switches      no    no         no       no        yes   no        yes
give-robot        no    no         no       no        yes   no        yes
manage-webhooks   yes   no         404      404       yes   no        yes
manage-all-webhooks no  no         no       no        yes   no        yes
report-project    yes   yes        yes      yes       yes   yes       yes
see-reports       no    no         404      yes       yes   no        yes
judge-report      no    no         404      yes       yes   no        yes
set-observer      no    no         no       no        yes   no        yes
see-bans          no    no         no       no        yes   no        yes
prohibit-name     no    no         no       no        yes   no        yes
ban-network       no    no         no       no        yes   no        yes
set-retention     yes   no         404      404       yes   no        yes
see-retention     yes   yes        404      404       yes   no        yes
set-quota         no    no         no       no        yes   no        yes
read-project-audit yes  no         404      404       yes   no        yes
see-project-people yes  no         404      404       yes   no        yes
grant-index       no    no         no       no        yes   no        yes
remove-bytes      no    no         no       no        yes   no        yes
grant-shadow      no    no         no       no        yes   no        yes
release-name      no    no         no       no        yes   no        yes
any-new-name      no    no         no       no        no    no        yes
make-any-token    no    no         no       no        yes   no        yes
end-any-token     no    no         no       no        yes   no        yes
list-all-tokens   no    no         no       no        yes   no        yes
administer        no    no         no       no        yes   no        yes
invite-person     no    no         no       no        yes   no        yes
manage-person     no    no         no       no        yes   no        yes
list-sign-in-sessions no no       no       no        no    no        yes
end-sign-in-sessions no no        no       no        yes   no        yes
report-project    yes   yes        yes      yes       yes   no        yes
see-reports       no    no         no       yes       yes   no        yes
judge-report      no    no         no       yes       yes   no        yes
set-observer      no    no         no       no        yes   no        yes
see-bans          no    no         no       no        yes   no        yes
prohibit-name     no    no         no       no        yes   no        yes
ban-network       no    no         no       no        yes   no        yes
"""

# Sessions of people in an organisation, and of others; then an owner's token as most are, and one made for `account`.
IN_ORGANISATIONS = """
right                 org-owner manager member outsider admin publisher plain account machine
read-organisation     yes       yes     yes    404      yes   no        no    yes     yes
invite-member         yes       yes     no     404      yes   no        no    yes     yes
invite-leader         yes       no      no     404      yes   no        no    yes     yes
set-place             yes       no      no     404      yes   no        no    yes     yes
remove-member         yes       yes     no     404      yes   no        no    yes     yes
remove-leader         yes       no      no     404      yes   no        no    yes     yes
leave-organisation    yes       yes     yes    404      404   no        no    yes     404
manage-team           yes       yes     no     404      yes   no        no    yes     yes
manage-owning-team    yes       no      no     404      yes   no        no    yes     yes
set-team-role         yes       no      no     404      yes   no        no    yes     yes
delete-organisation   yes       no      no     404      yes   no        no    yes     yes
manage-robot          yes       no      no     404      yes   no        no    yes     yes
give-for-organisation yes       no      no     404      yes   no        no    yes     yes
take-for-organisation yes       no      no     404      yes   no        no    yes     yes
"""

# What is one's own to do: the table says by which credential, the action looks whose it is (test_organisations.py).
ONES_OWN = """
right               session publisher plain account machine
create-organisation yes     no        no    yes     yes
answer-invitation   yes     no        no    yes     yes
take-project        yes     no        no    yes     yes
leave-project       yes     no        no    yes     yes
list-my-projects    yes     no        yes   yes     yes
read-audit          yes     no        no    yes     yes
list-mine           yes     no        no    yes     yes
make-own-token      yes     no        no    no      yes
list-own-tokens     yes     no        no    yes     yes
end-own-token       yes     no        no    yes     yes
list-own-sign-in-sessions yes no no yes yes
end-own-sign-in-session yes   no no yes yes
report-leaked-tokens yes    yes       yes   yes     yes
describe-api        yes     yes       yes   yes     yes
leave-instance      yes     no        no    no      no
"""

PLACES = {
    "org-owner": session("alice"),
    "manager": session("bob"),
    "member": session("charlie"),
    "outsider": session("dora"),
    "session": session("dora"),
    "admin": session("root", admin=True),
    "publisher": TRUSTED,
    "plain": ALICE,
    "account": replace(ALICE, scopes=replace(ALICE.scopes, actions=("account",))),
    "machine": OPERATOR,
}


def parse(text: str) -> dict[str, dict[str, str]]:
    header, *rows = (line.split() for line in text.strip().splitlines())
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


def answer(right: Right, actor: Actor, project: Project) -> str:
    if right is rights.READ_PROJECT:
        return said(lambda: require_reader(actor, "main", "tool", private=False))
    if right is rights.UPLOAD_FILE:
        return said(lambda: require_uploader(actor, "main", "tool", project))
    if right is rights.CREATE_PROJECT:
        return said(lambda: require_uploader(actor, "main", "new", None))
    if right is rights.PENDING_PUBLISHER:
        return said(lambda: require_creator(actor, right, "main"))
    if right in (rights.SEE_REPORTS, rights.JUDGE_REPORT):
        return said(lambda: require_moderator(actor, right))
    if {"owner", "moderator"} & set(right.who):
        return said(lambda: require_standing(actor, right, project, NOW))
    return said(lambda: require(actor, right))


def said(check: Callable[[], object]) -> str:
    try:
        check()
    except Refused:
        return "no"
    except Absent:
        return "404"
    return "yes"


def test_every_right_answers_every_credential_as_the_table_says(sqlite_instance: Instance):
    sqlite_instance.upload("tool", "1.0")
    standing.add_role(sqlite_instance.publisher, "main", "tool", "bob", "maintainer", ALICE, deadline=soon())
    User.objects.create(username="mona", is_staff=True)
    project = Project.objects.get(name="tool")
    Publisher.objects.create(pk=1, index="main", name="tool", project=project, created=NOW, created_by="alice")

    expected = parse(TABLE)

    found = {
        right.name: {who: answer(right, actor, project) for who, actor in ACTORS.items()}
        for right in rights.RIGHTS
        if right.name in expected
    }

    assert expected == found


def test_every_right_in_an_organisation_answers_every_credential_as_the_table_says(sqlite_instance: Instance):
    organisations.create_organisation(sqlite_instance.publisher, "acme", "Acme", session("alice"), deadline=soon())
    for user, place in (("bob", "manager"), ("charlie", "member")):
        Membership.objects.create(
            organisation=Organisation.objects.get(), user=User.objects.create(username=user), role=place
        )
    organisation, expected = Organisation.objects.get(), parse(IN_ORGANISATIONS)

    found = {
        right.name: {
            who: said(lambda: require_place(actor, right, organisation, NOW))  # noqa: B023 - called at once
            for who, actor in PLACES.items()
            if who in expected[right.name]
        }
        for right in rights.RIGHTS
        if right.name in expected
    }

    assert expected == found


def test_what_is_ones_own_is_done_in_person_or_with_a_token_made_for_it(sqlite_instance: Instance):
    expected = parse(ONES_OWN)

    found = {
        right.name: {
            who: said(lambda: require_credential(actor, right))  # noqa: B023 - called at once
            for who, actor in PLACES.items()
            if who in expected[right.name]
        }
        for right in rights.RIGHTS
        if right.name in expected
    }

    assert expected == found


def test_every_right_stands_in_one_of_the_tables():
    assert {right.name for right in rights.RIGHTS} == {*parse(TABLE), *parse(IN_ORGANISATIONS), *parse(ONES_OWN)}


def test_a_session_publishes_nothing_even_an_administrators(sqlite_instance: Instance):
    sqlite_instance.upload("tool", "1.0")

    for actor in (session("alice"), session("root", admin=True)):
        with pytest.raises(Refused, match="publishing a file cannot be done with a browser session; use a token or"):
            publish_file(sqlite_instance.publisher, "main", new_file("tool", "2.0"), actor, deadline=soon())


def test_a_session_acts_by_its_persons_role(sqlite_instance: Instance):
    sqlite_instance.upload("tool", "1.0")

    actions.yank_release(sqlite_instance.publisher, "main", "tool", "1.0", "bad", session("alice"), deadline=soon())

    with pytest.raises(Absent, match="no project 'tool' in index 'main'"):
        actions.delete_project(sqlite_instance.publisher, "main", "tool", session("charlie"), deadline=soon())


def test_a_token_does_no_more_than_the_actions_it_has(sqlite_instance: Instance):
    """An owner's token that uploads alone takes nothing down, and changes nobody's role."""
    sqlite_instance.upload("tool", "1.0")
    uploads = replace(ALICE, scopes=replace(ALICE.scopes, actions=("upload",)))
    yanks = replace(ALICE, scopes=replace(ALICE.scopes, actions=("yank",)))

    sqlite_instance.upload("tool", "1.1", actor=uploads)
    actions.yank_release(sqlite_instance.publisher, "main", "tool", "1.0", "bad", yanks, deadline=soon())

    with pytest.raises(Refused, match="deleting needs a token with the action 'delete'"):
        actions.delete_project(sqlite_instance.publisher, "main", "tool", uploads, deadline=soon())
    with pytest.raises(Refused, match="giving and taking roles needs a token with the action 'manage'"):
        standing.add_role(sqlite_instance.publisher, "main", "tool", "bob", "owner", uploads, deadline=soon())
    with pytest.raises(Refused, match="publishing a file needs a token with the action 'upload'"):
        sqlite_instance.upload("tool", "1.2", actor=yanks)


def test_a_right_that_waits_is_told_apart_from_one_that_does_not():
    """What destroys waits after a recovery; what can be taken back does not."""
    waiting = {right.name for right in rights.RIGHTS if right.waits}

    assert {"delete", "set-role", "offer-project", "invite-leader", "delete-organisation"} <= waiting
    assert not {"yank", "upload-file", "set-status", "leave-project"} & waiting
    require_settled(ALICE, rights.YANK, NOW)
