"""Argon2 made cheap: tests make and check passwords by the hundred, and what one costs is not their subject."""

from holdfast.control.accounts.hashing import BoundedArgon2


class QuickArgon2(BoundedArgon2):
    """The real one in every other respect: its queues, its format, its salt."""

    memory_cost = 64  # KiB
