"""The head hint."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from holdfast.tree.hint import HeadHint, bump


def test_a_missing_hint_is_made_and_says_nothing_yet(tmp_path: Path) -> None:
    hint = HeadHint(tmp_path / "head")

    assert (0, 0o600) == (hint.value, (tmp_path / "head").stat().st_mode & 0o777)


def test_a_bump_is_seen_by_open_hints_and_never_goes_back(tmp_path: Path) -> None:
    hint = HeadHint(tmp_path / "head")
    seen = []
    for serial in (7, 3, 8, 8, 2**40):
        bump(tmp_path / "head", serial)
        seen.append(hint.value)

    assert [7, 7, 8, 8, 2**40] == seen
    assert 2**40 == HeadHint(tmp_path / "head").value


def test_racing_publishers_leave_the_highest(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda serial: bump(tmp_path / "head", serial), range(1, 401)))

    assert 400 == HeadHint(tmp_path / "head").value


def test_a_replaced_file_only_costs_freshness(tmp_path: Path) -> None:
    hint = HeadHint(tmp_path / "head")
    bump(tmp_path / "head", 5)
    (tmp_path / "head").unlink()
    bump(tmp_path / "head", 9)

    assert (5, 9) == (hint.value, HeadHint(tmp_path / "head").value)
    hint.close()


def test_a_cut_file_is_mended(tmp_path: Path) -> None:
    (tmp_path / "head").write_bytes(b"\0\0")
    bump(tmp_path / "head", 5)

    assert 5 == HeadHint(tmp_path / "head").value
