"""The matrix of pages: what each answers to a visitor, to somebody signed in, and to an administrator.

A page that has no row here fails the first test. A visitor is sent to sign in wherever a page is somebody's own.
"""

import re

import pytest
from browsers import Browser
from control.signing_in import signed_in
from doors import Door
from instances import Instance
from rights_world import routes

from holdfast.control.urls import urlpatterns
from holdfast.core.page_paths import is_control_page

# route: what GET answers to a visitor, to alice, to an administrator
ROWS = {
    "_/me": "200 200 200",
}
PARTS: dict[str, str] = {}  # what stands for the parts of an address


def test_every_page_has_a_row():
    served = {route for _method, route in routes(urlpatterns) if is_control_page(f"/{route}")}

    assert served == set(ROWS)


@pytest.mark.parametrize("route", ROWS)
def test_a_page_answers_each_person_as_the_table_says(sqlite_instance: Instance, route: str):
    door = Door(sqlite_instance)
    people = [Browser(door), signed_in(door), signed_in(door, "root", is_superuser=True)]
    path = "/" + re.sub(r"<\w+:(\w+)>", lambda part: PARTS[part[1]], route)

    assert ROWS[route] == " ".join(str(browser.ask("GET", path).status) for browser in people)
