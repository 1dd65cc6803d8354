"""Tests mattes on disk."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from blender_cutout.core.errors import StoreError
from blender_cutout.core.session.store import LazyMattes, MatteStore, store_errors


def ramp(value: float = 1.0) -> np.ndarray:
    return np.linspace(0, value, 60, dtype=np.float32).reshape(6, 10)


def test_a_written_matte_is_read_back_to_8_bit(tmp_path: Path) -> None:
    store = MatteStore(tmp_path / "Matten Ä")
    path = store.write("op", 7, ramp())
    assert path.name == "000007.png"
    read = store.read("op", 7)
    assert read is not None
    assert read.dtype == np.float32
    assert np.abs(read - ramp()).max() <= 0.5 / 255 + 1e-6


def test_frames_are_those_on_disk_and_leftovers_of_a_crash_are_removed(tmp_path: Path) -> None:
    store = MatteStore(tmp_path)
    for frame in (0, 5, 1_234_567):
        store.write("op", frame, ramp())
    leftover = tmp_path / "op" / ".000009.png.123.part"
    leftover.write_bytes(b"half")
    again = MatteStore(tmp_path)
    assert again.frames("op") == {0, 5, 1_234_567}
    assert again.frames("other") == set()
    assert not leftover.exists()


def test_a_matte_deleted_meanwhile_is_simply_not_there(tmp_path: Path) -> None:
    store = MatteStore(tmp_path)
    store.write("op", 1, ramp()).unlink()
    assert not store.has("op", 1)
    assert store.read("op", 1) is None
    assert store.frames("op") == set()


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_damaged_matte_is_not_there_and_is_removed(tmp_path: Path, content: bytes) -> None:
    store = MatteStore(tmp_path)
    path = store.write("op", 1, ramp())
    path.write_bytes(content)
    assert store.read("op", 1) is None
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_a_store_error_with_the_path(tmp_path: Path) -> None:
    blocker = tmp_path / "mattes"
    blocker.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="mattes"):
        MatteStore(blocker).write("op", 1, ramp())


def test_disk_full_says_so() -> None:
    with pytest.raises(StoreError, match="disk is full") as caught, store_errors(Path("there")):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "Free some space" in caught.value.hint


def test_lazy_mattes_read_only_what_is_asked_for() -> None:
    asked = []

    def read(frame: int) -> np.ndarray | None:
        asked.append(frame)
        return None if frame == 9 else np.full((1, 1), frame, np.float32)

    mattes = LazyMattes((2, 4, 9), read)
    assert list(mattes) == [2, 4, 9]
    assert len(mattes) == 3
    assert 4 in mattes
    assert asked == []
    assert mattes[4][0, 0] == 4
    assert mattes.get(5) is None
    assert asked == [4]
    with pytest.raises(KeyError):
        mattes[9]


def test_the_last_matte_is_not_read_again_but_only_as_long_as_its_file_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.core.session import store as module

    read: list[Path] = []
    real = module.read_grey
    monkeypatch.setattr(module, "read_grey", lambda path, size=None: read.append(path) or real(path, size))
    store, fresh = MatteStore(tmp_path), MatteStore(tmp_path)
    rough = np.random.default_rng(2).random((40, 60), np.float32) * 1.2 - 0.1
    path = store.write("op", 1, np.clip(rough, 0, 1))
    np.testing.assert_array_equal(store.read("op", 1), fresh.read("op", 1), "to the bit what the file says")
    assert read == [path], "only the store that did not write it reads it"
    fresh.write("op", 1, ramp())
    np.testing.assert_allclose(store.read("op", 1), ramp(), atol=0.51 / 255)
    assert store.read("op", 2) is None
    path.unlink()
    assert store.read("op", 1) is None
