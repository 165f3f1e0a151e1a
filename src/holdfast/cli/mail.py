"""`holdfast mail`: what waits in the outbox. Without a mail server this is how an operator hands links on."""

import click

from holdfast.cli.control_tools import open_desk


@click.group()
def mail() -> None:
    """See mails that wait, and have them tried again."""


@mail.command("list")
@click.option("--show", is_flag=True, help="With their texts, links included: they open accounts.")
@click.option("--all", "everything", is_flag=True, help="Sent ones as well.")
def list_mails(show: bool, everything: bool) -> None:
    """Mails that were not sent yet, oldest first."""
    with open_desk():
        from holdfast.control.database import database_guard
        from holdfast.control.mail.models import Mail

        with database_guard():
            found = list((Mail.objects.all() if everything else Mail.objects.filter(sent=None)).order_by("pk"))
        for one in found:
            state = "sent" if one.sent else "given up" if one.dead else f"tried {one.attempts} times"
            why = f": {one.error}" if one.error else ""
            click.echo(f"{one.pk}  {one.created:%Y-%m-%d %H:%M}  {one.kind}  {one.to}  {state}{why}")
            if show and one.text:
                click.echo(f"\n    {one.subject}\n")
                click.echo("\n".join(f"    {line}" for line in one.text.splitlines()) + "\n")


@mail.command()
@click.argument("number", type=int)
def retry(number: int) -> None:
    """Have a mail tried again at once, also one that was given up."""
    with open_desk() as desk:
        from holdfast.control.mail.sending import retry as again

        again(number, desk.publisher.clock.now())
        click.echo(f"mail {number} is tried again")


commands: list[click.Command] = [mail]
