"""Tests the decoded pictures: complete, in the right colours, without damaged ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from blender_cutout.models.training.samples.pool import Pool, open_pool, pick_object


def test_pool_holds_every_labelled_picture_as_red_green_blue(pool: Pool) -> None:
    assert len(pool) == 5 + 8
    assert list(pool.sequences) == ["ball"]
    picture = pool[0]
    assert picture.image[80, 100, 0] > 200 > picture.image[80, 100, 2]
    assert picture.mask[80, 100] == 255
    assert picture.weight == 1.0
    assert pool[1].weight < 1.0


def test_pool_is_decoded_only_once(data: Path, tmp_path: Path) -> None:
    open_pool(data, tmp_path)
    stamp = (tmp_path / "pixels.bin").stat().st_mtime_ns
    open_pool(tmp_path / "gone", tmp_path)
    assert (tmp_path / "pixels.bin").stat().st_mtime_ns == stamp


def test_any_region_of_a_picture_of_regions_can_be_the_object(pool: Pool) -> None:
    picture = pool[pool.by_set["bsds500"][0]]
    mask = pick_object(picture, np.random.default_rng(0))
    assert mask is not None
    assert mask[80, 110]
    assert 0.05 < mask.mean() < 0.5


def test_damaged_entries_are_reported_skipped_and_counted(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(data, bad)
    stills, video = bad / "stills", bad / "video-train" / "ball"
    (stills / "images" / "ecssd_0.webp").write_bytes(b"no picture")
    (stills / "masks" / "pascal_s_1.png").unlink()
    mask = stills / "masks" / "coco_mval_3.png"
    mask.write_bytes(mask.read_bytes()[:60])
    frame = video / "frames" / "00002.webp"
    frame.write_bytes(frame.read_bytes()[:40])
    with (stills / "index.csv").open("a") as index:
        index.write("\nccp_4,ccp,object,seven\nonly_a_name\n,ccp,object,1")
    pool = open_pool(bad, tmp_path / "cache")
    names = {entry.name for entry in pool.entries}
    assert names == {"bsds500_2", "ccp_4"} | {f"ball_{t:05d}" for t in (0, 1, 3, 4, 5, 6, 7)}
    assert pool.damaged == 7
    for name in ("ecssd_0", "pascal_s_1", "coco_mval_3", "ball_00002", "seven", "only_a_name"):
        assert name in caplog.text
    assert "7 damaged entries were skipped, 9 pictures are usable." in caplog.text
    picture = pool[[entry.name for entry in pool.entries].index("ccp_4")]
    assert picture.image[80, 120, 0] > 200 > picture.image[80, 120, 2]
    assert Pool(tmp_path / "cache").damaged == 7


def test_a_folder_with_nothing_usable_is_refused(data: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(data, bad)
    for picture in bad.rglob("*.webp"):
        picture.write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="no usable picture; 13 entries are damaged"):
        open_pool(bad, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()], "no half-written cache is left"


@pytest.mark.parametrize("harm", ["cut", "index"])
def test_an_incomplete_cache_is_made_again(data: Path, tmp_path: Path, harm: str) -> None:
    before = open_pool(data, tmp_path)[12].image.copy()
    if harm == "cut":
        pixels = tmp_path / "pixels.bin"
        pixels.write_bytes(pixels.read_bytes()[:-5000])
    else:
        (tmp_path / "index.json").write_text('{"version": 1, "entr')
    np.testing.assert_array_equal(open_pool(data, tmp_path)[12].image, before)


def test_groups_of_accuracy_weigh_what_the_recipe_says(pool: Pool) -> None:
    assert [pool.weighted((3.0, 2.0, 1.0))[i].weight for i in range(3)] == [3.0, 2.0, 1.0]
    assert pool[0].weight == 1.0
