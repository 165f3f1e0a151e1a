"""Who answers for a name: the whole table of what may be known, and the patterns that keep names at home."""

from itertools import product

import pytest

from holdfast.core.precedence import (
    Action,
    Creation,
    CreationDecision,
    Decision,
    Hosted,
    Layer,
    decide,
    decide_creation,
    is_asked_for,
    is_name_pattern,
    matches_pattern,
    standing,
)

ALL_LAYERS = [(("one", one), ("two", two)) for one, two in product(Layer, repeat=2)]
FALLS_THROUGH = (Hosted.UNKNOWN, Hosted.GONE_RELEASED)


@pytest.mark.parametrize("layers", [(), *ALL_LAYERS])
@pytest.mark.parametrize("reserved", [False, True])
@pytest.mark.parametrize(
    ("hosted", "action"),
    [
        (Hosted.PRESENT, Action.SERVE_HOSTED),
        (Hosted.GONE_OWNED, Action.ABSENT),
        (Hosted.UNKNOWABLE, Action.UNAVAILABLE),
    ],
)
def test_what_the_hosted_index_owns_or_cannot_tell_is_never_asked_of_a_layer(hosted, action, reserved, layers):
    decision = decide(hosted, reserved=reserved, layers=layers)

    assert decision.action is action
    assert decision.layer == ""


@pytest.mark.parametrize("layers", [(), *ALL_LAYERS])
@pytest.mark.parametrize("hosted", FALLS_THROUGH)
def test_a_reserved_name_is_absent_whatever_the_layers_have(hosted, layers):
    assert decide(hosted, reserved=True, layers=layers).action is Action.ABSENT


@pytest.mark.parametrize("hosted", FALLS_THROUGH)
@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), (Action.ABSENT, "")),
        ((Layer.UNASKED,), (Action.ASK_LAYER, "one")),
        ((Layer.PRESENT,), (Action.SERVE_LAYER, "one")),
        ((Layer.ABSENT,), (Action.ABSENT, "")),
        ((Layer.UNAVAILABLE,), (Action.UNAVAILABLE, "")),
        ((Layer.UNASKED, Layer.PRESENT), (Action.ASK_LAYER, "one")),
        ((Layer.PRESENT, Layer.UNAVAILABLE), (Action.SERVE_LAYER, "one")),
        ((Layer.ABSENT, Layer.UNASKED), (Action.ASK_LAYER, "two")),
        ((Layer.ABSENT, Layer.PRESENT), (Action.SERVE_LAYER, "two")),
        ((Layer.ABSENT, Layer.ABSENT), (Action.ABSENT, "")),
        ((Layer.ABSENT, Layer.UNAVAILABLE), (Action.UNAVAILABLE, "")),
        # the heart of it: a layer in trouble hides the ones below it
        ((Layer.UNAVAILABLE, Layer.PRESENT), (Action.UNAVAILABLE, "")),
        ((Layer.UNAVAILABLE, Layer.UNASKED), (Action.UNAVAILABLE, "")),
        # so does one that owns the name and has nothing under it
        ((Layer.CLAIMED, Layer.PRESENT), (Action.ABSENT, "")),
        ((Layer.CLAIMED, Layer.UNASKED), (Action.ABSENT, "")),
        ((Layer.ABSENT, Layer.CLAIMED), (Action.ABSENT, "")),
    ],
)
def test_only_a_known_absence_falls_through_to_the_next_layer(hosted, states, expected):
    decision = decide(hosted, reserved=False, layers=tuple(zip(("one", "two"), states, strict=False)))

    assert expected == (decision.action, decision.layer)


def test_an_unavailable_layer_is_named():
    assert decide(Hosted.UNKNOWN, reserved=False, layers=[("mirror", Layer.UNAVAILABLE)]) == Decision(
        Action.UNAVAILABLE, reason="mirror cannot be asked for the project right now"
    )


@pytest.mark.parametrize("hosted", Hosted)
@pytest.mark.parametrize("reserved", [False, True])
@pytest.mark.parametrize("layers", [(), *ALL_LAYERS])
def test_every_refusal_says_why(hosted, reserved, layers):
    decision = decide(hosted, reserved=reserved, layers=layers)

    assert bool(decision.reason) == (decision.action in (Action.ABSENT, Action.UNAVAILABLE))
    assert bool(decision.layer) == (decision.action in (Action.SERVE_LAYER, Action.ASK_LAYER))


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), CreationDecision(Creation.ALLOWED)),
        ((Layer.ABSENT, Layer.ABSENT), CreationDecision(Creation.ALLOWED)),
        ((Layer.UNASKED,), CreationDecision(Creation.ASK_LAYER, "one")),
        ((Layer.PRESENT,), CreationDecision(Creation.SHADOWS, "one")),
        ((Layer.ABSENT, Layer.PRESENT), CreationDecision(Creation.SHADOWS, "two")),
        ((Layer.ABSENT, Layer.UNASKED), CreationDecision(Creation.ASK_LAYER, "two")),
        ((Layer.UNAVAILABLE, Layer.ABSENT), CreationDecision(Creation.UNAVAILABLE, "one")),
        ((Layer.UNAVAILABLE, Layer.PRESENT), CreationDecision(Creation.UNAVAILABLE, "one")),
        ((Layer.CLAIMED, Layer.ABSENT), CreationDecision(Creation.SHADOWS, "one")),
    ],
)
def test_creating_a_name_a_layer_has_needs_a_grant(states, expected):
    layers = tuple(zip(("one", "two"), states, strict=False))

    assert expected == decide_creation(reserved=False, shadow=False, layers=layers)


@pytest.mark.parametrize("layers", ALL_LAYERS)
@pytest.mark.parametrize(("reserved", "shadow"), [(True, False), (False, True), (True, True)])
def test_a_grant_or_a_reserved_name_asks_nobody(reserved, shadow, layers):
    assert decide_creation(reserved=reserved, shadow=shadow, layers=layers) == CreationDecision(Creation.ALLOWED)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("acme-*", ["acme-x", "acme-x-y", "acme-"], ["acme", "acmex", "x-acme-y", "acm"]),
        ("acme*", ["acme", "acme-x", "acmex"], ["xacme"]),
        ("*-internal", ["a-internal", "a-b-internal"], ["internal", "internal-a", "a-internals"]),
        ("acme", ["acme"], ["acme-x", "xacme", ""]),
        ("Acme_Tools.*", ["acme-tools-x"], ["acme-tools", "acme-toolsx"]),
        ("*", ["a", "anything-else"], []),
        ("a*b*c", ["abc", "axbyc", "a-b-c-c"], ["ac", "acb", "abcd", "ab"]),
        ("a*a", ["aa", "axa"], ["a"]),
        ("a*bc*c", ["abcc", "abcxc"], ["abc"]),
        ("a**b", ["ab", "axb"], ["a"]),
        ("a?b", [], ["axb"]),
        ("[ab]", [], ["a"]),
        ("a.b", ["a-b"], ["axb"]),
    ],
)
def test_only_the_star_is_special_in_a_pattern(pattern, matching, others):
    assert matching == [name for name in (*matching, *others) if matches_pattern(name, (pattern,))]


def test_any_of_the_patterns_will_do():
    assert matches_pattern("b-x", ("a-*", "b-*"))
    assert not matches_pattern("c-x", ("a-*", "b-*"))
    assert not matches_pattern("c-x", ())


def test_a_pattern_of_many_stars_costs_no_more_than_its_length():
    assert not matches_pattern("a" * 200, ("a*" * 99 + "b",))


@pytest.mark.parametrize("text", ["acme-*", "*", "acme", "*-internal", "A.b_*", "a*b"])
def test_patterns_are_names_with_stars(text):
    assert is_name_pattern(text)


@pytest.mark.parametrize("text", ["", "acme-", "-*-x-", "a b", "a?", "a/b", "é*", "a" * 201, "[a]*", "*\n"])
def test_what_is_no_name_with_stars_is_no_pattern(text):
    assert not is_name_pattern(text)


@pytest.mark.parametrize(
    ("hosted", "unreserved", "reserved"),
    [
        (Hosted.PRESENT, Layer.PRESENT, Layer.PRESENT),
        (Hosted.GONE_OWNED, Layer.CLAIMED, Layer.CLAIMED),
        (Hosted.GONE_RELEASED, Layer.ABSENT, Layer.CLAIMED),
        (Hosted.UNKNOWN, Layer.ABSENT, Layer.CLAIMED),
        (Hosted.UNKNOWABLE, Layer.UNAVAILABLE, Layer.UNAVAILABLE),
    ],
)
def test_a_hosted_index_keeps_its_names_from_the_layers_below_it_wherever_it_lies(hosted, unreserved, reserved):
    assert (unreserved, reserved) == (standing(hosted, reserved=False), standing(hosted, reserved=True))


@pytest.mark.parametrize(
    ("only", "except_", "asked"),
    [
        ((), (), ["torch", "torchvision", "numpy"]),
        (("torch*",), (), ["torch", "torchvision"]),
        ((), ("torch*",), ["numpy"]),
        (("torch*",), ("torchvision",), ["torch"]),
    ],
)
def test_an_upstream_is_asked_only_for_the_names_its_patterns_leave_it(only, except_, asked):
    names = ["torch", "torchvision", "numpy"]

    assert asked == [name for name in names if is_asked_for(name, only=only, except_=except_)]
