"""The database is gone and control is dead: people still read every public page, and find what is published."""

from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Answer, Rig, wait_until
from holdfast.drill.scenario import Say

CLASSIFIERS = ("Programming Language :: Python :: 3", "Topic :: Utilities")
PAGES = {  # address -> what a person must find there; a test holds that every kind of page is among them
    "/": "base",
    "/project/base/": "pip install",
    "/project/base/1.0/": "base-1.0-py3-none-any.whl",
    "/search/?q=bas": "base",
    "/browse/": "Utilities",
    "/browse/?c=Topic+%3A%3A+Utilities&c=Programming+Language+%3A%3A+Python+%3A%3A+3": "base",
    "/set-up/": "twine upload",
    "/indexes/": "main",
    "/user/operator/": "base",
    "/org/acme/": "held",
    "/rss/updates.xml": "<title>base 1.0</title>",
    "/rss/updates.atom": "<title>base 1.0</title>",
    "/rss/packages.xml": "<title>base is new here</title>",
    "/rss/packages.atom": "<title>base is new here</title>",
    "/rss/project/base/releases.xml": "<title>base 1.0</title>",
    "/rss/project/base/releases.atom": "<title>base 1.0</title>",
    "/team/": "The index team",
    "/team/browse/": "No classifiers yet",
    "/team/search/?q=base": "Nothing hosted here",
    "/team/set-up/": "/team/simple/",
    "/team/rss/updates.xml": "</rss>",
}
CONTROLS_OWN = "/account/login/"  # whoever asks for it is told so, as a page
INDEXES = "[index.team]\nlayers = []\n"


def run(say: Say) -> None:
    with TemporaryDirectory(prefix="holdfast-drill-") as folder:
        settings = Path(folder) / "holdfast.toml"
        settings.write_text(INDEXES)
        with Rig(settings={"HOLDFAST_CONFIG": str(settings)}) as rig:
            _play(rig, say)


def _play(rig: Rig, say: Say) -> None:
    rig.wait_for_control()
    for project in ("held", "base"):
        answer = rig.upload(wheel(project, "1.0", classifiers=CLASSIFIERS))
        assert answer.status == 200, answer.body[:300]
    rig.run("org", "create", "acme", "--owner", "operator")
    rig.run("project", "transfer", "held", "--to-org", "acme")
    wait_until(lambda: not _missing(rig), 60, "every page was there with everything alive")
    for database in rig.database_files():
        database.rename(database.with_suffix(".gone"))
    rig.wait_respawn("control", rig.kill("control"))
    _demand(rig)
    say(f"{len(PAGES)} pages and feeds answer without a database, control being started again in vain")

    rig.wait_respawn("front", rig.kill("front"))
    wait_until(lambda: rig.get("/readyz", timeout=1).status == 200, 20, "a new front")
    _demand(rig)
    say("a front that starts without a database has them, too")
    unknown = rig.get("/project/unknown/")
    assert unknown.status == 404, unknown.status
    away = rig.get(CONTROLS_OWN)
    assert (away.status, True) == (503, b"Away for a moment" in away.body), (away.status, away.body[:300])
    say("what needs control says, as a page, that it is away and that installs are not")


def _demand(rig: Rig) -> None:
    missing = _missing(rig)
    assert not missing, {path: (answer.status, answer.body[:300]) for path, answer in missing.items()}


def _missing(rig: Rig) -> dict[str, Answer]:
    answers = {path: rig.get(path) for path in PAGES}
    return {
        path: answer
        for path, answer in answers.items()
        if answer.status != 200 or PAGES[path] not in answer.body.decode()
    }
