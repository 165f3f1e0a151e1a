"""Signing in with an organisation's own OpenID Connect provider, and what its groups give."""
