"""The installing clients: two pips, uv, poetry and pdm, none of them with a cache or a configuration of the machine."""

from collections.abc import Callable
from pathlib import Path

from tests.clients.person import Person
from tests.clients.toolbox import tool

# (person, index URL, requirement, name of a fresh folder) -> the interpreter it was installed for
Installer = Callable[[Person, str, str, str], Path]


def pip_command(version: str, python: Path, index: str) -> list[str | Path]:
    """`pip install` of one of the two pips into an environment; requirements and options follow."""
    pip = tool(version) / "python"
    return [pip, "-m", "pip", "--python", python, "install", "--no-cache-dir", "--index-url", index]


def uv_command(python: Path, index: str) -> list[str | Path]:
    """`uv pip install` into an environment."""
    return [tool("uv") / "uv", "pip", "install", "--no-cache", "--python", python, "--default-index", index]


def with_pip(version: str) -> Installer:
    """An installer by that pip."""

    def install(person: Person, index: str, requirement: str, name: str) -> Path:
        python = person.environment_for_installs(name)
        person.run(*pip_command(version, python, index), requirement)
        return python

    return install


def with_uv(person: Person, index: str, requirement: str, name: str) -> Path:
    """uv pip install."""
    python = person.environment_for_installs(name)
    person.run(*uv_command(python, index), requirement)
    return python


def with_poetry(person: Person, index: str, requirement: str, name: str) -> Path:
    """A project whose only source is the index; poetry resolves, locks and installs."""
    folder = person.home / name
    folder.mkdir()
    (folder / "pyproject.toml").write_text(f"""\
[project]
name = "consumer"
version = "1"
requires-python = ">=3.11,<4"
dependencies = ["{requirement}"]

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "holdfast"
url = "{index}"
priority = "primary"
""")
    environment = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_CACHE_DIR": str(folder / ".cache")}
    person.run(tool("poetry") / "poetry", "install", "--no-interaction", cwd=folder, env=environment)
    return folder / ".venv" / "bin" / "python"


def with_pdm(person: Person, index: str, requirement: str, name: str) -> Path:
    """The same with pdm."""
    folder = person.home / name
    folder.mkdir()
    (folder / "pyproject.toml").write_text(f"""\
[project]
name = "consumer"
version = "1"
requires-python = ">=3.11"
dependencies = ["{requirement}"]

[tool.pdm]
distribution = false

[[tool.pdm.source]]
name = "pypi"
url = "{index}"
verify_ssl = true
""")
    environment = {"PDM_CACHE_DIR": str(folder / ".cache")}
    person.run(tool("pdm") / "pdm", "install", "--no-self", cwd=folder, env=environment)
    return folder / ".venv" / "bin" / "python"


INSTALLERS: dict[str, Installer] = {
    "pip-machine": with_pip("pip-machine"),
    "pip-newest": with_pip("pip-newest"),
    "uv": with_uv,
    "poetry": with_poetry,
    "pdm": with_pdm,
}
