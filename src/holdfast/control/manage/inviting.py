"""What inviting is on every page of management: what is told of it, and how it is taken back."""

from holdfast.control.organisations import invitations
from holdfast.control.web.deeds import Asked, Done


def invited(to: str, secret: str) -> Done:
    """What to tell whoever invited: a mail address is proven by a secret, which is told this once."""
    if not secret:
        return Done(f"{to} was invited and finds the invitation below Manage.")
    return Done(
        f"{to} was invited. If no mail arrives, hand this secret on with the invitation; it is told only now: {secret}"
    )


def revoke_invitation(asked: Asked) -> Done:
    """Take an open invitation back, to a project or an organisation. The action sees to the rights."""
    publisher, number = asked.parts.publisher, asked.number("invitation")
    invitations.revoke_invitation(publisher, number, asked.actor, deadline=asked.deadline)
    return Done("The invitation was taken back.")
