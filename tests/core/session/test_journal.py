"""Tests that the journal survives damage to its file."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from blender_cutout.core.errors import StoreError
from blender_cutout.core.session import journal as module
from blender_cutout.core.session.actions import Import, Lost, Operation, Propagation, Round
from blender_cutout.core.session.journal import ROOT, Journal
from blender_cutout.core.types import Direction, FrameRange, Label, Stroke

A, B, C, D, E, X = (digit * 16 for digit in "abcdef")
DRAWN = Round(3, (Stroke([(1.5, 2.25), (1e-7, 1 / 3)], 4.2, Label.REMOVE),), zoom=2.5)
STEPS = [
    Operation(A, ROOT, Round(3, auto=True)),
    Operation(B, A, DRAWN),
    Operation(C, B, Propagation(FrameRange(0, 40), Direction.BACKWARD)),
]
GIVEN = Operation(E, C, Import({7: "ab12" * 6, 3: "cd34" * 6}, "old masks"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "Größe und Raum 中"
    folder.mkdir()
    journal = Journal(folder / "rounds.jsonl")
    for step in STEPS:
        journal.append(step)
    return journal.path


def test_what_was_recorded_is_there_again_to_the_last_digit(path: Path) -> None:
    again = Journal(path)
    assert again.chain() == STEPS[::-1]
    assert again.head == C
    assert again.warnings == []
    again.append(GIVEN)
    assert Journal(path).chain() == [GIVEN, *STEPS[::-1]]


def test_a_moved_head_is_remembered_and_a_new_branch_keeps_the_old_one(path: Path) -> None:
    journal = Journal(path)
    journal.move_head(A)
    journal.append(Operation(D, A, DRAWN))
    again = Journal(path)
    assert [op.id for op in again.chain()] == [D, A]
    assert [op.id for op in again.chain(C)] == [C, B, A]
    again.move_head(ROOT)
    assert Journal(path).head == ROOT


@pytest.mark.parametrize("cut", [1, 2, 20, 60])
def test_a_torn_last_line_costs_that_line_only(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    again = Journal(path)
    assert again.head == B
    assert "not written completely" in again.warnings[0]
    again.append(STEPS[2])
    third = Journal(path)
    assert (third.head, third.warnings) == (C, [])


def test_a_line_of_zeros_after_a_power_cut_is_a_torn_line(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0" * 512)
    assert Journal(path).head == C


def test_one_changed_digit_is_noticed(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b'"stop":40', b'"stop":41')
    path.write_bytes(b"".join(lines))
    assert Journal(path).head == B


def test_damage_in_the_middle_costs_that_line_only_and_a_copy_of_everything_is_kept(path: Path) -> None:
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    damaged = lines[0] + b"{" + lines[1][1:].replace(b"2.25", b"9.25") + lines[2]
    path.write_bytes(damaged)
    again = Journal(path)
    assert again.chain() == [STEPS[2], Operation(B, A, Lost()), STEPS[0]]
    assert "damaged: 1 of 3 lines" in again.warnings[0]
    assert (path.parent / "rounds.damaged-1.jsonl").read_bytes() == damaged
    mended = Journal(path)
    assert (mended.warnings, mended.chain()) == ([], again.chain())


def test_a_flipped_bit_anywhere_loses_at_most_its_own_line(path: Path) -> None:
    Journal(path).move_head(A)
    Journal(path).append(Operation(D, A, DRAWN))
    whole, everything = path.read_bytes(), Journal(path).operations
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        again = Journal(path)
        if again.operations == everything and not again.warnings:
            continue  # 1E-07 for 1e-07: another way to write the same
        known = {i: op for i, op in again.operations.items() if not isinstance(op.action, Lost)}
        assert len(known) >= 3, place
        assert all(op in (*STEPS, Operation(D, A, DRAWN)) or op.parent != A for op in known.values()), place
        assert again.head in (D, C, A), place
        assert len(again.warnings) == 1, place
        if "not written completely" in again.warnings[0]:
            assert place == len(whole) - 1, "the end of the last line"
            continue
        [copy] = path.parent.glob("*damaged*")
        assert copy.read_bytes() == damaged, "nothing is thrown away"
        copy.unlink()


def test_a_journal_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    newer = path.read_bytes() + module._encoded({"id": D, "parent": C, "action": "something new"})
    path.write_bytes(newer)
    with pytest.raises(StoreError, match="something new") as caught:
        Journal(path)
    assert "update" in caught.value.hint
    assert path.read_bytes() == newer
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_parent_that_is_not_known_is_damage(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    with pytest.raises(ValueError, match="unknown parent"):
        journal._apply({"id": X, "parent": "0" * 16, "action": "round"})


def test_a_full_disk_leaves_the_journal_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    journal = Journal(path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        journal.append(Operation(D, C, DRAWN))
    assert str(path) in caught.value.text
    assert caught.value.hint
    assert path.read_bytes() == before
    assert journal.head == C
    assert D not in journal.operations


def test_every_line_is_json_for_other_tools(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        assert set(json.loads(line)) == {"sum", "record"}
