"""Every public page there is, of the instance that conftest.py serves. A test holds that no kind of page is missing."""

PUBLIC = {
    "home": "/",
    "home of another index": "/team/",
    "project": "/project/toolbox/",
    "yanked release": "/project/toolbox/2.0/",
    "removed release": "/project/toolbox/2.1/",
    "archived, reStructuredText": "/project/markup/",
    "quarantined": "/project/bad/",
    "without a description": "/project/bare/",
    "search": "/search/?q=tool",
    "search without a result": "/search/?q=nothing-like-it",
    "browse": "/browse/",
    "browse by two": "/browse/?c=Development+Status+::+5+-+Production/Stable&c=Programming+Language+::+Python+::+3",
    "browse without a result": "/browse/?c=Topic+::+Nothing",
    "browse an empty index": "/team/browse/",
    "set-up": "/set-up/",
    "indexes": "/indexes/",
    "person": "/user/alice/",
    "organisation": "/org/acme/",
    "nothing there": "/project/nobody/",
}
