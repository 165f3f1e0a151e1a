"""Offline readiness: what an installation needs, had in advance; would it succeed with every upstream dead?"""
