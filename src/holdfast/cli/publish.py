"""`holdfast publish`: stages every file of a release at an index, here or elsewhere, and publishes all or none."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import click

from holdfast.cli.errors import config_or_exit, fail
from holdfast.cli.publish_api import CannotReach, Said, SessionApi
from holdfast.cli.publish_files import BadFiles, Dist, Release, read_release
from holdfast.cli.token_file import read_token
from holdfast.config import DEFAULT_INDEX
from holdfast.core.problem import printable
from holdfast.redact import redact

REFUSED, WRONG_CALL, AGAIN, INTERRUPTED = 1, 2, 3, 130  # exit codes
BIG_BYTES = 4 * 1024 * 1024  # below that a bar is gone before it is seen


@click.command()
@click.argument("dist", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIST...")
@click.option("--index", default=DEFAULT_INDEX, show_default=True, help="The index to publish to.")
@click.option("--url", default="", help="The root URL of the Holdfast. Default: the instance of this data folder.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with a token. Default: the variable HOLDFAST_TOKEN, else it is asked for.",
)
@click.option("--preview", is_flag=True, help="Stage, print an address to install from, and do not publish yet.")
@click.option("--dry-run", is_flag=True, help="Have everything checked, publish nothing and leave nothing.")
@click.option("--cancel", is_flag=True, help="Give up what was staged for this release.")
@click.option("--start-over", is_flag=True, help="Give up what was staged before, then go on.")
def publish(
    dist: tuple[Path, ...],
    index: str,
    url: str,
    token_file: Path | None,
    preview: bool,
    dry_run: bool,
    cancel: bool,
    start_over: bool,
) -> None:
    """Publish the files of one release all at once, or none of them.

    DIST are wheels, sdists and their .attestation files, or a folder of them. Until all are there nobody sees any. The
    same bytes that are there already count as done, so a run that was cut off is repeated as it was: it goes on where
    it stopped. What --preview staged waits a week for the same command without --preview.

    Only HOLDFAST_TOKEN is read for the token, never TWINE_PASSWORD or the like: those may be meant for another server.

    Exit codes: 0 done, 1 refused (nothing was published), 2 a wrong call, 3 the server did not answer (repeat it).
    """
    if preview + dry_run + cancel > 1:
        _end(WRONG_CALL, "choose one of --preview, --dry-run and --cancel")
    try:
        release = read_release(dist)
    except BadFiles as error:
        _end(WRONG_CALL, *error.problems)
    root, certificate = _root(url)
    run = Run(SessionApi(root, index, _token(token_file), certificate), release)
    with told(run):
        if cancel:
            run.cancel()
        elif dry_run:
            run.dry_run(start_over=start_over)
        elif preview:
            run.preview(start_over=start_over)
        else:
            run.publish(start_over=start_over)


class Run:
    """One run of the command. `session` is the open one; `is_ours`: this run opened it."""

    def __init__(self, api: SessionApi, release: Release) -> None:
        self.api = api
        self.release = release
        self.session = ""
        self.is_ours = False
        self.added: list[str] = []

    def publish(self, *, start_over: bool) -> None:
        self._stage_all(start_over=start_over)
        done = self.api.publish(self.session, dry_run=False)
        was_there = [file.get("existing") for file in done.get("files", [])]
        if was_there and all(was_there):
            click.echo(f"{self._what()} was there already, with the same bytes")
        elif "detail" in done:  # 202
            click.echo(f"{self._what()} is saved and appears by itself in a moment: {printable(str(done['detail']))}")
        else:
            click.echo(f"published {self._what()}: {len(was_there)} files at once")

    def preview(self, *, start_over: bool) -> None:
        self._stage_all(start_over=start_over)
        shown = self.api.show(self.session)
        url = printable(str(shown["links"]["preview"]), 1000)
        click.echo(
            f"staged {self._what()}; nothing is published. Until {shown['expires_at']}, whoever knows it can use"
        )
        click.echo(f"  pip install --index-url {url} {self.release.name}=={self.release.version}")
        click.echo("The same command without --preview publishes it, with --cancel gives it up.")

    def dry_run(self, *, start_over: bool) -> None:
        """Everything is staged and judged; what this run put there is taken back, whatever the answer."""
        try:
            self._stage_all(start_over=start_over)
            done = self.api.publish(self.session, dry_run=True)
        finally:
            self.take_back()
        for file in done["files"]:
            click.echo(f"{'there already' if file['existing'] else 'to publish'}  {printable(str(file['filename']))}")
        click.echo(f"would publish {self._what()}")

    def cancel(self) -> None:
        self._open()
        self.api.cancel(self.session)
        click.echo("there was nothing staged" if self.is_ours else f"gave up what was staged of {self._what()}")

    def take_back(self) -> None:
        """Leave the server as it was found."""
        session, self.session = self.session, ""
        if not session:
            return
        try:
            if self.is_ours:
                self.api.cancel(session)
            for filename in self.added if not self.is_ours else ():
                self.api.remove(session, filename)
        except (Said, CannotReach) as error:
            click.echo(f"holdfast: what was staged is still there, and visible to nobody: {error}", err=True)

    def _stage_all(self, *, start_over: bool) -> None:
        """Bring the session's files to exactly ours. Raises Said with every problem of every file, CannotReach."""
        self._open()
        if start_over and not self.is_ours:
            self.api.cancel(self.session)
            self._open()
        there = {str(file["filename"]): str(file["sha256"]) for file in self.api.show(self.session)["files"]}
        ours = {dist.filename: dist.sha256 for dist in self.release.dists}
        if strangers := sorted(there.keys() - ours.keys()):
            listed = ", ".join(printable(one) for one in strangers)
            raise Said(
                409, (f"a session for this release has other files: {listed}. Give those too, or use --start-over.",)
            )
        for filename in sorted(there):
            if there[filename] != ours[filename]:
                self.api.remove(self.session, filename)
        todo = [dist for dist in self.release.dists if there.get(dist.filename) != dist.sha256]
        if todo != list(self.release.dists):
            click.echo(f"going on: {len(ours) - len(todo)} of {len(ours)} files are staged already")
        problems: list[str] = []
        for dist in todo:
            problems += self._stage(dist)
        if problems:
            raise Said(400, tuple(problems))

    def _open(self) -> None:
        self.session, self.is_ours = self.api.open(self.release.name, str(self.release.version))

    def _stage(self, dist: Dist) -> list[str]:
        """What is wrong with the file; the others are sent all the same, so that everything is told at once."""
        try:
            with _progress(dist) as sent:
                notes = self.api.stage(self.session, dist, sent)
        except Said as error:
            if error.status != 400:
                raise
            return [one if dist.filename in one else f"{dist.filename}: {one}" for one in error.sentences]
        self.added.append(dist.filename)
        for note in notes:
            click.echo(f"note    {dist.filename}: {printable(note)}")
        return []

    def _what(self) -> str:
        return f"{self.release.name} {self.release.version}"


@contextmanager
def _progress(dist: Dist) -> Iterator[Callable[[int], None]]:
    """A bar for a big file on a terminal, a line for others."""
    if dist.size < BIG_BYTES or not sys.stderr.isatty():
        yield lambda _size: None
        click.echo(f"staged  {dist.filename}")
        return
    with click.progressbar(length=dist.size, label=dist.filename, file=sys.stderr) as bar:
        yield bar.update
    click.echo(f"staged  {dist.filename}")


@contextmanager
def told(run: Run) -> Iterator[None]:
    """How a run that does not end well ends."""
    try:
        yield
    except Said as error:
        if run.is_ours:
            run.take_back()
        hint = _hint(error.status)
        _end(REFUSED, *error.sentences, *([hint] if hint else []), "Nothing was published.")
    except CannotReach as error:
        _end(AGAIN, str(error), "Run the same command again: it goes on where this stopped, and nobody sees a part.")
    except OSError as error:
        _end(WRONG_CALL, f"{error.filename or ''}: {error.strerror}", "Nothing was published.")
    except (KeyboardInterrupt, click.Abort):
        _end(INTERRUPTED, "interrupted; run the same command again to go on, or with --cancel to give it up")


def _hint(status: int) -> str:
    return {
        401: "Make a token with `holdfast token create NAME`, and give it in HOLDFAST_TOKEN or --token-file.",
        413: "The file is larger than the server takes (`upload_bytes_max`).",
    }.get(status, "")


def _end(code: int, *sentences: str) -> NoReturn:
    for sentence in sentences:
        click.echo(f"holdfast: {sentence}", err=True)
    sys.exit(code)


def _root(url: str) -> tuple[str, str]:
    """The server's root URL without its last slash, and a certificate to trust for it."""
    if not url:
        config = config_or_exit(os.environ)
        return config.base_url, config.tls_cert
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        _end(WRONG_CALL, f"--url {redact(url)} is no root URL; a good one: https://packages.example")
    if parts.username is not None or parts.password is not None:
        _end(WRONG_CALL, "--url must not hold a token or password; use HOLDFAST_TOKEN or --token-file")
    root = url.rstrip("/")
    for suffix in ("/legacy", "/simple"):
        root = root.removesuffix(suffix)
    return root.rstrip("/"), ""


def _token(file: Path | None) -> str:
    if file is not None:
        return read_token(file)
    token = os.environ.get("HOLDFAST_TOKEN", "").strip()
    if not token and sys.stdin.isatty():
        token = str(click.prompt("Token", hide_input=True, err=True)).strip()
    if not token:
        fail("no token; give one in the variable HOLDFAST_TOKEN or with --token-file")
    if not token.isascii() or not token.isprintable() or " " in token:
        fail("HOLDFAST_TOKEN holds no token: it must be one line, as `holdfast token create` prints it")
    return token


commands: list[click.Command] = [publish]
