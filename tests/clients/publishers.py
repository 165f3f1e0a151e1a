"""The six publishing clients, each as its own documentation says to use it with an index of one's own."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.clients.person import Person, build, write_project
from tests.clients.toolbox import tool

Done = subprocess.CompletedProcess[str]
Publisher = Callable[[Person, Path, str, str], Done]


def by_twine(person: Person, folder: Path, url: str, token: str) -> Done:
    """twine upload: user and password from the environment.

    Without --verbose twine prints the phrase of the status line alone (front/refusals.py).
    """
    return person.run(
        tool("twine") / "twine", "upload", "--non-interactive", "--disable-progress-bar",
        "--repository-url", url, *build(person, folder),
        env={"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}, check=False,
    )  # fmt: skip


def by_uv(person: Person, folder: Path, url: str, token: str) -> Done:
    """uv publish with a token."""
    files = build(person, folder)
    return person.run(
        tool("uv") / "uv", "publish", "--publish-url", url, *files, env={"UV_PUBLISH_TOKEN": token}, check=False
    )


def by_flit(person: Person, folder: Path, url: str, token: str) -> Done:
    """flit publish builds by itself and takes everything from the environment."""
    environment = {"FLIT_INDEX_URL": url, "FLIT_USERNAME": "__token__", "FLIT_PASSWORD": token}
    command = (tool("flit") / "flit", "publish", "--no-use-vcs")
    return person.run(*command, cwd=folder, env=environment, check=False)


def by_hatch(person: Person, folder: Path, url: str, token: str) -> Done:
    """hatch publish; it asks the index for what is there before it sends anything."""
    files = build(person, folder)
    environment = {"HATCH_INDEX_USER": "__token__", "HATCH_INDEX_AUTH": token}
    return person.run(
        tool("hatch") / "hatch", "publish", "--no-prompt", "--repo", url, *files,
        cwd=folder, env=environment, check=False,
    )  # fmt: skip


def by_poetry(person: Person, folder: Path, url: str, token: str) -> Done:
    """poetry publish --build with its own back end, the repository named by configuration."""
    for old in folder.glob("dist/*"):
        old.unlink()
    environment = {
        "POETRY_REPOSITORIES_HOLDFAST_URL": url,
        "POETRY_HTTP_BASIC_HOLDFAST_USERNAME": "__token__",
        "POETRY_HTTP_BASIC_HOLDFAST_PASSWORD": token,
    }
    command = (tool("poetry") / "poetry", "publish", "--build", "--no-interaction", "--repository", "holdfast")
    return person.run(*command, cwd=folder, env=environment, check=False)


def by_pdm(person: Person, folder: Path, url: str, token: str) -> Done:
    """pdm publish of what was built before; only with -vv does it show what the index said."""
    build(person, folder)
    environment = {"PDM_PUBLISH_REPO": url, "PDM_PUBLISH_USERNAME": "__token__", "PDM_PUBLISH_PASSWORD": token}
    return person.run(tool("pdm") / "pdm", "publish", "-vv", "--no-build", cwd=folder, env=environment, check=False)


PUBLISHERS: dict[str, tuple[Publisher, str]] = {
    "twine": (by_twine, "hatchling"),
    "uv": (by_uv, "hatchling"),
    "flit": (by_flit, "flit"),
    "hatch": (by_hatch, "hatchling"),
    "poetry": (by_poetry, "poetry"),
    "pdm": (by_pdm, "hatchling"),
}


def project_for(publisher: str, folder: Path, name: str, version: str, *, body: str = "") -> Path:
    """Sources in the shape that publisher builds."""
    return write_project(folder, name, version, PUBLISHERS[publisher][1], body=body)
