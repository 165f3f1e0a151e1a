"""The pages below `/admin/`: the state of the system, and what operators and moderators do, by actions alone."""
