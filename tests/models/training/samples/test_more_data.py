"""Tests films with object ids at uneven gaps, and stills of classes: which parts become objects or are ignored."""

from __future__ import annotations

import logging
import shutil
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from blender_cutout.models.training.samples import clips, films
from blender_cutout.models.training.samples.clip_recipe import ClipRecipe
from blender_cutout.models.training.samples.clips import ClipKind
from blender_cutout.models.training.samples.pool import Pool, connected_parts, open_pool, pick_object
from blender_cutout.models.training.samples.sources import Classes

CPU = torch.device("cpu")
PLAIN = ClipRecipe(
    far_anchors=0, pseudo_instances=0, bend=0, colour=0, background=0, paste=0, soften=0, motion_blur=0, compression=0
)
RED, GREEN = (220, 40, 40), (40, 220, 40)


def _frame(shift: int) -> tuple[np.ndarray, np.ndarray]:
    """A red and a green square on grey, with a band of unknown below the red one."""
    image, ids = np.full((120, 160, 3), 90, np.uint8), np.zeros((120, 160), np.uint8)
    for number, (x, colour) in enumerate(((30 + shift, RED), (100 - shift, GREEN)), 1):
        image[40:80, x : x + 40], ids[40:80, x : x + 40] = colour, number
    ids[80:90, 30 + shift : 70 + shift] = 255
    return image, ids


def _palette_png(path: Path, ids: np.ndarray) -> None:
    """Writes a palette PNG (index 1 is dark red), as annotation tools do."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = ids.shape
    colours = bytes(v for i in range(256) for v in ((i * 67) % 256, (i * 31) % 256, i // 2))
    rows = b"".join(b"\0" + row.tobytes() for row in ids)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"PLTE", colours), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def _film(root: Path, name: str, numbers: tuple[int, ...]) -> None:
    for folder in ("frames", "masks"):
        (root / name / folder).mkdir(parents=True)
    for t, number in enumerate(numbers):
        image, ids = _frame(2 * t)
        cv2.imwrite(str(root / name / "frames" / f"{number:05d}.webp"), image[..., ::-1])
        _palette_png(root / name / "masks" / f"{number:05d}.png", ids)


@pytest.fixture(scope="module")
def more(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("more") / "data"
    shutil.copytree(data, root)
    video = root / "video-train-2"
    _film(video, "sav__pair", (0, 1, 2, 12, 40, 41))
    _film(video, "sbi__movers", (0, 16, 32))
    rows = ("sequence,set,grade,annotated_frames,objects", "sav__pair,sav,A,6,2", "sbi__movers,sbi,B,3,1")
    (video / "index.csv").write_text("\n".join(rows))
    for name in ("oxford_pets600", "msrc591"):
        for folder in ("images", "masks"):
            (root / "stills-2" / name / folder).mkdir(parents=True)
        image, ids = _frame(0)
        cv2.imwrite(str(root / "stills-2" / name / "images" / "one.webp"), image[..., ::-1])
        classes = np.where(ids == 1, 11, np.where(ids == 2, 7, ids)).astype(np.uint8)  # face; sky
        classes[20:40, 30:70] = 22  # body
        cv2.imwrite(str(root / "stills-2" / name / "masks" / "one.png"), classes if name == "msrc591" else ids)
    return root


@pytest.fixture(scope="module")
def wide(more: Path, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return open_pool(more, tmp_path_factory.mktemp("wide"))


def test_a_film_keeps_its_ids_and_the_numbers_of_its_frames(wide: Pool) -> None:
    frames = [wide[index] for index in wide.sequences["sav__pair"]]
    assert [f.entry.frame for f in frames] == [0, 1, 2, 12, 40, 41]
    objects = frames[0].objects()
    assert list(objects) == [1, 2]
    assert objects[1][60, 50]
    assert objects[2][60, 120]
    unknown = frames[0].unknown()
    assert unknown is not None
    assert unknown.sum() == 400
    assert not (unknown & frames[0].visible()).any()


def test_a_film_of_all_movers_in_one_id_gives_stills_of_its_parts(wide: Pool) -> None:
    assert "sbi__movers" not in wide.sequences
    picture = wide[wide.by_set["movers"][0]]
    assert len(picture.objects()) == 2
    assert picture.entry.accuracy_group == 2
    assert {float(pick_object(picture, np.random.default_rng(s)).mean()) for s in range(6)} == {1600 / 19200}  # type: ignore[union-attr]


def test_classes_become_connected_parts_without_sky_and_a_face_is_of_its_body(wide: Pool) -> None:
    picture = wide[wide.by_set["msrc591"][0]]
    assert {i: int(m.sum()) for i, m in picture.objects().items()} == {1: 40 * 60}
    assert wide[wide.by_set["oxford_pets600"][0]].unknown() is not None
    classes = np.zeros((100, 100), np.uint8)
    classes[10:30, 10:30] = classes[10:30, 50:90] = classes[60:62, 60:62] = 3
    parts = connected_parts(classes, Classes())
    assert [int((parts == i).sum()) for i in (1, 2, 3)] == [800, 400, 0]


def test_two_objects_of_a_clip_are_a_films_own(wide: Pool) -> None:
    only = _only(wide, "sav__pair")
    for seed in range(5):
        clip = clips.video_clip(only, np.random.default_rng(seed), ClipKind(3, 96, 2, CPU), PLAIN)
        colours = [(clip.images[0] * (m > 0.95)).sum(dim=(1, 2)).argmax().item() for m in clip.mattes[0]]
        assert sorted(colours) == [0, 1]  # one is red, one is green


def test_over_a_gap_of_many_frames_there_is_no_hint(wide: Pool) -> None:
    only = _only(wide, "sav__pair")
    known = set()
    for seed in range(30):
        clip = clips.video_clip(only, np.random.default_rng(seed), ClipKind(3, 48, 1, CPU), PLAIN)
        known.add(tuple(clip.known.tolist()))
    assert {(1.0, 1.0, 1.0), (1.0, 0.0, 1.0)} & known
    assert any(0.0 in k for k in known)
    assert films.widest_gap(np.array([0, 16, 32])) == 2
    assert films.widest_gap(np.array([0, 1, 2, 12])) == films.WIDEST_GAPS


def test_what_is_unknown_follows_its_picture_and_does_not_count(wide: Pool) -> None:
    batch = clips.clip_batch(_only(wide, "sav__pair"), np.random.default_rng(1), 4, ClipKind(3, 96, 1, CPU), 1.0, PLAIN)
    assert batch.certain is not None
    assert 0.0 < float((batch.certain < 0.5).float().mean()) < 0.2
    assert float(((batch.certain < 0.5) & (batch.mattes[:, :, 0] > 0.5)).float().mean()) < 0.01
    plain = clips.clip_batch(_only(wide, "ball"), np.random.default_rng(1), 2, ClipKind(3, 96, 1, CPU), 1.0, PLAIN)
    assert plain.certain is None


def test_damaged_films_and_stills_are_reported_and_skipped(
    more: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(more, bad)
    masks = bad / "video-train-2" / "sav__pair" / "masks"
    (masks / "00001.png").write_bytes((masks / "00001.png").read_bytes()[:90])
    (bad / "stills-2" / "msrc591" / "masks" / "one.png").write_bytes(b"no picture")
    with (bad / "video-train-2" / "index.csv").open("a") as index:
        index.write("\ngone__film,sav,A,3,1\nsbi__movers,sbi,seven,3,1\n")
    with caplog.at_level(logging.WARNING):
        pool = open_pool(bad, tmp_path / "cache")
    for name in ("sav__pair_00001", "msrc591_one", "gone__film", "grade seven"):
        assert name in caplog.text
    assert [pool[i].entry.frame for i in pool.sequences["sav__pair"]] == [0, 2, 12, 40, 41]


def _only(pool: Pool, film: str) -> Pool:
    import copy

    out = copy.copy(pool)
    out.sequences = {film: pool.sequences[film]}
    return out
