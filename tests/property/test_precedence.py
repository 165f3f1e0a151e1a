"""Reserved patterns mean what their plain definition says, however fast they are matched."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.precedence import matches_pattern


@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", max_size=8))
def test_a_reserved_pattern_matches_like_the_plain_definition(pattern, name):
    assert matches_pattern(name, (pattern,)) == plain_match(pattern, name)


def plain_match(pattern: str, name: str) -> bool:
    """The definition: a star stands for any characters, even none."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(plain_match(pattern[1:], name[at:]) for at in range(len(name) + 1))
    return name[:1] == pattern[0] and plain_match(pattern[1:], name[1:])
