"""`holdfast`: one table from command name to the module that holds it, so that a command imports only what it needs.

A front started through here never sees Django, and `holdfast --help` answers at once.
"""

import os
import sys
from importlib import import_module

import click

from holdfast import __version__

# name -> (module below holdfast.cli, one line of help). A name with a leading underscore is for `serve` itself.
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("serve", "Run everything on this machine."),
    "use": ("use", "Point pip, uv, poetry or twine at an index, and show how to undo it."),
    "warm": ("warm", "Have what an installation needs kept here, and say whether it would work offline."),
    "check": ("check", "Say what works, what does not, and what to do about it."),
    "canary": ("canary", "The gate of a deploy: publish and install with every kind of credential."),
    "config": ("config_example", "The settings: all of them with their defaults, or those in force."),
    "token": ("token", "Create, list and revoke tokens."),
    "publisher": ("publisher", "Which identities of a CI may publish without a secret."),
    "project": ("project", "Yank, delete, remove and set the status of projects and files."),
    "org": ("org", "Organisations, their members and teams, and rights on whole indexes."),
    "retention": ("retention", "Which releases go by themselves, and how much an index may hold."),
    "publish": ("publish", "Publish the files of a release, here or elsewhere: all at once, or none."),
    "webhook": ("webhook", "Post what is done to other systems."),
    "promote": ("promote", "Take a release from one hosted index into another."),
    "user": ("user", "Make, invite, freeze and list people and robots."),
    "key": ("key", "The secret key: whether it is the right one, and changing it."),
    "mail": ("mail", "See mails that wait, and have them tried again."),
    "upstream": ("upstream", "Show how upstreams are doing; switch one off and on."),
    "policy": ("policy", "What may come in from upstreams: see it, deny, let through, explain."),
    "switch": ("switch", "Stop sign-up, new projects, uploads or more for a while; installs go on."),
    "moderate": ("moderate", "Reports, quarantines, prohibited names, banned networks."),
    "audit": ("audit", "Who did what through which credential; verify that the trail is whole."),
    "cache": ("cache", "What is kept of upstreams: how much, what stays, what leaves, whether it is whole."),
    "report": ("report", "What was served of upstreams, also while one was off or down."),
    "backup": ("upkeep", "Copy the database while it is in use."),
    "restore": ("upkeep", "Put a backup of the database back."),
    "fsck": ("upkeep", "Compare the published tree with its digests, and repair it."),
    "reconcile": ("upkeep", "Bring a restored database up to the published tree."),
    "rebuild": ("upkeep", "Make a new public database from the published tree."),
    "export": ("export", "Write what an index hosts as static files for any web server."),
    "drill": ("drill", "Break an instance on purpose and watch installs go on."),
    "front": ("roles", "Run one role: answer clients."),
    "pull": ("roles", "Run one role: fetch from upstreams."),
    "control": ("roles", "Run one role: uploads and management."),
    "work": ("roles", "Run one role: publication retries and upkeep."),
    "_initialise": ("instance", "Prepare a new data folder."),
    "_prove-stores": ("store_proof", "Say whether the buckets take this machine's credential, as JSON."),
    "_check-database": ("instance", "Say whether the database can be reached, as JSON."),
}


class Commands(click.Group):
    """Finds commands by the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if not name.startswith("_")]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"holdfast.cli.{COMMANDS[name][0]}")
        commands: list[click.Command] = module.commands
        return next((command for command in commands if command.name == name), None)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", metavar="FOLDER", help="The data folder (HOLDFAST_DATA).")
@click.option("--config", metavar="FILE", help="The configuration file (HOLDFAST_CONFIG).")
@click.version_option(__version__, message="%(version)s")
def main(data: str | None, config: str | None) -> None:
    """A package index whose installs keep working while the rest of it is broken."""
    # Options become variables: commands, and processes started by them, then read settings in one way only.
    for variable, value in (("HOLDFAST_DATA", data), ("HOLDFAST_CONFIG", config)):
        if value:
            os.environ[variable] = os.path.abspath(os.path.expanduser(value))


if __name__ == "__main__":
    # structlog loads rich where it happens to be installed, for tracebacks that we never render: a tenth of a second of
    # each process's start. A runtime environment has no rich (runtime.lock); beside development tools nobody needs it.
    sys.modules["rich"] = None  # type: ignore[assignment]
    sys.exit(main())
