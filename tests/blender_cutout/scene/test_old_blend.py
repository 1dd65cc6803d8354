"""Tests that projects and preferences of an earlier release open unchanged, and work continues in them."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "0bf7e4d"
WRITTEN_BY = ("4.2", "5.2")
PROPAGATED, DRAWN, LOCKED = 6, 4, 2
"""Clip frames of the first cutout."""


def readable(bpy: Any) -> list[str]:
    """Returns the projects that this Blender can read: those of newer versions are left out."""
    return [v for v in WRITTEN_BY if tuple(map(int, v.split("."))) <= bpy.app.version[:2]]


def opened(bpy: Any, version: str, place: Path) -> dict[str, Any]:
    """Opens a copy of a project, with its clip next to it; returns the values saved in it."""
    for name in (f"blend-{version}", "film"):
        shutil.copytree(FIXTURE / name, place / name)
    bpy.ops.wm.open_mainfile(filepath=str(place / f"blend-{version}" / "project.blend"))
    return dict(json.loads((FIXTURE / f"blend-{version}" / "expected.json").read_text(encoding="utf-8"))["scene"])


def values(owner: Any, like: Any) -> Any:
    """Returns those values of a group that an earlier release had."""
    if isinstance(like, dict):
        return {name: values(getattr(owner, name), value) for name, value in like.items()}
    if isinstance(like, list):
        if like and isinstance(like[0], dict):
            return [values(item, value) for item, value in zip(owner, like, strict=True)]
        return list(owner)
    return owner


def mask(path: Path) -> np.ndarray:
    """A mask as Blender reads it, (H, W) in [0, 1]."""
    import bpy

    return kit.load_picture(bpy, path)[..., 0]


def test_every_value_of_the_scene_is_what_it_was(blender: Any, tmp_path: Path) -> None:
    for version in readable(blender):
        expected = opened(blender, version, tmp_path / version)
        assert len(expected["tracks"]) == 2
        assert expected["tracks"][0]["strokes"], "the fixture has strokes of the brush"
        assert values(blender.context.scene.cutout, expected) == expected


def test_the_panel_shows_it_and_nothing_has_to_be_put_right(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.scene import properties
    from blender_cutout.tasks import upkeep

    for version in readable(blender):
        opened(blender, version, tmp_path / version)
        scene = blender.context.scene
        track = properties.active_track(scene)
        assert (track.name, track.keyframes, track.locked_frames) == ("Ele é", "5, 9", "3")
        assert track.doubtful
        assert upkeep.keeper.look(scene) == []
        assert properties.next_step(track)[0].startswith("Correct wrong frames"), "written, and nothing changed since"


def test_every_propagated_mask_is_found_and_the_composite_renders(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.tasks import jobs

    layout = kit.LAYOUTS["plain"]
    for version in readable(blender):
        place = tmp_path / version
        expected = opened(blender, version, place)
        scene = blender.context.scene
        track, then = scene.cutout.tracks[0], expected["tracks"][0]
        for start, stop, operation in json.loads(then["mattes"]):
            for frame in range(start, stop):
                file = jobs.matte_file(track, frame)
                assert file is not None
                assert file.is_file()
                assert (file.parent.name, file.name) == (operation, f"{frame:06d}.png")
        for frame in (DRAWN, PROPAGATED):
            shown = kit.render_frame(blender, scene, layout.start + frame, place / "render")
            file = jobs.matte_file(track, frame)
            assert file is not None
            wanted, _ = kit.composite(layout, kit.picture(frame), mask(file))
            assert np.abs(shown - wanted).max() < 0.03


def test_work_goes_on(blender: Any, tmp_path: Path) -> None:
    """Known strokes are not sent again, locked frames stay, the strips are written again, and undo works."""
    for version in readable(blender):
        place = tmp_path / version
        expected = opened(blender, version, place)
        scene = blender.context.scene
        layout, head = kit.LAYOUTS["plain"], expected["tracks"][0]["head"]
        scene.frame_set(layout.start + DRAWN)
        with pytest.raises(RuntimeError, match="strokes"):
            blender.ops.cutout.apply_strokes()
        x, y = kit.object_at(PROPAGATED)
        scene.frame_set(layout.start + LOCKED)
        with pytest.raises(RuntimeError, match="locked"):
            blender.ops.cutout.auto()
        scene.frame_set(layout.start + PROPAGATED)
        blender.ops.cutout.paint(label="keep", points=f"{x + 8},{y + 8},1 {x + 9},{y + 50},1")
        if scene.cutout.tracks[0].head == head:
            blender.ops.cutout.apply_strokes()
        track = scene.cutout.tracks[0]
        assert track.keyframes == "5, 7, 9"
        blender.ops.cutout.propagate(direction="BOTH")
        track = scene.cutout.tracks[0]
        assert track.done_count == kit.LENGTH
        assert track.locked_frames == "3"
        blender.ops.cutout.write_strips()
        track = scene.cutout.tracks[0]
        assert track.written_head == track.head != head
        for _ in range(2):
            blender.ops.cutout.undo_round()
        assert scene.cutout.tracks[0].head == head


def test_the_preferences_are_kept(blender: Any, tmp_path: Path) -> None:
    """Blender as a module crashes on reading preferences before 5.0: there the values are set by name instead."""
    from blender_cutout.scene import preference_values

    expected = json.loads((FIXTURE / "preferences-4.2" / "expected.json").read_text(encoding="utf-8"))
    addons = blender.context.preferences.addons
    if blender.app.version >= (5, 0):
        folder = Path(blender.utils.user_resource("CONFIG", create=True))
        shutil.copy(FIXTURE / "preferences-4.2" / "userpref.blend", folder / "userpref.blend")
        blender.ops.wm.read_userpref()
    else:
        addons.new().module = "blender_cutout"
        with warnings.catch_warnings():  # Blender 4.5 warns of "//" in a path of preferences
            warnings.simplefilter("ignore")
            for name, value in expected.items():
                setattr(addons["blender_cutout"].preferences, name, value)
    try:
        chosen = addons["blender_cutout"].preferences
        assert {name: getattr(chosen, name) for name in expected} == expected
        chosen = preference_values.current()
        assert (chosen.tier, chosen.device, chosen.limit) == ("quick", "cpu", 2_500_000_000)
    finally:
        addons.remove(addons["blender_cutout"])
