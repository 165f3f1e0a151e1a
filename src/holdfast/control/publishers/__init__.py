"""Trusted publishing: a CI's own identity token is exchanged for a token that publishes for a quarter of an hour."""
