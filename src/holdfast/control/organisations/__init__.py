"""Organisations and their teams, who holds a project, invitations, offers of projects, and rights on whole indexes."""
