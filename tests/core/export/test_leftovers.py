"""Exports use temporary names that nobody can guess or block; what a killed one left goes, what is not ours stays."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from blender_cutout.core import atomic
from blender_cutout.core.errors import StoreError
from blender_cutout.core.export import sequence
from blender_cutout.core.export.movie_writer import MovieWriter
from blender_cutout.core.export.sequence import write_sequence

SIZE = (6, 8)
MATTE = np.ones(SIZE, np.float32)
SET = ["000001.png", "000002.png"]


def export(folder: Path, count: int = 2) -> None:
    assert len(list(write_sequence(iter([MATTE] * count), range(count), SIZE, folder))) == count


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a file of the artist's, next to the exports."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("dear")
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", [".matte.new", ".matte.old"])
def test_a_link_under_an_old_temporary_name_neither_blocks_an_export_nor_is_followed(
    place: Path, outside: Path, name: str
) -> None:
    export(place / "matte")
    (place / name).symlink_to(outside)
    export(place / "matte", 1)
    assert names(place / "matte") == SET[:1]
    assert names(place) == [name, "matte"]
    assert names(outside) == ["thesis.txt"]


@pytest.mark.parametrize("name", [".matte.new", ".matte.old", ".matte.1a2b3c4d.new", ".matte.1a2b3c4d.old"])
def test_a_folder_with_other_files_under_a_temporary_name_stays(place: Path, name: str) -> None:
    (place / name / "000001.png").mkdir(parents=True)
    (place / name / "000001.png" / "thesis.txt").write_text("dear")
    export(place / "matte")
    export(place / "matte", 1)
    assert (place / name / "000001.png" / "thesis.txt").read_text() == "dear"
    assert names(place) == [name, "matte"]


@pytest.mark.parametrize("name", [".matte.new", ".matte.old", ".matte.1a2b3c4d.new", ".matte.1a2b3c4d.old"])
def test_what_a_killed_export_left_goes_with_the_next_one(place: Path, name: str) -> None:
    export(place / name)
    export(place / "other")
    export(place / "matte")
    assert names(place) == ["matte", "other"]


def test_the_replaced_set_of_a_killed_export_stays_until_there_is_a_new_one(place: Path) -> None:
    export(place / ".matte.1a2b3c4d.old")
    steps = write_sequence(iter([MATTE] * 2), range(2), SIZE, place / "matte")
    next(steps)
    steps.close()
    assert names(place) == [".matte.1a2b3c4d.old"]


def test_a_set_that_cannot_be_swapped_in_leaves_the_old_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(place / "matte")
    rename = os.rename

    def refused(source: Path, target: Path) -> None:
        if source.name.endswith(atomic.NEW):
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(sequence.os, "rename", refused)
    with pytest.raises(StoreError, match="matte"):
        export(place / "matte", 1)
    assert names(place / "matte") == SET
    assert names(place) == ["matte"]


def film(path: Path) -> None:
    with MovieWriter(path, (48, 64), 25) as writer:
        writer.write(np.full((48, 64, 3), 90, np.uint8))


def test_a_link_under_a_films_old_temporary_name_is_not_written_through(place: Path, outside: Path) -> None:
    (place / ".film.mkv.part").symlink_to(outside / "thesis.txt")
    film(place / "film.mkv")
    assert (outside / "thesis.txt").read_text() == "dear"
    assert (place / "film.mkv").stat().st_size > 0


def test_what_a_killed_film_left_goes_with_the_next_one(place: Path) -> None:
    for name in (".film.mkv.1a2b3c4d.part", ".other.mkv.1a2b3c4d.part"):
        (place / name).write_bytes(b"half")
    film(place / "film.mkv")
    assert names(place) == [".other.mkv.1a2b3c4d.part", "film.mkv"]
