"""The pull process: everything that talks to an upstream index, kept apart so that it can hang alone."""
