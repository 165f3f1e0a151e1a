"""The database is gone and control is dead: people still read every public page, and find what is published."""

from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish

PAGES = {  # address -> what a person must find there
    "/": "base",
    "/project/base/": "pip install",
    "/project/base/1.0/": "base-1.0-py3-none-any.whl",
    "/search/?q=bas": "base",
    "/set-up/": "twine upload",
    "/indexes/": "main",
    "/user/operator/": "base",
}


def run(say: Say) -> None:
    with Rig() as rig:
        publish(rig, "base", "1.0")
        people = rig.data / "store" / "v1" / "person" / "user"
        wait_until(lambda: any(people.glob("*/*")), 30, "the page of the project's owner was written")
        for database in rig.database_files():
            database.rename(database.with_suffix(".gone"))
        rig.wait_respawn("control", rig.kill("control"))
        _demand(rig)
        say(f"{len(PAGES)} pages answer without a database, control being started again in vain")

        rig.wait_respawn("front", rig.kill("front"))
        wait_until(lambda: rig.get("/readyz", timeout=1).status == 200, 20, "a new front")
        _demand(rig)
        say("a front that starts without a database has them, too")
        unknown = rig.get("/project/unknown/")
        assert unknown.status == 404, unknown.status


def _demand(rig: Rig) -> None:
    for path, text in PAGES.items():
        answer = rig.get(path)
        assert answer.status == 200, (path, answer.status, answer.body[:300])
        assert text in answer.body.decode(), (path, text)
