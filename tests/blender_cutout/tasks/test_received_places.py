"""Tests the folders that a received .blend finds: in the way, moved, renamed, copied by hand or left behind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import received_kit as kit
from received_kit import FRAMES, GOOD, OTHER, UUID

pytestmark = pytest.mark.bpy


def test_a_folder_in_the_way_that_is_not_ours_is_not_replaced(blender: Any, tmp_path: Path, capfd: Any) -> None:
    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    for name in (UUID, FRAMES):
        (tmp_path / "else" / "second_cutout" / name).mkdir(parents=True)
        (tmp_path / "else" / "second_cutout" / name / "thesis.txt").write_text("my own")
    before = kit.contents(tmp_path / "else")
    blender.ops.wm.open_mainfile(filepath=str(place.blend))
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "else" / "second.blend"))
    after = kit.contents(tmp_path / "else")
    assert {name: entry for name, entry in after.items() if GOOD not in name and "blend" not in name} == before
    assert (tmp_path / "else" / "second_cutout" / GOOD / "rounds.jsonl").is_file()
    status = blender.context.window_manager.cutout
    assert "thesis.txt" in status.text
    assert "1 more" in status.text


def test_folders_of_files_never_saved_are_cleaned_without_following_links(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host import storage
    from blender_cutout.tasks import project_folders

    place = kit.lay_out(tmp_path)
    unsaved = storage.unsaved_folder(create=True)
    mine = kit.session(unsaved / OTHER)
    notes = kit.session(unsaved / GOOD)
    (notes / "notes.txt").write_text("not yours")
    if os.name == "posix":
        (unsaved / UUID).symlink_to(place.victim.with_name(UUID))
    before = kit.contents(tmp_path)
    assert project_folders.clean_unsaved(days=-1) == [mine]
    assert (notes / "notes.txt").is_file()
    assert kit.contents(tmp_path) == before


@pytest.mark.parametrize("blend", ["shot 2.blend", "shot.blend1"])
def test_a_project_that_was_moved_or_renamed_is_found(blender: Any, tmp_path: Path, blend: str) -> None:
    from blender_cutout.host import storage

    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    moved = tmp_path / "elsewhere é"
    place.blend.parent.rename(moved)
    (moved / "shot.blend").rename(moved / blend)
    blender.ops.wm.open_mainfile(filepath=str(moved / blend))
    track = blender.context.scene.cutout.tracks[0]
    assert storage.track_folder(track) == moved / "shot_cutout" / UUID
    blender.ops.wm.save_as_mainfile(filepath=str(moved / "shot 3.blend"))
    assert storage.track_folder(track) == moved / "shot 3_cutout" / UUID
    assert (moved / "shot 3_cutout" / UUID / "mattes" / kit.OPERATION / "000001.png").read_bytes() == b"mask"


def test_a_file_copied_by_hand_tells_whose_masks_it_uses(blender: Any, tmp_path: Path) -> None:
    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    shutil.copy(place.blend, place.blend.with_name("again.blend"))
    blender.ops.wm.open_mainfile(filepath=str(place.blend.with_name("again.blend")))
    status = blender.context.window_manager.cutout
    assert "shot.blend" in status.text
    assert "Save this file" in status.hint
    blender.ops.wm.save_mainfile()
    assert blender.context.scene.cutout.tracks[0].folder == f"//again_cutout/{UUID}"
    blender.ops.wm.open_mainfile(filepath=str(place.blend.with_name("again.blend")))
    assert not blender.context.window_manager.cutout.text


def test_a_folder_that_was_left_behind_is_found_when_it_is_put_beside_the_file(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host import storage

    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: setattr(track, "folder", f"/nowhere/shot_cutout/{UUID}"))
    blender.ops.wm.open_mainfile(filepath=str(place.blend))
    track, status = blender.context.scene.cutout.tracks[0], blender.context.window_manager.cutout
    assert storage.track_folder(track) == place.folder
    assert "/nowhere" in status.text
    assert "shot_cutout is used" in status.hint
    blender.ops.wm.save_mainfile()
    assert track.folder == f"//shot_cutout/{UUID}"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_where_a_link_is_in_the_way_the_file_goes_on_with_the_folder_it_had(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host import storage

    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "second_cutout").symlink_to(place.victim)
    before = kit.contents(place.victim)
    blender.ops.wm.open_mainfile(filepath=str(place.blend))
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "else" / "second.blend"))
    assert kit.contents(place.victim) == before
    track, status = blender.context.scene.cutout.tracks[0], blender.context.window_manager.cutout
    assert storage.track_folder(track) == place.folder
    assert "inside a link" in status.text
    (tmp_path / "else" / "second_cutout").unlink()
    blender.ops.wm.save_mainfile()
    assert storage.track_folder(track) == tmp_path / "else" / "second_cutout" / UUID
    assert not storage.stays
