"""Lines to paste: how each client is pointed at an index. Pure; addresses come from configuration."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

NAME = "holdfast"  # what the index is called in each tool's own configuration

Snippet = tuple[str, str, str]  # key, label, text


@dataclass(frozen=True, slots=True)
class Place:
    """One index as a client sees it. `url` has no trailing slash."""

    url: str
    private: bool = False

    @property
    def simple(self) -> str:
        return f"{self.url}/simple/"

    @property
    def simple_with_token(self) -> str:
        """The address with a place for a token where reading needs one."""
        if not self.private:
            return self.simple
        parts = urlsplit(self.simple)
        return urlunsplit(parts._replace(netloc=f"__token__:$TOKEN@{parts.netloc}"))

    @property
    def upload(self) -> str:
        return f"{self.url}/legacy/"

    @property
    def untrusted_host(self) -> str:
        """The host that pip has to be told to trust: plain http, and not this machine. "" for none."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        return "" if parts.scheme == "https" or _is_loopback(host) else host


def install(place: Place, requirement: str) -> tuple[Snippet, ...]:
    """How to install one project, by client."""
    trust = f" --trusted-host {place.untrusted_host}" if place.untrusted_host else ""
    source = f"poetry source add --priority=primary {NAME} {place.simple}"
    return (
        ("pip", "pip", f"pip install{trust} --index-url {place.simple_with_token} {requirement}"),
        ("uv", "uv", f"uv add --default-index {place.simple_with_token} {requirement}"),
        ("poetry", "Poetry", f"{source}\npoetry add --source {NAME} {_at(requirement)}"),
    )


def set_up(place: Place) -> tuple[tuple[str, str, tuple[Snippet, ...]], ...]:
    """Everything that installs from, or publishes to, an index: (key, heading, snippets)."""
    return (
        ("install", "Install from it", tuple(_installers(place))),
        ("publish", "Publish to it", tuple(_publishers(place))),
        ("ci", "In continuous integration", tuple(_pipelines(place))),
    )


def _installers(place: Place) -> Iterable[Snippet]:
    trust = f"trusted-host = {place.untrusted_host}\n" if place.untrusted_host else ""
    with_token = place.simple_with_token.replace("$TOKEN", "TOKEN")  # no shell reads this file
    yield (
        "pip",
        "pip",
        f"# ~/.config/pip/pip.conf\n[global]\nindex-url = {with_token}\n{trust}",
    )
    yield (
        "uv",
        "uv",
        (
            f'# pyproject.toml\n[[tool.uv.index]]\nname = "{NAME}"\nurl = "{place.simple}"\n'
            f'publish-url = "{place.upload}"\ndefault = true\n' + _uv_token(place)
        ),
    )
    yield (
        "poetry",
        "Poetry",
        (
            f"poetry source add --priority=primary {NAME} {place.simple}\n"
            + (f"poetry config http-basic.{NAME} __token__ $TOKEN\n" if place.private else "")
        ),
    )
    yield (
        "pdm",
        "PDM",
        (
            f'# pyproject.toml\n[[tool.pdm.source]]\nname = "pypi"\nurl = "{place.simple}"\n'
            + ('username = "__token__"\npassword = "${TOKEN}"\n' if place.private else "")
        ),
    )
    yield (
        "env",
        "Environment",
        f"export PIP_INDEX_URL={place.simple_with_token}\n" + (f"export UV_DEFAULT_INDEX={place.simple_with_token}\n"),
    )


def _uv_token(place: Place) -> str:
    if not place.private:
        return ""
    variable = NAME.upper()
    return f"# and in the shell:\n# export UV_INDEX_{variable}_USERNAME=__token__ UV_INDEX_{variable}_PASSWORD=$TOKEN\n"


def _publishers(place: Place) -> Iterable[Snippet]:
    yield "twine", "twine", f"twine upload --repository-url {place.upload} -u __token__ -p $TOKEN dist/*"
    yield "uv", "uv", f"uv publish --publish-url {place.upload} --token $TOKEN"
    yield (
        "poetry",
        "Poetry",
        (
            f"poetry config repositories.{NAME} {place.upload}\npoetry config http-basic.{NAME} __token__ $TOKEN\n"
            f"poetry publish --build --repository {NAME}"
        ),
    )
    yield "pdm", "PDM", f"pdm publish --repository {place.upload} --username __token__ --password $TOKEN"
    yield "hatch", "Hatch", f"hatch publish --repo {place.upload} --user __token__ --auth $TOKEN"
    yield (
        "flit",
        "Flit",
        (f"export FLIT_INDEX_URL={place.upload} FLIT_USERNAME=__token__ FLIT_PASSWORD=$TOKEN\nflit publish"),
    )


def _pipelines(place: Place) -> Iterable[Snippet]:
    token = "${{ secrets.HOLDFAST_TOKEN }}"  # noqa: S105 -- the name of a secret, in a workflow's own words
    yield (
        "github",
        "GitHub Actions",
        (
            "jobs:\n  publish:\n    runs-on: ubuntu-latest\n    env:\n"
            + _uv_variables(place, token, "      ")
            + f"      UV_PUBLISH_URL: {place.upload}\n      UV_PUBLISH_TOKEN: {token}\n"
            "    steps:\n      - uses: actions/checkout@v4\n      - run: pipx install uv\n"
            "      - run: uv build\n      - run: uv publish\n"
        ),
    )
    yield (
        "gitlab",
        "GitLab CI",
        (
            "publish:\n  image: python:3.13\n  variables:\n"
            + _uv_variables(place, "$TOKEN", "    ")
            + f"    UV_PUBLISH_URL: {place.upload}\n"
            "    # TOKEN and UV_PUBLISH_TOKEN: masked variables of the project\n"
            f"  script:\n    - pip install --index-url {place.simple_with_token} uv\n    - uv build\n    - uv publish\n"
        ),
    )
    yield (
        "shell",
        "Any other",
        (
            f"export PIP_INDEX_URL={place.simple_with_token}\npython -m pip install build twine\npython -m build\n"
            f"twine upload --repository-url {place.upload} -u __token__ -p $TOKEN dist/*"
        ),
    )


def _uv_variables(place: Place, token: str, indent: str) -> str:
    """What uv reads the index from, as lines of YAML."""
    if not place.private:
        return f"{indent}UV_DEFAULT_INDEX: {place.simple}\n"
    named, variable = f"{NAME}={place.simple}", f"UV_INDEX_{NAME.upper()}"
    lines = (f"UV_DEFAULT_INDEX: {named}", f"{variable}_USERNAME: __token__", f"{variable}_PASSWORD: {token}")
    return "".join(f"{indent}{line}\n" for line in lines)


def _at(requirement: str) -> str:
    """Poetry's own spelling of `name==version`."""
    return requirement.replace("==", "@")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
