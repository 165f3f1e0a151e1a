"""The rights of reading: what every address of the read plane answers to everybody and to every kind of credential.

The addresses are the patterns that routes.py and people/addresses.py match on, so that a new one without a row fails.
What a stranger is answered in a private index is one answer, byte for byte, whatever is there and whatever was asked.
"""

import ast
import inspect
from collections.abc import Iterator
from itertools import product
from typing import get_args

import pytest
from asgi import Answer
from read.private_site import GHOST, GUILD, OPEN, SECRET, WORDS, PrivateSite, path_in, private_site

from holdfast.control.database import close_connection
from holdfast.read import routes
from holdfast.read.people import addresses

# Pattern -> addresses below an index's root, each with what whoever may read the index is answered.
ROWS: dict[str, dict[str, int]] = {
    "['simple']": {"simple": 301},
    "['simple', '']": {"simple/": 200},
    "['simple', raw] | ['simple', raw, '']": {"simple/{raw}/": 200, "simple/{raw}": 301, "simple/nobody/": 404},
    "['pypi', raw, 'json'] | ['pypi', raw, 'json', '']": {"pypi/{raw}/json": 200, "pypi/nobody/json": 404},
    "['pypi', raw, version, 'json'] | ['pypi', raw, version, 'json', '']": {"pypi/{raw}/{version}/json": 200},
    "['packages', '-', project, filename]": {"packages/-/{project}/{filename}": 404},  # of upstreams alone
    "['packages', first, second, rest, filename]": {
        "packages/{first}/{second}/{rest}/{filename}": 200,
        "packages/{first}/{second}/{rest}/{filename}.metadata": 200,
        "packages/00/00/{rest}/{filename}": 404,
    },
    "['integrity', raw, version, filename, 'provenance']": {"integrity/{raw}/{version}/{filename}/provenance": 200},
    "['legacy', '+simple', raw] | ['legacy', '+simple', raw, '']": {"legacy/+simple/{raw}/": 200},
    # Views as of a date and previews have an index below them.
    "@date": {
        "@2026-01-01/simple/": 200,
        "@2999-01-01/simple/": 404,
        "@2026-01-01/simple/{raw}/": 200,  # with nothing on it yet
        "@yesterday/": 404,
    },
    "@preview": {
        "@preview/{preview}/simple/{raw}/": 200,
        "@preview/{preview}/simple/": 200,
        "@preview/nothing/simple/": 404,
    },
    # Pages for people.
    "['']": {"": 200},
    "['search' | 'browse' | 'set-up' as kind]": {"search": 301, "browse": 301, "set-up": 301},
    "['search', '']": {"search/?q={raw}": 200, "search/?q=nobody": 200},
    "['browse', '']": {"browse/?c=Topic+%3A%3A+Internet": 200},
    "['rss', *rest]": {"rss/nothing.xml": 404},
    "['updates' | 'packages' as what]": {"rss/updates.xml": 200, "rss/packages.atom": 200},
    "['project', raw, 'releases']": {"rss/project/{raw}/releases.xml": 200, "rss/project/nobody/releases.xml": 404},
    "['set-up', '']": {"set-up/": 200},
    "['project', raw] | ['project', raw, '']": {"project/{raw}/": 200, "project/nobody/": 404},
    "['project', raw, version] | ['project', raw, version, '']": {
        "project/{raw}/{version}/": 200,
        "project/{raw}/9.9/": 404,
    },
    "no route": {"no-such-thing/at/all": 404, "simple/a/b/c": 404},
}
# Of the instance, not of an index: what anybody is answered (test_rights_matrix.py has control's own addresses).
OF_THE_INSTANCE: dict[str, dict[str, int]] = {
    "['legacy'] | ['legacy', '']": {"/legacy/": 405, "/team/legacy/": 405, "/both/legacy/": 405},  # uploads: control's
    "['indexes']": {"/indexes": 301},
    "['indexes', '']": {"/indexes/": 200},
    "['user' | 'org', name]": {f"/user/{GHOST}": 301, f"/org/{GUILD}": 301},
    "['user', name, '']": {f"/user/{GHOST}/": 404, "/user/nobody/": 404, "/user/alice/": 200},
    "['org', name, '']": {f"/org/{GUILD}/": 404, "/org/nobody/": 404},
    "['assets', name]": {"/assets/nothing.css": 404},
    "healthz": {"/healthz": 200},
    "readyz": {"/readyz": 200},
    "metrics": {"/metrics": 200},
    "upstreams": {"/upstreams": 200},
}
STRANGERS = ("anonymous", "password", "cookie", "banned", "nonsense", "unknown", "wrong-secret", "expired", "revoked",
             "publisher")  # fmt: skip
# A known token that may not read here is told so: the index's name is no secret, what is in it is.
OTHERS = ("other-index", "other-project", "upload-only", "own-project", "no-scope-admin")
# Each index asks for itself: who may read `both` sees what `team` gives it there, and nothing at `team`'s own address.
READERS = {
    "team": ("reader", "robot", "every-index", "banned-reader"),
    "both": ("over-reader", "every-index"),
}
CONTENT = ("v1/record/", "v1/card/", "v1/person/", "blobs/", "previews/", "catalogues/", "rendered/")
EVERYBODY = {*STRANGERS, *OTHERS, "reader", "robot", "every-index", "banned-reader", "over-reader"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateSite]:
    made = private_site(tmp_path_factory.mktemp("private") / "data")
    yield made
    made.close()
    close_connection()


def patterns() -> set[str]:
    """What the read plane's routing matches on, as written."""
    found: set[str] = set()
    for function in (routes._in_index, addresses.page_at, addresses._of_the_instance, addresses._feed):
        for node in ast.walk(ast.parse(inspect.getsource(function))):
            if isinstance(node, ast.match_case):
                found.add(ast.unparse(node.pattern))
    return found


def test_every_pattern_and_kind_of_page_has_a_row(site: PrivateSite):
    rows = set(ROWS) | set(OF_THE_INSTANCE)
    wanted = patterns() | set(routes._OWN.values()) | {"@date", "@preview", "no route"}

    told = {path.format(**site.facts) for row in ROWS.values() for path in row}
    kinds = {found.kind for path in told if isinstance(found := _route(path_in("team", path)), addresses.Page)}
    kinds |= {
        found.kind
        for row in OF_THE_INSTANCE.values()
        for path in row
        if isinstance(found := _route(path), addresses.Page)
    }
    feeds = {found.what for path in told if isinstance(found := _route(path_in("team", path)), addresses.FeedRoute)}
    asked = {type(_route(path_in("team", path))) for path in told}
    asked |= {type(_route(path)) for row in OF_THE_INSTANCE.values() for path in row}

    assert wanted == rows
    assert set(get_args(addresses.Kind)) == kinds
    assert set(get_args(addresses.Feed)) == feeds
    assert set(get_args(routes.Route)) - asked == {routes.ForwardedPage}  # control's pages: test_page_matrix.py
    assert EVERYBODY == set(site.credentials)


def _route(path: str) -> routes.Route:
    return routes.Routes(("main", "team", "both"), "main", "").find(path.partition("?")[0])


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("index", ["team", "both"])
def test_a_private_address_answers_each_credential_as_the_table_says(site: PrivateSite, index: str, row: str):
    for path, status in ROWS[row].items():
        target = path_in(index, path.format(**site.facts))
        if index == "both" and "@preview/{" in path:
            status = 404  # a preview is of the index its session is in
        rest = EVERYBODY - set(STRANGERS) - set(OTHERS) - set(READERS[index])
        expected = dict.fromkeys(STRANGERS, 401) | dict.fromkeys({*OTHERS, *rest}, 403)
        expected |= dict.fromkeys(READERS[index], status)

        for method in ("GET", "HEAD"):
            found = {who: site.ask(method, target, sent).status for who, sent in site.credentials.items()}

            wrong = {who: (status, found[who]) for who, status in expected.items() if status != found[who]}
            assert (target, {}) == (target, wrong)
            assert set(expected) == set(found)


@pytest.mark.parametrize("row", OF_THE_INSTANCE)
def test_what_is_the_instances_answers_everybody_alike(site: PrivateSite, row: str):
    for target, status in OF_THE_INSTANCE[row].items():
        found = {who: site.ask("GET", target, sent).status for who, sent in site.credentials.items()}

        assert (target, dict.fromkeys(EVERYBODY, status)) == (target, found)


@pytest.mark.parametrize("row", ROWS)
def test_a_public_address_asks_nobody_who_they_are(site: PrivateSite, row: str):
    for path, _status in ROWS[row].items():
        target = path_in("main", path.format(**site.facts | {"raw": OPEN, "project": OPEN, "version": "1.0"}))
        found = {who: whole(site.ask("GET", target, sent), "cache-status") for who, sent in site.credentials.items()}

        assert 1 == len(set(found.values())), target
        assert found["anonymous"][0] not in (401, 403)


def whole(answer: Answer, *without: str) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """All of an answer, some headers left out."""
    kept = {name: value for name, value in answer.headers.items() if name not in without}
    return answer.status, tuple(sorted(kept.items())), answer.body


@pytest.fixture(scope="module")
def tags(site: PrivateSite) -> dict[str, str]:
    """The entity tag of every private address; asking for it also put the answer into memory."""
    found = {}
    for row in ROWS.values():
        for index in ("team", "both"):
            for path in row:
                target = path_in(index, path.format(**site.facts))
                for _ in range(2):
                    answer = site.ask("GET", target, site.credentials["every-index"])
                found[target] = answer.headers.get("etag", '"none"')
    return found


@pytest.mark.parametrize(
    ("index", "who"),
    [*(("team", who) for who in (*STRANGERS, "upload-only")), ("both", "anonymous"), ("both", "reader")],
)
def test_no_stranger_can_tell_what_is_there(site: PrivateSite, tags: dict[str, str], index: str, who: str):
    """By method, range, entity tag or kind of answer, of what readers have just asked for and what is nowhere."""
    for kind in (True, False):  # pages for people tell of a refusal in HTML
        made: dict[str, set[object]] = {"GET": set(), "HEAD": set()}
        for target in (path for path in tags if path.startswith(f"/{index}/") and _is_page(path) is kind):
            asks = [{}, {"if-none-match": tags[target]}, {"range": "bytes=0-0", "if-range": tags[target]}]
            asks.append(
                {"accept": "text/html", "if-none-match": "*", "if-modified-since": "Thu, 01 Jan 2099 00:00:00 GMT"}
            )
            for method, more in product(made, asks):
                made[method].add(whole(site.ask(method, target, site.credentials[who] | more)))

        assert [1, 1] == [len(found) for found in made.values()]
        assert [] == [word for word in WORDS if word in str(made)]


def _is_page(target: str) -> bool:
    return isinstance(_route(target), addresses.Page)


def test_strangers_make_nobody_look_anything_up(site: PrivateSite):
    """So the time of an answer has nothing to tell: what decides it comes before what is asked for."""
    before = len(site.store.asked)
    for row in ROWS.values():
        for path in row:
            for who in (*STRANGERS, *OTHERS):
                site.ask("GET", path_in("team", path.format(**site.facts)), site.credentials[who])

    assert [] == [key for key in site.store.asked[before:] if key.startswith(CONTENT)]


def test_whose_only_project_is_private_is_nobody(site: PrivateSite):
    for kind, name in (("user", GHOST), ("org", GUILD)):
        known, unknown = (whole(site.ask("GET", f"/{kind}/{one}/")) for one in (name, "n" * len(name)))
        assert known == unknown


def test_no_public_answer_has_a_word_of_a_private_index(site: PrivateSite):
    """Anonymous, at every public address, with what a private index has in place of its parts; headers included."""
    for row in ROWS.values():
        for path in row:
            for facts in (site.facts, site.facts | {"raw": OPEN, "version": "1.0", "project": OPEN}):
                target = path_in("main", path.format(**facts))
                told = _text(site.ask("GET", target, {"accept-encoding": "identity"}))
                told = told.replace(target, "")
                for part in ("raw", "version", "filename", "preview"):  # what was typed may be said again
                    told = told.replace(facts[part], "") if f"{{{part}}}" in path else told
                assert (target, []) == (target, [word for word in WORDS if word in told])
    for row in OF_THE_INSTANCE.values():
        for target in row:
            if GHOST not in target and GUILD not in target:
                told = _text(site.ask("GET", target, {"accept-encoding": "identity"}))
                assert (target, []) == (target, [word for word in WORDS if word in told])


def test_a_search_for_what_is_private_finds_what_a_search_for_nothing_finds(site: PrivateSite):
    found = [_text(site.ask("GET", f"/search/?q={word}")).replace(word, "-") for word in (SECRET, "n" * len(SECRET))]

    assert _without_tags(found[0]) == _without_tags(found[1])


def _without_tags(text: str) -> str:
    """Without the entity tag, which is a digest of a text that has the typed word in it, and where it was found."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(("etag:", "cache-status:")))


def _text(answer: Answer) -> str:
    fields = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{fields}\n\n{answer.body.decode('utf-8', 'replace')}"
