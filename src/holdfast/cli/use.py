"""`holdfast use`: points a client at an index. Keeps what is there, backs it up before a change, shows how to undo."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from holdfast.cli import client_files
from holdfast.cli.client_files import NAME, EditError, with_credentials
from holdfast.cli.control_tools import known_index
from holdfast.cli.errors import config_or_exit, fail
from holdfast.cli.token_file import read_token
from holdfast.cli.welcome import trusted_host
from holdfast.config import DEFAULT_INDEX
from holdfast.redact import redact
from holdfast.settings.values import parse_url

CLIENTS = ("pip", "uv", "poetry", "twine")


@dataclass(frozen=True, slots=True)
class Target:
    """What to do for one client: the file, its new text, and what the person does besides."""

    file: Path
    before: str | None  # None: there is no such file yet
    after: str
    notes: tuple[str, ...] = ()
    is_private: bool = False  # it holds a token


@click.command()
@click.argument("client", type=click.Choice(CLIENTS))
@click.option(
    "--project",
    is_flag=False,
    flag_value=".",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="[FOLDER]",
    help="Only for the project in this folder. Default: the current one.",
)
@click.option("--url", default="", help="The index's root URL. Default: the instance of this data folder.")
@click.option("--index", default=DEFAULT_INDEX, show_default=True, help="The index on it.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with a token, for uploads and private indexes.",
)
@click.option("--print", "only_print", is_flag=True, help="Print the file instead of writing it.")
def use(client: str, project: Path | None, url: str, index: str, token_file: Path | None, only_print: bool) -> None:
    """Point pip, uv, poetry or twine at an index, and show how to undo it."""
    root = _root(url, index)
    token = read_token(token_file)
    try:
        target = _target(client, project, root, token)
    except (EditError, OSError, UnicodeDecodeError) as error:
        fail(f"{client}'s configuration is left as it is: {error}")
    if only_print:
        click.echo(f"# {target.file}", err=True)
        click.echo(target.after, nl=False)
    elif target.before == target.after:
        click.echo(f"{target.file} already says so; nothing changed.")
    else:
        _write(target)
    for note in target.notes:
        click.echo(note, err=only_print)


def _root(url: str, index: str) -> str:
    """The index's root URL without its last slash."""
    if url:
        try:
            root = parse_url(url)
        except ValueError as error:
            fail(f"--url {redact(url)} must be {error}, for example https://packages.example")
    else:
        config = config_or_exit(os.environ)
        known_index(config, index)
        root = config.base_url
    root = root.removesuffix("/simple")
    return root if index == DEFAULT_INDEX else f"{root}/{index}"


def _target(client: str, project: Path | None, root: str, token: str) -> Target:
    makers = {"pip": _pip, "uv": _uv, "poetry": _poetry, "twine": _twine}
    return makers[client](project, root, token)


def _pip(project: Path | None, root: str, token: str) -> Target:
    """A project's virtual environment, else the active one, else the user's file."""
    trusted = trusted_host(root)
    notes: tuple[str, ...] = ()
    if trusted:
        notes = (f"{root} is plain http: pip is told to trust {trusted}. Anyone on the way can change packages.",)
    environment = _environment(project)
    if environment:
        file = environment / "pip.conf"
    elif project:
        file = project.absolute() / "pip.conf"
        notes += (f"There is no virtual environment here, so pip must be told: export PIP_CONFIG_FILE={file}",)
    else:
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        file = Path(home) / "pip" / "pip.conf"
    before = _read(file)
    after = client_files.pip_conf(before or "", with_credentials(f"{root}/simple/", token), trusted)
    elsewhere = client_files.pip_elsewhere(after, os.environ)
    if elsewhere:
        who = "whoever can publish a name there can have it installed instead of yours"
        notes += (f"pip is still told of other places, by {', '.join(elsewhere)}: {who}. Take that away if you can.",)
    return Target(file, before, after, notes, is_private=bool(token))


def _environment(project: Path | None) -> Path | None:
    """The virtual environment whose pip is meant: the project's own (.venv, venv), else the active one."""
    own = [(project / name).absolute() for name in (".venv", "venv")] if project else []
    active = os.environ.get("VIRTUAL_ENV", "")
    for folder in [*own, *([Path(active).absolute()] if active else [])]:
        # Holdfast's own environment is not the place: its next first start would take itself for its upstream.
        if (folder / "pyvenv.cfg").is_file() and folder.resolve() != Path(sys.prefix).resolve():
            return folder
    return None


def _uv(project: Path | None, root: str, token: str) -> Target:
    """The project's uv.toml or pyproject.toml, else the user's uv.toml."""
    simple, upload = f"{root}/simple/", f"{root}/legacy/"
    prefix = f"UV_INDEX_{NAME.upper()}"
    variables = (
        f"For a private index: export {prefix}_USERNAME=__token__ {prefix}_PASSWORD=TOKEN",
        f"Publish: uv publish --index {NAME} --token TOKEN",
    )
    if project:
        # uv passes over pyproject.toml's settings where there is a uv.toml.
        in_pyproject = (project / "pyproject.toml").exists() and not (project / "uv.toml").exists()
        file = project.absolute() / ("pyproject.toml" if in_pyproject else "uv.toml")
        before = _read(file)
        after = client_files.uv_toml(before or "", simple, upload, in_pyproject=in_pyproject)
        return Target(file, before, after, variables)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    file = Path(home) / "uv" / "uv.toml"
    before = _read(file)
    after = client_files.uv_toml(before or "", with_credentials(simple, token), upload, in_pyproject=False)
    return Target(file, before, after, variables[1:] if token else variables, is_private=bool(token))


def _poetry(project: Path | None, root: str, token: str) -> Target:
    """A project's pyproject.toml: poetry has no sources for a user. Credentials are poetry's own to keep."""
    file = (project or Path.cwd()).absolute() / "pyproject.toml"
    before = _read(file)
    if before is None:
        raise EditError(f"{file} does not exist; poetry's sources belong to a project (--project DIR)")
    notes = (
        f"For a private index: poetry config http-basic.{NAME} __token__ TOKEN",
        f"Publish: poetry config repositories.{NAME} {root}/legacy/ && poetry publish --repository {NAME}",
        f"Undo that with: poetry config --unset repositories.{NAME}; poetry config --unset http-basic.{NAME}",
    )
    return Target(file, before, client_files.poetry_toml(before, f"{root}/simple/"), notes)


def _twine(_project: Path | None, root: str, token: str) -> Target:
    """The user's .pypirc: twine knows no other place."""
    file = Path.home() / ".pypirc"
    before = _read(file)
    notes: tuple[str, ...] = (f"Publish: twine upload --repository {NAME} dist/*",)
    if not token:
        notes += ("twine asks for the token; --token-file writes it into the file instead.",)
    after = client_files.pypirc(before or "", f"{root}/legacy/", token)
    return Target(file, before, after, notes, is_private=bool(token))


def _read(file: Path) -> str | None:
    """Its text, None without one. A link to a device (`.pypirc -> /dev/null`) must not end in its replacement."""
    if file.exists() and not file.is_file():
        raise EditError(f"{file} is no ordinary file")
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _write(target: Target) -> None:
    """Back up, then replace the file whole; a link stays a link."""
    file = target.file.resolve()
    fresh = file.with_name(f".{file.name}.holdfast-new")
    try:
        backup = _back_up(file) if target.before is not None else None
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(target.after, encoding="utf-8")
        if not target.is_private:
            fresh.chmod(file.stat().st_mode & 0o777 if backup else 0o644)
        fresh.replace(file)
    except OSError as error:
        fail(f"{file} is left as it is: {error.strerror}")
    click.echo(f"Wrote {target.file}" + (f"; the earlier one is {backup}" if backup else ""))
    click.echo(f"Undo: mv {backup} {file}" if backup else f"Undo: rm {file}")


def _back_up(file: Path) -> Path:
    """A copy beside it that nothing overwrites: the first free number."""
    number = 1
    while (backup := file.with_name(f"{file.name}.before-holdfast-{number}")).exists():
        number += 1
    shutil.copy2(file, backup)
    return backup


commands: list[click.Command] = [use]
