"""What allauth says once on the next page and in mails, in our words: its templates' names to ours."""

MESSAGES: dict[str, str] = {
    "account/messages/cannot_delete_primary_email.txt": "The primary address cannot be removed: choose another first.",
    "account/messages/email_confirmation_failed.txt": "This address could not be confirmed: another account has it.",
    "account/messages/email_confirmation_sent.txt": "A mail is on its way. Open the link in it to confirm the address.",
    "account/messages/email_confirmed.txt": "The address is confirmed.",
    "account/messages/email_deleted.txt": "The address was removed.",
    "account/messages/logged_out.txt": "You are signed out.",
    "account/messages/password_changed.txt": "Your password was changed.",
    "account/messages/password_set.txt": "Your password was set.",
    "account/messages/primary_email_set.txt": "The primary address was changed.",
    "account/messages/unverified_primary_email.txt": "An address must be confirmed before it can be the primary one.",
    "mfa/messages/recovery_codes_generated.txt": "New recovery codes were made; the old ones are no longer good.",
    "mfa/messages/totp_activated.txt": "The authenticator app is set up.",
    "mfa/messages/totp_deactivated.txt": "The authenticator app was removed.",
    "mfa/messages/webauthn_added.txt": "The key was added.",
    "mfa/messages/webauthn_removed.txt": "The key was removed.",
    "socialaccount/messages/account_connected.txt": "The sign-in was connected.",
    "socialaccount/messages/account_disconnected.txt": "The sign-in was disconnected.",
}

# allauth's mail: (kind of ours, what happened).
MAILS: dict[str, tuple[str, str]] = {
    "account/email/email_confirmation": ("verify-address", ""),
    "account/email/email_confirmation_signup": ("verify-address", ""),
    "account/email/account_already_exists": ("account-exists", ""),
    "account/email/password_reset_key": ("reset-password", ""),
    "account/email/unknown_account": ("no-account", ""),
    "account/email/password_changed": ("password-changed", "changed"),
    "account/email/password_reset": ("password-changed", "reset by mail"),
    "account/email/password_set": ("password-changed", "set"),
    "account/email/email_changed": ("address-changed", "Another address became the primary one"),
    "account/email/email_deleted": ("address-changed", "An address was removed"),
    "account/email/email_confirm": ("address-changed", "An address was confirmed"),
    "mfa/email/totp_activated": ("two-factor-changed", "An authenticator app was set up"),
    "mfa/email/totp_deactivated": ("two-factor-changed", "The authenticator app was removed"),
    "mfa/email/recovery_codes_generated": ("two-factor-changed", "New recovery codes were made"),
    "mfa/email/webauthn_added": ("two-factor-changed", "A passkey or security key was added"),
    "mfa/email/webauthn_removed": ("two-factor-changed", "A passkey or security key was removed"),
    "socialaccount/email/account_connected": ("two-factor-changed", "A sign-in with another provider was connected"),
    "socialaccount/email/account_disconnected": ("two-factor-changed", "A sign-in with another provider was removed"),
}

ERRORS: dict[str, str] = {
    "duplicate_email": "Your account has this address already.",
    "email_taken": "Another account has this address.",
    "enter_current_password": "This is not your current password.",
    "max_email_addresses": "An account has %d addresses at most.",
    "email_password_mismatch": "The name or address and the password do not belong together.",
    "username_password_mismatch": "The name or address and the password do not belong together.",
    "username_blacklisted": "This name cannot be used; please choose another one.",
    "username_taken": "This name is taken.",
}

# What a template of allauth's mails calls its link.
LINKS = ("activate_url", "password_reset_url", "signup_url")
ONCE_IN_A_WHILE = frozenset({"verify-address", "account-exists", "reset-password", "no-account"})
