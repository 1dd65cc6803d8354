"""Tests masks read in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from blender_cutout.core.images.matte import to_png
from blender_cutout.formats.png import read_grey
from blender_cutout.ui.mask_reader import Reader

Key = tuple[str, int]
Masks = Reader[Key, np.ndarray]


def pixels(key: Key) -> np.ndarray:
    return read_grey(Path(key[0]))


@pytest.fixture
def reader() -> Iterator[Masks]:
    reader = Reader(pixels)
    yield reader
    reader.close()
    assert not reader.busy


def mask(folder: Path, number: int) -> Key:
    path = folder / f"{number:06d}.png"
    path.write_bytes(to_png(np.full((30, 40), number / 255, np.float32)))
    return str(path), path.stat().st_mtime_ns


def wait(reader: Masks) -> None:
    end = time.monotonic() + 120
    while reader.busy and time.monotonic() < end:
        time.sleep(0.002)
    assert not reader.busy


def test_a_mask_is_there_after_a_while_and_read_once(
    tmp_path: Path, reader: Masks, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Key] = []
    monkeypatch.setattr(reader, "_do_read", lambda key: read.append(key) or pixels(key))
    key = mask(tmp_path, 9)
    assert reader.get(key) is None
    wait(reader)
    for _ in range(3):
        found = reader.get(key)
        assert found is not None
        assert found.shape == (30, 40)
        assert (found == 9).all()
    assert len(read) == 1


def test_only_the_mask_asked_for_last_is_read_after_the_one_under_way(
    tmp_path: Path, reader: Masks, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    gate = threading.Event()

    def slow(key: Key) -> np.ndarray:
        read.append(Path(key[0]).name)
        gate.wait(120)
        return pixels(key)

    monkeypatch.setattr(reader, "_do_read", slow)
    keys = [mask(tmp_path, number) for number in range(5)]
    reader.get(keys[0])
    while not read:
        time.sleep(0.001)
    for key in keys[1:]:
        assert reader.get(key) is None
    gate.set()
    wait(reader)
    assert read == ["000000.png", "000004.png"]
    assert (reader.get(keys[4]) == 4).all()


def test_who_is_patient_gets_it_at_once_and_nobody_waits_longer(
    tmp_path: Path, reader: Masks, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reader.get(mask(tmp_path, 7), patience=60)
    assert found is not None
    assert (found == 7).all()
    gate = threading.Event()
    monkeypatch.setattr(reader, "_do_read", lambda key: gate.wait(120) and pixels(key))
    began = time.monotonic()
    key = mask(tmp_path, 8)
    assert reader.get(key, patience=0.05) is None
    assert 0.05 <= time.monotonic() - began < 20
    gate.set()
    assert reader.get(key, patience=60) is not None
    assert reader.knows(key)


def test_what_cannot_be_read_is_none_and_not_tried_again(tmp_path: Path, reader: Masks) -> None:
    key = (str(tmp_path / "gone.png"), 1)
    assert reader.get(key) is None
    wait(reader)
    assert reader.get(key) is None
    assert not reader.busy


def test_few_masks_are_kept(tmp_path: Path, reader: Masks) -> None:
    keys = [mask(tmp_path, number) for number in range(6)]
    for key in keys:
        reader.get(key)
        wait(reader)
    assert reader.get(keys[5]) is not None
    assert reader.get(keys[0]) is None
