"""allauth's account part as this project wants it: our limits, our mail, our audit, our words."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.core import context as allauth_context
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from holdfast.control.accounts import limits
from holdfast.control.accounts.invitations import invitation_of, take_up
from holdfast.control.accounts.limits import TooManyAttempts, counters
from holdfast.control.accounts.messages import ERRORS, LINKS, MAILS, MESSAGES, ONCE_IN_A_WHILE
from holdfast.control.accounts.models import Invitation, Session, User
from holdfast.control.accounts.noting import agent_of, noting
from holdfast.control.accounts.places import begun, remember_place
from holdfast.control.accounts.proofs import ELSEWHERE, PASSWORD, is_proved, ways_on
from holdfast.control.accounts.recovery import begin_wait
from holdfast.control.accounts.signing_in import SignIn, tally
from holdfast.control.http import client_of, parts_of
from holdfast.control.mail.queue import queue
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.sign_in.binding import holds_alone
from holdfast.control.web.letting_in import mail_way_in
from holdfast.control.web.sessions import BEGUN, digest
from holdfast.core.errors import Refused
from holdfast.core.model import format_time
from holdfast.tree.switches import READ_ONLY


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """ACCOUNT_ADAPTER."""

    error_messages = DefaultAccountAdapter.error_messages | ERRORS

    # Who may come in

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        parts = parts_of(request)
        if parts.switches.refusal("sign-up") is not None:  # the page says why
            return False
        if any(provider.only for provider in parts.config.sign_in):  # whoever comes anew comes with a provider
            return False
        wanted = parts.config.sign_up
        return wanted == "open" or (wanted == "invited" and invitation_of(request) is not None)

    def clean_email(self, email: str) -> str:
        invitation = invitation_of(self.request) if self.request else None
        if invitation is not None and not self.request.user.is_authenticated and "signup" in self.request.path:
            self._hold_to(invitation, email)
        return email

    def _hold_to(self, invitation: Invitation, email: str) -> None:
        if email.lower() != invitation.email:
            raise self.validation_error("invited_address")

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Hash first, then everything in one short transaction."""
        user = super().save_user(request, user, form, commit=False)
        if commit:
            with noting(request, user) as tx:
                tx.demand_on("sign-up")
                user.save()
                if not take_up(request, user, tx.now) and parts_of(request).config.sign_up == "invited":
                    raise Refused("the invitation was used a moment ago, or is over; ask for another one")
                tx.audit("sign-up", user.username)
        return user

    def get_login_stages(self) -> list[str]:
        return ["holdfast.control.accounts.stages.ConfirmedAddress", "holdfast.control.accounts.stages.OurSecondFactor"]

    # Signing in

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        login = str(credentials.get("username") or credentials.get("email") or "")
        attempt = SignIn(request, login, counters(parts_of(request).clock))
        attempt.begin(lambda user: mail_way_in(request, user))
        request.sign_in = attempt  # type: ignore[attr-defined]

    def _rollback_login_failed_rl_usage(self) -> None:
        """allauth's word for: it was right."""
        attempt = getattr(self.request, "sign_in", None)
        if attempt is not None:
            attempt.give_back()

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        tally.failed += 1

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        request.session[BEGUN] = begun(request, parts_of(request).clock.now())

    def post_login(self, request: HttpRequest, user: User, **facts: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **facts)
        tally.succeeded += 1
        with noting(request, user) as tx:
            tx.audit("sign-in", user.username)
            if remember_place(request, response, user, tx.now) and (email := primary_address(user)):
                queue(tx, email, "new-sign-in", self.facts(request, user))
        return response

    # Passwords

    def set_password(self, user: User, password: str) -> None:
        """Hash first; then the row, its audit and its consequences in one transaction.

        Rights wait after a reset of an account that is in use, also where it had no password: whoever signed in by
        passkey or provider so far need not be who has the mailbox now.
        """
        request = allauth_context.request
        is_reset = not request.user.is_authenticated
        before, is_in_use = user.password, user.has_usable_password() or user.last_login is not None
        user.set_password(password)
        with noting(request, user) as tx:
            tx.demand_on(READ_ONLY)
            tx.lock(f"user:{user.username}")
            if not User.objects.filter(pk=user.pk, password=before).exists():  # a link is good once, also at once
                raise NotAccepted("the password was changed a moment ago; sign in with the new one, or begin again")
            user.save(update_fields=["password"])
            mine = digest(request.session.session_key) if request.session.session_key else ""
            Session.objects.filter(user=user).exclude(session_key=mine).delete()
            tx.audit("reset-password" if is_reset else "set-password", user.username)
            if is_reset and is_in_use:
                begin_wait(tx, user, "its password was reset by mail")

    def pre_login(self, request: HttpRequest, user: User, **facts: Any) -> HttpResponse | None:
        """Every way in but the provider's own ends here for who signs in with that alone."""
        response: HttpResponse | None = super().pre_login(request, user, **facts)
        provider = holds_alone(parts_of(request).config, user)
        methods = [one.get("method") for one in get_authentication_records(request, user)]
        if response is not None or provider is None or methods[-1:] == ["socialaccount"]:
            return response
        messages.error(request, f"Your account is entered with {provider.label} alone.")
        return HttpResponseRedirect(reverse("account_login"))

    def get_reauthentication_methods(self, user: AbstractBaseUser) -> list[dict[str, Any]]:
        """What is still to be shown, the first of them first."""
        return ways_on(allauth_context.request, user, self._ways(user)) if isinstance(user, User) else []

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        """The one decision: what allauth counts besides is switched off (settings.py)."""
        request = allauth_context.request
        return not is_proved(request, request.user, self._ways(request.user))

    def _ways(self, user: User) -> list[dict[str, Any]]:
        """allauth's, and the providers that the account is connected to; with `only`, no password."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        config = parts_of(allauth_context.request).config
        if not SocialAccount.objects.filter(user=user, provider__in=[one.issuer for one in config.sign_in]):
            return found
        if holds_alone(config, user):
            found = [one for one in found if one["id"] != PASSWORD]
        way = {"id": ELSEWHERE, "description": "Sign in with your provider once more"}
        return [*found, {**way, "url": reverse("account_reauthenticate_elsewhere")}]

    # Mail and messages

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        kind, what = MAILS[template_prefix]
        request = allauth_context.request
        if kind in ONCE_IN_A_WHILE:
            try:
                counters(parts_of(request).clock).take(limits.MAIL_TO, email.lower())
            except TooManyAttempts:
                return  # the page says the same as ever: how much mail somebody gets is nobody else's to know
        user = context.get("user")
        person = user if isinstance(user, User) else request.user if isinstance(request.user, User) else None
        if person is None and kind == "password-changed":  # by a link: whoever has that address, signed in or not
            person = User.objects.filter(emailaddress__email__iexact=email, emailaddress__verified=True).first()
        facts = self.facts(request, person)
        link = next((str(context[name]) for name in LINKS if name in context), "")
        if link:
            facts["url"] = link
        with noting(request, person) as tx:
            queue(tx, email, kind, {**facts, "what": what})

    def facts(self, request: HttpRequest, user: User | None) -> dict[str, Any]:
        """What every mail about an account tells."""
        parts = parts_of(request)
        url = urlsplit(parts.config.base_url)
        return {
            "site": url.netloc,
            "user": user.username if user else "",
            "url": request.build_absolute_uri(reverse("account_home")),
            "when": format_time(parts.clock.now()),
            "address": client_of(request),
            "agent": agent_of(request),
            "what": "",
        }

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        text = message or MESSAGES.get(message_template or "")
        if text:
            messages.add_message(request, level, text)

    # Small matters

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_of(request)

    def get_http_user_agent(self, request: HttpRequest) -> str:
        return agent_of(request)

    def is_ajax(self, request: HttpRequest) -> bool:
        """Only what a passkey must answer is asked for by a script; all else are pages for people."""
        return request.path == reverse("mfa_login_webauthn") and request.headers.get("Accept") == "application/json"

    def is_safe_url(self, url: str | None) -> bool:
        """Only paths of our own: no host at all, so no other one."""
        return bool(url) and url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_login")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_home")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        return reverse("account_email" if self.request.user.is_authenticated else "account_login")


AccountAdapter.error_messages["invited_address"] = "The invitation is for another address."


def primary_address(user: AbstractBaseUser) -> str:
    """The confirmed address that an account is told things at, "" without one."""
    found = EmailAddress.objects.filter(user_id=user.pk, verified=True).order_by("-primary").first()
    return str(found.email) if found else ""
