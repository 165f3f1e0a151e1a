"""Fault drills: real processes, real clients, injected faults, checkers that look from outside."""
