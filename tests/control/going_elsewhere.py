"""How people sign in with a provider on loopback: over our pages, there, and back."""

import html
import re
import urllib.request
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from browsers import Browser
from doors import Answered, Door
from instances import Instance
from people_issuer import SECRET, PeopleIssuer

from holdfast.clock import Clock, SystemClock
from holdfast.config import SignIn
from holdfast.control.publishers.fetching import ask, fetch
from holdfast.control.sign_in.asking import Providers


def door_to(instance: Instance, issuer: PeopleIssuer, clock: Clock | None = None, **settings: Any) -> Door:
    """A door of an instance that people enter with the issuer. Settings of the instance begin with `config_`."""
    own = {name.removeprefix("config_"): settings.pop(name) for name in list(settings) if name.startswith("config_")}
    secret = instance.config.data / "sso-secret"
    secret.write_text(SECRET + "\n")
    provider = issuer.provider(str(secret), **settings)
    return with_providers(instance, provider, clock=clock, **own)


def with_providers(instance: Instance, *providers: SignIn, clock: Clock | None = None, **own: Any) -> Door:
    config = replace(instance.config, sign_in=providers, **own)
    ours = clock or SystemClock()
    return Door(instance, config=config, clock=ours, providers=Providers(fetch, ask, ours))


def begin(browser: Browser, page: str = "/account/login/", provider: str = "acme") -> str:
    """Press the button; where the browser is sent to."""
    browser.get(page)
    shown = browser.submit(f"/account/sign-in/{provider}/")
    assert 200 == shown.status, shown.text
    return html.unescape(re.findall(r'content="0; url=([^"]*)"', shown.text)[0])


def there_and_back(address: str) -> str:
    """What the provider sends the browser back to, as a path."""

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        urllib.request.build_opener(NoRedirect).open(address, timeout=10)
    except urllib.error.HTTPError as answer:
        with answer:
            back = urlsplit(answer.headers["Location"])
    assert "127.0.0.1:8000" == back.netloc
    return f"{back.path}?{back.query}"


def come(browser: Browser, page: str = "/account/login/", provider: str = "acme") -> Answered:
    """Go there and come back."""
    return browser.get(there_and_back(begin(browser, page, provider)))


def come_first(door: Door, name: str = "alice") -> Browser:
    """Come for the first time and choose a name."""
    browser = Browser(door)
    come(browser)
    assert "Choose a user name" in browser.page.text, browser.page.text
    browser.submit("/account/choose-name/", username=name)
    return browser
