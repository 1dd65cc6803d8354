"""Tests the small copies of large mattes: contents, when they exist, and that none is partial or stale."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.errors import StoreError
from blender_cutout.core.images.preview import LONG_SIDE, preview_path
from blender_cutout.core.session import store as module
from blender_cutout.core.session.store import MatteStore

LARGE = (1200, 1600)


def disc(size: tuple[int, int], x: float = 0.3) -> np.ndarray:
    """Returns a soft disc, off centre so that mirroring shows."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    apart = np.hypot(columns - x * size[1], rows - 0.6 * size[0])
    return np.clip((size[0] / 4 - apart) / 8 + 0.5, 0, 1).astype(np.float32)


def small(path: Path) -> np.ndarray:
    grey = cv2.imread(str(preview_path(path)), cv2.IMREAD_UNCHANGED)
    assert grey.dtype == np.uint8
    return grey / 255


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080), (2160, 3840), (3, 4000)])
def test_the_copy_shows_the_matte_smaller(tmp_path: Path, size: tuple[int, int]) -> None:
    matte = disc(size)
    seen = small(MatteStore(tmp_path).write("op", 3, matte))
    assert max(seen.shape) == LONG_SIDE
    assert seen.shape == tuple(max(1, round(side * LONG_SIDE / max(size))) for side in size)
    expected = cv2.resize(matte, seen.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(seen - expected).max() <= 4 / 255
    assert {seen.min(), seen.max()} <= {0.0, 1.0} or min(size) == 3, "surely in and surely out stay so"


def test_faint_noise_is_not_kept_and_the_file_stays_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).random((1080, 1920), np.float32) / 255 * 1.5
    path = MatteStore(tmp_path).write("op", 0, noise)
    assert not small(path).any()
    assert preview_path(path).stat().st_size < 10_000


def test_a_small_matte_has_none(tmp_path: Path) -> None:
    path = MatteStore(tmp_path).write("op", 0, disc((540, LONG_SIDE)))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_matte_itself_is_unchanged_by_it(tmp_path: Path) -> None:
    store = MatteStore(tmp_path)
    matte = disc(LARGE)
    store.write("op", 0, matte)
    np.testing.assert_allclose(store.read("op", 0), matte, atol=0.5 / 255 + 1e-6)
    assert store.frames("op") == MatteStore(tmp_path).frames("op") == {0}


def test_when_the_copy_cannot_be_written_no_old_one_is_left_to_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MatteStore(tmp_path)
    path = store.write("op", 0, disc(LARGE))

    def full(source: object, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("blender_cutout.core.atomic.os.replace", full)
        with pytest.raises(StoreError, match="No space left"):
            store.write("op", 0, disc(LARGE, 0.7))
    assert not preview_path(path).exists()
    np.testing.assert_allclose(store.read("op", 0), disc(LARGE), atol=0.5 / 255 + 1e-6)
    assert not list(tmp_path.rglob("*.part"))


def test_the_copy_is_announced_before_the_matte_is_there_and_goes_with_it_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MatteStore(tmp_path)
    written: list[tuple[str, bool, bool]] = []

    def early(path: Path) -> None:
        written.append((path.name, preview_path(path).exists(), path.exists()))

    store.write("op", 0, disc((540, LONG_SIDE)), early)
    assert not written, "a small one has no copy"
    store.write("op", 1, disc(LARGE), early)
    assert written == [("000001.png", True, False)]

    def full(*_: object) -> None:
        raise StoreError("The disk is full.", "")

    monkeypatch.setattr(module, "write_png", full)
    with pytest.raises(StoreError):
        store.write("op", 2, disc(LARGE), early)
    assert len(written) == 2
    assert not preview_path(store.path("op", 2)).exists()
    assert store.frames("op") == {0, 1}


def test_what_a_crash_left_half_written_is_removed(tmp_path: Path) -> None:
    path = MatteStore(tmp_path).write("op", 0, disc(LARGE))
    leftover = preview_path(path).with_name(f".000000.png.{os.getpid()}.part")
    leftover.write_bytes(b"half")
    assert MatteStore(tmp_path).frames("op") == {0}
    assert not leftover.exists()


def test_a_copy_is_not_written_nor_removed_through_a_link(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "000000.png").write_bytes(b"mine")
    (private / ".000000.png.12.part").write_bytes(b"mine")
    store = MatteStore(tmp_path / "mattes")
    path = store.write("a" * 16, 0, disc(LARGE))
    shutil.rmtree(path.parent / "small")
    (path.parent / "small").symlink_to(private)
    again = MatteStore(tmp_path / "mattes")
    assert again.frames("a" * 16) == {0}
    again.write("a" * 16, 0, disc(LARGE, 0.4))
    again.remove("a" * 16, 0)
    assert sorted(p.read_bytes() for p in private.iterdir()) == [b"mine"] * 2
