"""Tests what Blender reads of a journal when it opens a file: where it ends, and how far that is from the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blender_cutout.core.session import journal_end
from blender_cutout.core.session.actions import Operation, Round
from blender_cutout.core.session.journal import ROOT, Journal
from blender_cutout.core.session.journal_end import read_end
from blender_cutout.core.types import Label, Stroke

IDS = [f"{n:016x}" for n in range(1, 6)]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of five rounds."""
    made, parent = Journal(tmp_path / "rounds.jsonl"), ROOT
    for frame, name in enumerate(IDS):
        made.append(Operation(name, parent, Round(frame, (Stroke([(1.0, 2.0)], 3.0, Label.KEEP),))))
        parent = name
    return made


@pytest.mark.parametrize(("known", "later"), [(IDS[4], 0), (IDS[2], 2), (ROOT, 5), ("f" * 16, -1)])
def test_the_end_says_how_many_steps_came_later(journal: Journal, known: str, later: int) -> None:
    end = read_end(journal.path, known)
    assert end is not None
    assert (end.head, end.later) == (IDS[4], later)


def test_a_move_of_the_head_is_no_step(journal: Journal) -> None:
    journal.move_head(IDS[1])
    end = read_end(journal.path, IDS[4])
    assert end is not None
    assert (end.head, end.later) == (IDS[1], 0)


def test_a_line_that_was_not_written_completely_is_left_out(journal: Journal) -> None:
    text = journal.path.read_bytes()
    journal.path.write_bytes(text[:-40])
    end = read_end(journal.path, IDS[0])
    assert end is not None
    assert (end.head, end.later) == (IDS[3], 3)


def test_only_the_end_of_a_long_journal_is_read(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_end, "_READ", 500)
    end = read_end(journal.path, IDS[0])
    assert end is not None
    assert (end.head, end.later) == (IDS[4], -1)


@pytest.mark.parametrize("head", ["../../x", 7, None, "F" * 16])
def test_a_head_that_is_no_id_is_left_out(journal: Journal, head: object) -> None:
    with journal.path.open("a") as file:
        file.write(json.dumps({"sum": "00000000", "record": {"head": head}}) + "\n")
    end = read_end(journal.path, IDS[4])
    assert end is not None
    assert end.head == IDS[4]


def test_without_a_journal_there_is_no_end(tmp_path: Path) -> None:
    assert read_end(tmp_path / "rounds.jsonl", "") is None
    (tmp_path / "rounds.jsonl").write_bytes(b"\xff\n\n[1]\n")
    assert read_end(tmp_path / "rounds.jsonl", "") is None
