"""Tests rendering frames and writing masks into a received folder: links are not followed, nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest
from frames_kit import Project, into_meta
from received_kit import PRIVATE, contents, rendered

from blender_cutout.host.contents import picture_name

pytestmark = [pytest.mark.bpy, pytest.mark.skipif(os.name == "nt", reason="links need rights there")]


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    folder = rendered(tmp_path / "victim", PRIVATE)
    (folder / "thesis.txt").write_bytes(PRIVATE)
    return folder


def begun(blender: Any, project: Project) -> tuple[Any, Any, Path]:
    """The scene, the strip, and the folder for its rendered frames, which does not exist yet."""
    from blender_cutout.tasks import frame_renderer

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    assert blender.ops.cutout.new() == {"FINISHED"}
    frame_renderer.begin(scene, scene.cutout.tracks[0])
    made = frame_renderer.baker.bake
    blender.ops.cutout.cancel_frames()
    made.part.rmdir()
    return scene, meta, made.folder


def test_frames_are_not_rendered_into_a_link(blender: Any, project: Project, victim: Path) -> None:
    _, meta, folder = begun(blender, project)
    before = contents(victim)
    folder.with_name(folder.name + ".part").symlink_to(victim)
    for again in (False, True):
        with pytest.raises(RuntimeError, match="cannot be rendered into"):
            blender.ops.cutout.render_frames(again=again)
    assert contents(victim) == before
    assert not meta.get("cutout_frames")


def test_links_among_frames_that_were_begun_are_replaced(blender: Any, project: Project, victim: Path) -> None:
    from blender_cutout.host import rendered_frames

    _, meta, folder = begun(blender, project)
    part = folder.with_name(folder.name + ".part")
    part.mkdir()
    names = [*map(picture_name, range(3)), "done.json", *(f"render_{n:04d}.png" for n in range(1, 13))]
    for name in names:
        (part / name).symlink_to(victim / "thesis.txt")
    before = contents(victim)
    assert blender.ops.cutout.render_frames() == {"FINISHED"}
    assert contents(victim) == before
    found = rendered_frames.rendered_frames_of(meta).path
    assert len([p for p in found.glob("0*.png") if p.is_file() and not p.is_symlink()]) == kit.LENGTH
    assert not (found / "done.json").is_symlink()


def test_a_folder_of_others_in_the_way_of_rendered_frames_stays(blender: Any, project: Project) -> None:
    _, _, folder = begun(blender, project)
    folder.mkdir()
    (folder / "thesis.txt").write_text("my own")
    with pytest.raises(RuntimeError, match=r"contains other files.*thesis\.txt"):
        blender.ops.cutout.render_frames()
    assert (folder / "thesis.txt").read_text() == "my own"


def test_masks_are_not_written_into_a_link(blender: Any, project: Project, victim: Path) -> None:
    from blender_cutout.host import storage

    scene, _ = project()
    for step in ("new", "apply_strokes"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    (storage.track_folder(scene.cutout.tracks[0]) / "matte").symlink_to(victim)
    before = contents(victim)
    with pytest.raises(RuntimeError, match="nothing is written there"):
        blender.ops.cutout.write_strips()
    assert contents(victim) == before


def test_a_new_cutout_is_not_begun_behind_a_link(blender: Any, project: Project, victim: Path) -> None:
    scene, _ = project()
    Path(blender.data.filepath).with_name("mein Projekt é_cutout").symlink_to(victim)
    with pytest.raises(RuntimeError, match="inside a link"):
        blender.ops.cutout.new()
    assert not len(scene.cutout.tracks)
    assert len(contents(victim)) == 5
