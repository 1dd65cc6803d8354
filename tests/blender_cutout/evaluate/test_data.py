"""Tests which clips and pictures are found in a folder, how their masks are read, and what is skipped."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from blender_cutout.core.errors import InputError
from blender_cutout.evaluate.data import find_data, half, half_of, one_object_clips, read_objects, read_truth


def picture(path: Path, value: int | np.ndarray = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = value if isinstance(value, np.ndarray) else np.full((8, 10), value, np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, array)[1].tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "Prüf daten"
    for name in ("b2", "b10"):
        for frame in range(3):
            picture(root / "video" / name / "frames" / f"{frame:05d}.jpg")
            picture(root / "video" / name / "masks" / f"{frame:05d}.png", 255)
    (root / "video" / "b2" / "masks" / "00001.png").unlink()
    picture(root / "video" / "no masks" / "frames" / "00000.jpg")
    for name in ("one", "two"):
        picture(root / "stills" / "images" / f"{name}.webp")
    picture(root / "stills" / "masks" / "two.png", 255)
    return root


def objects(*pixels: tuple[int, int]) -> np.ndarray:
    """A mask (8, 10) with value v at column c of row 1, for each (c, v)."""
    mask = np.zeros((8, 10), np.uint8)
    for column, value in pixels:
        mask[1, column] = value
    return mask


def test_all_of_the_layout_is_found_in_natural_order(data: Path) -> None:
    found = find_data(data)
    assert [s.name for s in found.sequences] == ["b2", "b10"]
    assert list(found.sequences[0].truth) == [0, 2]
    assert [s.dense for s in found.sequences] == [False, True]
    assert found.sequences[1].clip.files == ("00000.jpg", "00001.jpg", "00002.jpg")
    assert [s.name for s in found.stills] == ["two"]
    assert found.skipped == ("The clip no masks is skipped: it has no masks.",)


def test_clips_with_few_masks_lie_beside_the_others(data: Path) -> None:
    shutil.copytree(data / "video" / "b2", data / "video-sparse" / "c")
    assert [s.name for s in find_data(data).sequences] == ["b2", "b10", "c"]


@pytest.mark.parametrize(("part", "clips", "stills"), [("video", 2, 0), ("video/b10", 1, 0), ("stills", 0, 1)])
def test_a_part_of_the_layout_will_do(data: Path, part: str, clips: int, stills: int) -> None:
    found = find_data(data / part)
    assert (len(found.sequences), len(found.stills)) == (clips, stills)


def test_a_folder_of_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        find_data(tmp_path / "missing")
    with pytest.raises(InputError, match="Expected"):
        find_data(tmp_path)


def test_masks_have_object_background_and_what_is_not_counted(tmp_path: Path) -> None:
    grey = np.zeros((4, 6), np.uint8)
    grey[1, 1], grey[2, 2] = 255, 128
    picture(tmp_path / "mask.png", grey)
    known = read_truth(tmp_path / "mask.png")
    assert known is not None
    assert np.argwhere(known[0]).tolist() == [[1, 1]]
    assert np.argwhere(~known[1]).tolist() == [[2, 2]]
    grey[3, 3] = 7
    picture(tmp_path / "regions.png", grey)
    assert read_truth(tmp_path / "regions.png") is None


def test_one_mask_with_ids_makes_255_unknown_in_the_whole_clip(data: Path) -> None:
    masks = data / "video" / "b10" / "masks"
    picture(masks / "00000.png", objects((2, 1), (4, 255)))
    picture(masks / "00001.png", objects((2, 1), (3, 3)))
    picture(masks / "00002.png", objects((5, 255)))
    clip = find_data(data).sequences[1]
    assert clip.ids == (1, 3)
    first, second, third = (read_objects(clip, frame) for frame in range(3))
    assert [np.argwhere(m).tolist() for m in second.objects] == [[[1, 2]], [[1, 3]]]
    assert np.argwhere(~first.counted).tolist() == [[1, 4]]
    assert not third.objects.any()
    assert np.argwhere(~third.counted).tolist() == [[1, 5]]
    assert clip.known == (0, 1), "there is nothing to start from on a frame without an object"


def test_a_palette_gives_its_numbers_not_its_colours(data: Path) -> None:
    mask = data / "video" / "b10" / "masks" / "00001.png"
    frame = av.VideoFrame(10, 8, "pal8")
    rows = np.zeros((8, frame.planes[0].line_size), np.uint8)
    rows[:, :10] = objects((2, 1), (3, 2))
    frame.planes[0].update(rows.tobytes())
    palette = np.zeros((256, 4), np.uint8)
    palette[1], palette[2] = (0, 0, 128, 255), (0, 128, 0, 255)
    frame.planes[1].update(palette.tobytes())
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = 10, 8, "pal8"
    codec.framerate = 1
    mask.write_bytes(b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)]))
    for other in ("00000.png", "00002.png"):
        picture(mask.with_name(other), objects((2, 1), (3, 2)))
    clip = find_data(data).sequences[1]
    assert clip.ids == (1, 2)
    assert np.array_equal(read_objects(clip, 1).objects, read_objects(clip, 0).objects)


def test_a_clip_starts_at_its_first_mask_with_an_object(data: Path) -> None:
    masks = data / "video" / "b10" / "masks"
    (masks / "00000.png").unlink()
    assert find_data(data).sequences[1].known == (1, 2)
    picture(masks / "00000.png", 0)
    assert find_data(data).sequences[1].known == (1, 2)


def test_what_is_damaged_is_skipped_by_name_and_the_rest_is_used(data: Path) -> None:
    (data / "video" / "b10" / "masks" / "00000.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    picture(data / "video" / "b10" / "masks" / "00002.png", np.full((8, 11), 255, np.uint8))
    picture(data / "video" / "empty" / "frames" / "0.jpg")
    picture(data / "video" / "empty" / "masks" / "0.png", 0)
    shutil.copytree(data / "video" / "b2", data / "video" / "torn")
    (data / "video" / "torn" / "frames" / "00000.jpg").write_bytes(b"no picture")
    shutil.copy(data / "stills" / "masks" / "two.png", data / "stills" / "masks" / "one.png")
    (data / "stills" / "images" / "one.webp").write_bytes(b"RIFF torn")
    found = find_data(data)
    assert [(s.name, list(s.truth)) for s in found.sequences] == [("b2", [0, 2]), ("b10", [1])]
    assert [s.name for s in found.stills] == ["two"]
    printed = "\n".join(found.skipped)
    for part in (
        "b10/masks/00000.png is empty, damaged or",
        "b10/masks/00002.png is 11 x 8 pixels, the picture 10 x 8",
    ):
        assert part in printed
    for part in (
        "The clip empty is skipped: none of its masks",
        "The clip torn is skipped",
        "The picture one is skipped",
    ):
        assert part in printed
    assert len(found.skipped) == 6  # and the one without masks


def test_a_folder_in_which_nothing_can_be_used_says_why(data: Path) -> None:
    with pytest.raises(InputError, match="The clip no masks is skipped: it has no masks"):
        find_data(data / "video" / "no masks")


def test_studies_that_need_one_object_on_every_frame_name_the_others(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "video" / "b10", data / "video" / "c")
    picture(data / "video" / "c" / "masks" / "00001.png", objects((2, 1)))
    assert [s.name for s in one_object_clips(find_data(data))] == ["b10"]
    printed = capsys.readouterr().err
    assert "The clip b2 is skipped: it has masks on some frames only." in printed
    assert "The clip c is skipped: it has several objects." in printed


def test_the_halves_of_the_yardstick_are_fixed_for_good() -> None:
    clips = {
        "choose": "bmx-trees camel car-shadow scooter-black cars6 marple3 people1 people2",
        "report": "blackswan breakdance drift-straight libby motocross-jump cars3 dogs-jump tennis",
    }
    for which, names in clips.items():
        assert {half_of(name) for name in names.split()} == {which}


def test_each_clip_and_picture_is_in_one_half_whatever_else_is_there(data: Path) -> None:
    for name in "abcdefgh":
        shutil.copytree(data / "video" / "b10", data / "video" / name)
        shutil.copy(data / "stills" / "masks" / "two.png", data / "stills" / "masks" / f"{name}.png")
        shutil.copy(data / "stills" / "images" / "two.webp", data / "stills" / "images" / f"{name}.webp")
    every = find_data(data)
    parts = [half(every, which) for which in ("choose", "report")]
    assert all(part.sequences and part.stills for part in parts)
    for kind in ("sequences", "stills"):
        names = [[item.name for item in getattr(part, kind)] for part in parts]
        assert sorted(names[0] + names[1]) == sorted(item.name for item in getattr(every, kind))
    shutil.rmtree(data / "video" / "a")
    left = {s.name for s in half(find_data(data), "choose").sequences}
    assert left == {s.name for s in parts[0].sequences} - {"a"}
