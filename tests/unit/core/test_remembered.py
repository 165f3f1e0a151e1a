"""What was made of each item: asked for once, and never another than it would be anew."""

import pytest

from holdfast.core.remembered import Remembered


class Making:
    """Makes a text of every item, and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[list[str]], tuple[str, ...]]] = []

    def __call__(self, items: list[list[str]], *place: str) -> list[str]:
        self.asked.append((items, place))
        return ["+".join([*place, *item]) for item in items]


ONE, TWO, THREE = ["one"], ["two"], ["three"]


def test_only_new_items_are_made_in_whatever_order_all_come():
    making = Making()
    remembered = Remembered(making, is_same=True)

    assert ["p+one", "p+two"] == remembered([ONE, TWO], "p")
    assert ["p+two", "p+three", "p+one"] == remembered([TWO, THREE, ONE], "p")
    assert ["p+one"] == remembered([ONE], "p")
    assert [([ONE, TWO], ("p",)), ([THREE], ("p",))] == making.asked


def test_what_the_last_list_left_out_is_forgotten_and_takes_no_memory():
    making = Making()
    remembered = Remembered(making, is_same=True)
    remembered([ONE, TWO], "p")
    both = remembered.bytes_made
    remembered([ONE], "p")

    assert (1, 0 < remembered.bytes_made < both) == (len(remembered), True)
    remembered([ONE, TWO], "p")
    assert ([TWO], ("p",)) == making.asked[-1]
    assert both == remembered.bytes_made


def test_nothing_is_remembered_in_another_place():
    remembered = Remembered(Making(), is_same=True)
    remembered([ONE], "p")

    assert ["q+one"] == remembered([ONE], "q")
    assert ["p+one"] == remembered([ONE], "p")


def test_an_equal_item_is_another_one_only_where_the_same_object_is_asked_for():
    making = Making()
    same = Remembered(making, is_same=True)
    equal = Remembered(lambda items: [text.upper() for text in items])

    same([["one"]], "p")
    same([["one"]], "p")
    assert 2 == len(making.asked)
    assert ["ONE", "ONE"] == equal(["one", "one"])
    assert 1 == len(equal)


def test_what_cannot_be_made_leaves_all_as_it_was():
    def refuse(items: list[list[str]], *_place: str) -> list[str]:
        if THREE in items:
            raise ValueError("three")
        return making(items)

    making = Making()
    remembered = Remembered(refuse, is_same=True)
    remembered([ONE, TWO])
    with pytest.raises(ValueError, match="three"):
        remembered([ONE, THREE])

    assert ["one", "two"] == remembered([ONE, TWO])
    assert 1 == len(making.asked)
