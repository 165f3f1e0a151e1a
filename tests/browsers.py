"""A browser over control's front door: cookies, forms with their hidden fields, redirects; no JavaScript."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

import conformance
from doors import Answered, Door

REDIRECTS_MAX = 5
_TAG = re.compile(r"<\w+")


class Browser:
    """One person's browser, at one address."""

    def __init__(self, door: Door, address: str = "192.0.2.1", agent: str = "Browser/1") -> None:
        self.door = door
        self.address = address
        self.agent = agent
        self.cookies: dict[str, str] = {}
        self.location = "/"  # the page that is open
        self.page = Answered(0, {}, b"")

    def get(self, target: str, **headers: str) -> Answered:
        """Open a page and follow redirects."""
        answer = self.ask("GET", target, **headers)
        for _ in range(REDIRECTS_MAX):
            if answer.status not in (301, 302, 303):
                break
            answer = self.ask("GET", urljoin(self.location, answer.headers["location"]), **headers)
        self.page = answer
        return answer

    def submit(self, target: str = "", form: int = -1, **fields: str) -> Answered:
        """Fill in a form of the open page and send it: the one whose action is `target`, else the last one."""
        forms = _Forms(self.page.text).forms
        chosen = next((f for f in forms if f.action == target), None) if target else forms[form]
        assert chosen is not None, f"no form for {target} on this page: {[f.action for f in forms]}"
        return self.post(chosen.action or self.location, {**chosen.fields, **fields})

    def post(self, target: str, fields: Mapping[str, str], **headers: str) -> Answered:
        """Send a form and follow redirects."""
        answer = self.ask("POST", target, urlencode(fields).encode(), **headers)
        if answer.status in (301, 302, 303):
            return self.get(urljoin(self.location, answer.headers["location"]))
        self.page = answer
        return answer

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answered:
        """One request as a browser makes it, and its cookies kept."""
        parts = urlsplit(urljoin(self.location, target))
        self.location = parts._replace(scheme="", netloc="", fragment="").geturl()
        named = {"X-Holdfast-Client": self.address, "User-Agent": self.agent}
        if body:
            named |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.door.origin}
        if self.cookies:
            named["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.door.request(method, self.location, body, named)
        if method == "GET" or body:
            _demand_valid(self.location, answer)
        for line in answer.set_cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or morsel["max-age"] == 0:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer


_judged: set[tuple[str, ...]] = set()  # pages that differ in their texts alone are judged once


def _demand_valid(location: str, answer: Answered) -> None:
    """Whatever page a test comes across is valid HTML."""
    if not answer.body or not answer.headers.get("content-type", "").startswith("text/html"):
        return
    shape = tuple(_TAG.findall(answer.text))
    if shape not in _judged:
        _judged.add(shape)
        faults = conformance.faults(answer.body)
        assert [] == faults, f"{location} is not valid: {faults}"


class _Form:
    def __init__(self, action: str) -> None:
        self.action = action
        self.fields: dict[str, str] = {}


class _Forms(HTMLParser):
    """The forms of a page with the values their fields come with."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self._is_in_form = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(_Form(found.get("action", "")))
            self._is_in_form = True
        elif tag == "input" and self._is_in_form and "name" in found and _is_sent(found):
            self.forms[-1].fields[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_in_form = False


def _is_sent(found: dict[str, str]) -> bool:
    return found.get("type") not in ("checkbox", "radio", "submit") or "checked" in found
