"""`holdfast user`: the operator makes, invites, freezes and lists people and robots."""

from urllib.parse import urlsplit

import click

from holdfast.cli.control_tools import Desk, open_desk
from holdfast.cli.errors import fail

ID_CHARS = 12  # of a session's id, as far as it is shown: enough to tell one person's apart


@click.group()
def user() -> None:
    """Make, invite, freeze and list people and robots."""


@user.command()
@click.argument("name")
@click.option("--email", default="", help="An address of theirs; you vouch for it.")
@click.option("--admin", is_flag=True, help="May do everything, on every index.")
@click.option("--robot", is_flag=True, help="A program: it owns tokens and never signs in.")
def create(name: str, email: str, admin: bool, robot: bool) -> None:
    """Make an account, and print the link that sets its password, once, within three days."""
    _check_address(email)
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.accounts.people import create_person

        person = create_person(desk.publisher, name, email, admin, robot, operator(), deadline=desk.deadline)
        click.echo(f"{name} owns tokens: holdfast token create NAME --user {name}" if robot else _link(desk, person))


@user.command()
@click.argument("name")
def link(name: str) -> None:
    """Print a link that sets NAME's password, for who can get no mail."""
    with open_desk() as desk:
        click.echo(_link(desk, _person(name)))


@user.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="The account becomes an administrator's.")
@click.option("--days", type=click.IntRange(1, 90), default=14, show_default=True, help="How long it is good.")
def invite(email: str, admin: bool, days: int) -> None:
    """Mail an invitation to an address, and print its link."""
    _check_address(email or "none")
    with open_desk() as desk:
        if desk.config.sign_up == "closed":
            fail("the setting sign_up is closed, so an invitation would lead nowhere; set it to invited")
        from django.urls import reverse

        from holdfast.cli.who import who
        from holdfast.control.accounts.actor import operator
        from holdfast.control.accounts.invitations import invite as make

        base = desk.config.base_url
        place = f"{urlsplit(base).scheme}://{urlsplit(base).netloc}{reverse('account_invitation', args=['-'])}"
        click.echo(
            make(
                desk.publisher,
                email,
                admin,
                days,
                urlsplit(base).netloc,
                place.removesuffix("-/"),
                operator(who()),
                deadline=desk.deadline,
            )
        )


@user.command("list")
def list_users() -> None:
    """Everybody, with what they are and the projects they have roles on."""
    with open_desk():
        from holdfast.control.accounts.people import list_people
        from holdfast.control.database import database_guard
        from holdfast.control.projects.models import Role

        with database_guard():
            roles: dict[str, list[str]] = {}
            for role in Role.objects.select_related("project", "user"):
                text = f"{role.role} of {role.project.index}/{role.project.name}"
                roles.setdefault(role.user.username, []).append(text)
        for person in list_people():
            marks = [
                *(["admin"] if person.is_admin else []),
                *(["robot"] if person.is_robot else []),
                *(["frozen"] if person.is_frozen else []),
                *(["second factor"] if person.second_factors else []),
                *person.addresses,
            ]
            known = ", ".join([*marks, *sorted(roles.get(person.name, []))])
            click.echo(f"{person.name}  {known or 'no roles'}")


@user.command()
@click.argument("name")
@click.option("--reason", required=True, help="Kept with the account and in the audit.")
def freeze(name: str, reason: str) -> None:
    """Shut an account: sessions and tokens end at once."""
    with open_desk() as desk:
        from holdfast.control.accounts import people
        from holdfast.control.accounts.actor import operator

        people.freeze(desk.publisher, name, reason, operator(), deadline=desk.deadline)
        click.echo(f"{name} is frozen")


@user.command()
@click.argument("name")
def unfreeze(name: str) -> None:
    """Open a frozen account again."""
    with open_desk() as desk:
        from holdfast.control.accounts import people
        from holdfast.control.accounts.actor import operator

        people.unfreeze(desk.publisher, name, operator(), deadline=desk.deadline)
        click.echo(f"{name} is open again")


@user.command()
@click.argument("name")
@click.option("--end", is_flag=True, help="Take it back; their tokens with the admin right end.")
def admin(name: str, end: bool) -> None:
    """Make NAME an administrator, or end that."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.accounts.administrators import set_administrator

        set_administrator(desk.publisher, name, not end, operator(), deadline=desk.deadline)
        click.echo(f"{name} is no administrator any more" if end else f"{name} is an administrator")


@user.command("reset-two-factor")
@click.argument("name")
def reset_two_factor(name: str) -> None:
    """Forget the second factors of somebody who lost them; their sessions end, and some rights wait for three days."""
    with open_desk() as desk:
        from holdfast.control.accounts import people
        from holdfast.control.accounts.actor import operator

        people.reset_second_factor(desk.publisher, name, operator(), deadline=desk.deadline)
        click.echo(f"{name} signs in with the password alone until another factor is set up")


@user.command()
@click.argument("name")
@click.option("--end", default="", metavar="ID", help="End one of them, by the beginning of its id.")
@click.option("--end-all", is_flag=True, help="End all of them; tokens go on.")
def sessions(name: str, end: str, end_all: bool) -> None:
    """Where NAME is signed in with a browser, or end that. Releases that wait are `holdfast project staged`."""
    if end and end_all:
        fail("give --end or --end-all, not both")
    with open_desk() as desk:
        from holdfast.clock import SystemClock
        from holdfast.control.accounts.actor import operator
        from holdfast.control.accounts.sign_in_sessions import end_sessions_of, list_sessions_of

        if end_all:
            ended = end_sessions_of(desk.publisher, name, operator(), deadline=desk.deadline)
            click.echo(f"{name} is signed in nowhere any more; ended: {ended}")
            return
        found = list_sessions_of(name, operator(), SystemClock())
        if end:
            fitting = [one.id for one in found if one.id.startswith(end)]
            if len(fitting) != 1:
                fail(f"{len(fitting)} sessions of {name} have an id that begins with {end!r}; give more of it")
            end_sessions_of(desk.publisher, name, operator(), deadline=desk.deadline, number=fitting[0])
            click.echo(f"{fitting[0][:ID_CHARS]} has ended")
            return
        for one in found:
            since = f"since {one.begun:%Y-%m-%d %H:%M} UTC, " if one.begun else ""
            used = f"used {one.seen:%Y-%m-%d %H:%M} UTC"
            click.echo(f"{one.id[:ID_CHARS]}  {one.browser}  {one.address or 'unknown network'}  {since}{used}")


def _link(desk: Desk, person: object) -> str:
    """The address at which the password is set, signed with the instance's key."""
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str
    from django.urls import reverse

    from holdfast.control.secret_key import read_keys

    read_keys(desk.config)  # a link signed with another key would be good for nothing
    key = f"{user_pk_to_url_str(person)}-{default_token_generator.make_token(person)}"
    path = reverse(
        "account_reset_password_from_key", kwargs=dict(zip(("uidb36", "key"), key.split("-", 1), strict=True))
    )
    parts = urlsplit(desk.config.base_url)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _person(name: str) -> object:
    from holdfast.control.accounts.models import User
    from holdfast.control.database import database_guard

    with database_guard():
        found = User.objects.filter(username=name, is_active=True, is_robot=False).first()
    return found if found is not None else fail(f"there is no account {name!r} that signs in")


def _check_address(email: str) -> None:
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email

    try:
        if email:
            validate_email(email)
    except ValidationError:
        fail(f"{email!r} is no mail address")


commands: list[click.Command] = [user]
