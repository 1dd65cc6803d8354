"""Tests the operators' messages for what they cannot do, and their results in the scene."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
LIGHT = """
import sys, bpy
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
import blender_cutout
blender_cutout.register()
new = set(sys.modules) - before
blender_cutout.unregister()
heavy = {"torch", "cv2", "av", "numpy"} & {name.partition(".")[0] for name in new}
assert not heavy, heavy
"""


def test_registering_loads_no_heavy_library() -> None:
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", LIGHT, str(root)], check=True, timeout=60, stdout=subprocess.DEVNULL)


def test_without_a_strip_the_message_says_to_choose_one(blender: Any) -> None:
    scene = kit.fresh_scene(blender)
    with pytest.raises(RuntimeError, match="No strip is selected"):
        blender.ops.cutout.new()
    assert not len(scene.cutout.tracks)


def test_new_cutout_makes_both_layers(blender: Any, project: Project) -> None:
    from blender_cutout.host import annotations

    scene, strip = project()
    annotation = annotations.find(blender.context)
    for layer in list(annotation.layers):
        annotation.layers.remove(layer)
    scene.tool_settings.annotation_stroke_placement_view2d = "VIEW"
    blender.ops.cutout.new()
    assert [layer.info for layer in annotations.find(blender.context).layers] == ["Cutout +", "Cutout -"]
    assert scene.tool_settings.annotation_stroke_placement_view2d == "IMAGE"
    track = scene.cutout.tracks[0]
    assert (track.frame_count, track.width, track.height) == (kit.LENGTH, kit.WIDTH, kit.HEIGHT)
    assert track.strip_uuid == strip["cutout_strip"]
    with pytest.raises(RuntimeError, match="There are no strokes"):
        blender.ops.cutout.apply_strokes()


def test_keep_and_remove_choose_the_layer_to_draw_on(blender: Any, project: Project) -> None:
    from blender_cutout.host import annotations

    project()
    blender.ops.cutout.new()
    annotation = annotations.find(blender.context)
    for label, name in (("remove", "Cutout -"), ("keep", "Cutout +")):
        assert blender.ops.cutout.brush(label=label) == {"FINISHED"}
        assert annotation.layers[annotation.layers.active_index].info == name


def test_a_copy_of_a_strip_gets_a_cutout_of_its_own(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, strip = project()
    blender.ops.cutout.new()
    other = kit.add_strip(scene, kit.write_clip(tmp_path / "copy"), kit.LAYOUTS["plain"], channel=5)
    other["cutout_strip"] = strip["cutout_strip"]  # as Blender's duplicate leaves it
    blender.ops.cutout.new()
    assert other["cutout_strip"] != strip["cutout_strip"]
    assert [t.strip_uuid for t in scene.cutout.tracks] == [strip["cutout_strip"], other["cutout_strip"]]


def test_strips_without_a_file_are_refused_with_a_way_out(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat

    scene, _ = project()
    editor = scene.sequence_editor
    strips = compat.strips(editor)
    unfit = {
        "movie is missing": strips.new_movie("movie", str(tmp_path / "fehlt.mp4"), 7, 1),
        "picture is missing": strips.new_image("image", str(tmp_path / "fehlt.png"), 8, 1),
    }
    for text, strip in unfit.items():
        editor.active_strip = strip
        with pytest.raises(RuntimeError, match=text) as error:
            blender.ops.cutout.new()
        assert len(str(error.value)) > len(text) + 30, "it says what to do"
    assert not len(scene.cutout.tracks)


def test_strokes_elsewhere_get_a_clear_message(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    blender.ops.cutout.new()
    scene.frame_set(2)
    with pytest.raises(RuntimeError, match=r"no strokes on frame 2.*5, 105"):
        blender.ops.cutout.apply_strokes()
    scene.frame_set(405)
    with pytest.raises(RuntimeError, match="outside the strip"):
        blender.ops.cutout.apply_strokes()
    compat.time_set(strip, "frame_start", 401)  # the strip comes to the frame on which the strokes lie far away
    with pytest.raises(RuntimeError, match="outside the picture"):
        blender.ops.cutout.apply_strokes()
    scene.frame_set(2)
    with pytest.raises(RuntimeError, match="no mask to propagate"):
        blender.ops.cutout.propagate()


def test_a_truncated_file_is_reported_and_leaves_the_scene_usable(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, _ = project()
    broken = tmp_path / "kaputt.mp4"
    broken.write_bytes(b"\0" * 5000)
    from blender_cutout.host import compat

    strips = compat.strips(scene.sequence_editor)
    scene.sequence_editor.active_strip = strips.new_movie("broken", str(broken), 7, 1)
    with pytest.raises(RuntimeError):
        blender.ops.cutout.new()
    assert not len(scene.cutout.tracks), "nothing half-made stays"
    scene.sequence_editor.active_strip = strips["clip"]
    assert blender.ops.cutout.new() == {"FINISHED"}


def test_without_an_engine_nothing_is_begun_and_the_message_says_what_to_do(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from blender_cutout.client.process import worker_command
    from blender_cutout.environment.venv import worker_python
    from blender_cutout.tasks import jobs

    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("CUTOUT_PYTHON", raising=False)
    monkeypatch.setattr(jobs, "engine_command", lambda python="": worker_command(worker_python(None)))
    scene, _ = project()
    with pytest.raises(RuntimeError, match="not installed"):
        blender.ops.cutout.new()
    assert not len(scene.cutout.tracks)
    assert blender.context.window_manager.cutout.hint


def test_missing_weights_are_reported_and_the_check_says_so(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--no-weights"))
    project()
    with pytest.raises(RuntimeError, match="weights of the tier draft are missing"):
        blender.ops.cutout.new()


def test_check_installation_names_tier_and_device(blender: Any) -> None:
    assert blender.ops.cutout.check_installation() == {"FINISHED"}
    assert "tier draft on cpu" in blender.context.window_manager.cutout.engine


def test_removing_a_cutout_takes_its_mask_strip_and_modifier_along(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    for step in ("new", "apply_strokes", "write_strips"):
        getattr(blender.ops.cutout, step)()
    assert len(strip.modifiers) == 1
    blender.ops.cutout.remove()
    assert not len(scene.cutout.tracks)
    assert not len(strip.modifiers)
    assert sorted(s.name for s in compat.strips(scene.sequence_editor)) == ["clip", "green"]


def test_a_folder_that_cannot_be_written_is_reported_and_works_once_it_can(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, _ = project()
    in_the_way = tmp_path / "mein Projekt é_cutout"
    in_the_way.write_text("a file in the folder's place")
    with pytest.raises(RuntimeError, match="mein Projekt é_cutout"):
        blender.ops.cutout.new()
    assert scene.cutout.tracks[0].frame_count == 0
    in_the_way.unlink()
    assert blender.ops.cutout.apply_strokes() == {"FINISHED"}


def test_when_the_strip_was_deleted_the_message_says_so(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    compat.strips(scene.sequence_editor).remove(strip)
    for step in ("apply_strokes", "auto", "propagate", "write_strips"):
        with pytest.raises(RuntimeError, match="no longer in this scene"):
            getattr(blender.ops.cutout, step)()
    assert blender.ops.cutout.remove() == {"FINISHED"}
    assert not len(scene.cutout.tracks)


class Paper:
    """A layout that records what is drawn."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def draw(*args: Any, **kwargs: Any) -> Any:
            text = kwargs.get("text", "")
            self.notes.append(f"{name} {args[0] if args and isinstance(args[0], str) else ''} {text}")
            return Paper(self.notes) if name in ("row", "column", "box") else SimpleNamespace()

        return draw


def test_the_panel_shows_the_next_step_and_after_a_loss_the_way_out(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import upkeep
    from blender_cutout.ui import panel

    project()

    def drawn() -> str:
        notes: list[str] = []
        panel.CUTOUT_PT_cutout.draw(SimpleNamespace(layout=Paper(notes)), blender.context)
        return "\n".join(notes)

    assert "cutout.new" in drawn()
    assert "apply_strokes" not in drawn()
    blender.ops.cutout.new()
    assert "Draw a green stroke" in drawn()
    blender.ops.cutout.apply_strokes()
    assert "Red strokes remove" in drawn()
    assert "Ctrl" in drawn()
    blender.ops.cutout.propagate()
    assert "Write Strips to see" in drawn()
    blender.ops.cutout.write_strips()
    assert "Correct wrong frames" in drawn()
    upkeep.keeper.troubles = [("A sentence that is longer than the sidebar is wide, and then some more.", "Do it.")]
    found = drawn()
    upkeep.keeper.troubles = []
    assert "then some more." in found
    assert max(len(line) for line in found.splitlines() if "sentence" in line or "more" in line) < 60
    assert "restart_engine" not in drawn()
    blender.context.window_manager.cutout.lost = True
    blender.context.window_manager.cutout.text = "The cutout engine stopped."
    assert "restart_engine" in drawn()
