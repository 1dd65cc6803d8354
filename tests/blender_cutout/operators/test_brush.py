"""Tests the Cutout Brush in Blender: its strokes work like annotation strokes, and unregistering removes the tool.

Scripts supply the points; the mouse is tested in `tests/window`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy_kit as kit
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
TOOL = "cutout.brush_tool"


def points(name: str = "Cutout +") -> str:
    return " ".join(f"{x},{y},1" for x, y in kit.strokes()[name][0])


def paint(bpy: Any, name: str = "Cutout +") -> None:
    label = "keep" if name == "Cutout +" else "remove"
    assert bpy.ops.cutout.paint(label=label, points=points(name)) == {"FINISHED"}


def settle() -> None:
    from blender_cutout.tasks import jobs

    for job in jobs.queue.jobs:
        jobs.wait(job, 60)


@pytest.fixture
def track(blender: Any, project: Project) -> Callable[[], Any]:
    """A project with a cutout and no annotation strokes, and a function that returns the current cutout."""
    from blender_cutout.host import annotations

    project()
    blender.ops.cutout.new()
    for layer in annotations.find(blender.context).layers:
        for frame in list(layer.frames):
            layer.frames.remove(frame)
    blender.context.window_manager.cutout.brush_radius = 3.0
    return lambda: blender.context.scene.cutout.tracks[0]


def toolbar(bpy: Any) -> tuple[Any, ...]:
    """Returns the tools in the sequencer's toolbars, and the names of all keymaps."""
    from bl_ui.space_toolsystem_common import ToolSelectPanelHelper

    cls = ToolSelectPanelHelper._tool_class_from_space_type("SEQUENCE_EDITOR")
    names = {
        mode: [item if item is None else getattr(item, "idname", item) for item in tools]
        for mode, tools in cls._tools.items()
    }
    configurations = bpy.context.window_manager.keyconfigs
    maps = [sorted(k.name for k in c.keymaps) for c in (configurations.default, configurations.addon)]
    return repr(names), *maps


def idnames(bpy: Any, mode: str) -> list[str]:
    from bl_ui.space_toolsystem_common import ToolSelectPanelHelper

    cls = ToolSelectPanelHelper._tool_class_from_space_type("SEQUENCE_EDITOR")
    return [item.idname for item in ToolSelectPanelHelper._tools_flatten(cls._tools[mode]) if item is not None]


def test_the_tool_stands_in_both_toolbars_and_leaves_nothing_behind(blender: Any) -> None:
    import blender_cutout
    from blender_cutout.ui import toolbar as tool

    for mode in ("PREVIEW", "SEQUENCER_PREVIEW"):
        assert idnames(blender, mode).count(TOOL) == 1
    with_tool = toolbar(blender)
    blender_cutout.unregister()
    without = toolbar(blender)
    assert "utout" not in repr(without)
    blender_cutout.register()
    assert toolbar(blender) == with_tool
    blender_cutout.unregister()
    assert toolbar(blender) == without
    tool.unregister()
    assert toolbar(blender) == without, "a second time does no harm"
    blender_cutout.register()


def test_its_keys_are_there(blender: Any) -> None:
    keymaps = blender.context.window_manager.keyconfigs.addon.keymaps
    ours = [k for k in keymaps if k.name.endswith(", Cutout Brush")]
    assert len(ours) == 2
    for keymap in ours:
        keys = {(i.idname, i.type, i.ctrl): i.properties for i in keymap.keymap_items}
        assert keys["cutout.paint", "LEFTMOUSE", False].label == "keep"
        assert keys["cutout.paint", "LEFTMOUSE", True].label == "remove"
        assert keys["cutout.brush_radius", "LEFT_BRACKET", False].factor < 1
        assert keys["cutout.brush_radius", "RIGHT_BRACKET", False].factor > 1
        assert keys["cutout.brush_radius", "F", False].factor == 0


def test_a_painted_stroke_is_applied_and_gives_the_mask(blender: Any, track: Any) -> None:
    from tests.blender_cutout.ui.test_mask_overlay import iou, shown

    scene = blender.context.scene
    paint(blender)
    (kept,) = track().strokes
    assert (kept.frame, kept.label, kept.radius) == (kit.STROKE_FRAME, "keep", 3.0)
    assert track().applied.split() == [kept.key]
    assert track().keyframes == str(scene.frame_current)
    assert iou(shown(scene), kit.STROKE_FRAME) > 0.9
    head = track().head
    paint(blender, "Cutout -")
    assert len(track().applied.split()) == 2
    assert track().head != head


def test_both_ways_to_draw_give_the_engine_the_same(blender: Any, project: Project) -> None:
    """Asserts that two journals hold the same strokes, in place and in meaning."""
    import json

    from blender_cutout.host import storage

    def journal(number: int) -> list[Any]:
        folder = storage.resolve(blender.context.scene.cutout.tracks[0].folder, blender.data.filepath)
        records = [json.loads(line) for line in (folder / "rounds.jsonl").read_text().splitlines()]
        rounds = [r for r in records if "strokes" in json.dumps(r)]
        return sorted(_strokes(rounds[number]), key=lambda s: s["label"])

    project("flipped and cropped")
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    drawn = journal(0)
    blender.context.window_manager.cutout.brush_radius = drawn[0]["radius"]
    blender.context.scene.cutout.auto_apply = False
    for name in kit.strokes():
        paint(blender, name)
    blender.ops.cutout.apply_strokes()
    painted = journal(1)
    assert [s["label"] for s in painted] == [s["label"] for s in drawn]
    for one, other in zip(drawn, painted, strict=True):
        assert one["radius"] == pytest.approx(other["radius"], rel=1e-3)
        flat = [c for p in one["points"] for c in p]
        assert flat == pytest.approx([c for p in other["points"] for c in p], abs=0.6)


def _strokes(value: Any) -> list[Any]:
    """Finds the list of strokes in a record."""
    if isinstance(value, dict):
        if "strokes" in value:
            return list(value["strokes"])
        value = list(value.values())
    return next((found for v in value if (found := _strokes(v))), []) if isinstance(value, list) else []


def test_without_auto_apply_strokes_wait_and_go_together(blender: Any, track: Any) -> None:
    blender.context.scene.cutout.auto_apply = False
    paint(blender)
    paint(blender, "Cutout -")
    assert (track().head, track().applied) == ("", "")
    blender.ops.cutout.apply_strokes()
    assert len(track().applied.split()) == 2
    assert track().keyframe_count == 1
    with pytest.raises(RuntimeError, match="already applied"):
        blender.ops.cutout.apply_strokes()


def test_strokes_of_another_frame_are_never_taken(blender: Any, track: Any) -> None:
    scene = blender.context.scene
    scene.cutout.auto_apply = False
    paint(blender)
    drawn = scene.frame_current
    scene.frame_set(drawn + 2)
    with pytest.raises(RuntimeError, match=f"no strokes on frame {drawn + 2}.*{drawn}"):
        blender.ops.cutout.apply_strokes()
    scene.cutout.auto_apply = True
    paint(blender, "Cutout -")
    first, second = track().strokes
    assert track().applied.split() == [second.key]
    assert first.frame + 2 == second.frame


def test_a_stroke_stays_on_its_picture_when_the_strip_is_moved(blender: Any, track: Any) -> None:
    from blender_cutout.host import compat
    from blender_cutout.scene.clip_in_view import clip_in_view

    scene = blender.context.scene
    scene.cutout.auto_apply = False
    paint(blender)
    strip = scene.sequence_editor.active_strip
    compat.time_set(strip, "frame_start", compat.time_get(strip, "frame_start") + 40)
    with pytest.raises(RuntimeError):
        blender.ops.cutout.apply_strokes()
    scene.frame_set(scene.frame_current + 40)
    assert clip_in_view(scene).frame == kit.STROKE_FRAME
    blender.ops.cutout.apply_strokes()
    assert track().keyframes == str(scene.frame_current)


def test_strokes_survive_saving_and_loading(blender: Any, track: Any) -> None:
    paint(blender)
    kept = [(s.key, s.frame, s.label, s.points) for s in track().strokes]
    applied = track().applied
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert [(s.key, s.frame, s.label, s.points) for s in track().strokes] == kept
    assert track().applied == applied
    with pytest.raises(RuntimeError, match="already applied"):
        blender.ops.cutout.apply_strokes()


def test_blenders_undo_takes_the_round_then_the_stroke(blender: Any, track: Any) -> None:
    from blender_cutout.tasks import jobs

    blender.ops.ed.undo_push(message="before")
    blender.context.scene.cutout.auto_apply = False
    blender.ops.ed.undo_push(message="off")
    paint(blender)
    blender.ops.ed.undo_push(message="Cutout Stroke")
    blender.ops.cutout.apply_strokes()
    head = track().head
    assert head
    blender.ops.ed.undo()
    settle()
    assert (len(track().strokes), track().head, track().applied) == (1, "", "")
    assert jobs.queue.heads[track().uuid] == ""
    blender.ops.ed.undo()
    assert len(track().strokes) == 0
    blender.ops.ed.redo()
    blender.ops.ed.redo()
    settle()
    assert (len(track().strokes), track().head, jobs.queue.heads[track().uuid]) == (1, head, head)


def test_a_stroke_that_is_undone_while_the_engine_is_at_it_takes_its_round_along(blender: Any, track: Any) -> None:
    from blender_cutout.tasks import jobs
    from blender_cutout.tasks.apply_strokes import send_strokes

    scene = blender.context.scene
    scene.cutout.auto_apply = False
    paint(blender)
    job = send_strokes(blender.context, scene, track(), {track().strokes[0].key})
    track().strokes.clear()
    jobs.wait(job, 60)
    settle()
    assert (track().head, track().keyframe_count, track().applied) == ("", 0, "")


def test_what_cannot_be_painted_is_reported_and_changes_nothing(blender: Any, track: Any) -> None:
    scene, status = blender.context.scene, blender.context.window_manager.cutout
    with pytest.raises(RuntimeError, match="outside the picture"):
        blender.ops.cutout.paint(label="keep", points="-900,5,1")
    with pytest.raises(RuntimeError, match="cannot be read"):
        blender.ops.cutout.paint(label="keep", points="what")
    with pytest.raises(RuntimeError, match="no points"):
        blender.ops.cutout.paint(label="keep")
    scene.frame_set(scene.frame_current + 500)
    with pytest.raises(RuntimeError, match="not visible here"):
        paint(blender)
    assert status.level == "ERROR"
    assert (len(track().strokes), track().head) == (0, "")


def test_a_locked_cutout_is_not_painted_on(blender: Any, track: Any) -> None:
    track().locked = True
    with pytest.raises(RuntimeError, match="locked"):
        paint(blender)
    assert len(track().strokes) == 0


def test_erasing_takes_the_strokes_of_this_frame_and_leaves_the_mask(blender: Any, track: Any) -> None:
    scene = blender.context.scene
    paint(blender)
    head = track().head
    scene.frame_set(scene.frame_current + 1)
    paint(blender)
    assert blender.ops.cutout.erase_strokes() == {"FINISHED"}
    assert [s.frame for s in track().strokes] == [kit.STROKE_FRAME]
    assert track().head != head
    assert track().keyframe_count == 2


def test_the_radius_is_changed_by_factors_within_bounds_and_not_by_undo(blender: Any, track: Any) -> None:
    status = blender.context.window_manager.cutout
    status.brush_radius = 10.0
    blender.ops.ed.undo_push(message="before")
    blender.ops.cutout.brush_radius(factor=1.2)
    assert status.brush_radius == pytest.approx(12)
    paint(blender)
    assert track().strokes[0].radius == pytest.approx(12)
    blender.ops.ed.undo_push(message="after")
    blender.ops.ed.undo()
    assert blender.context.window_manager.cutout.brush_radius == pytest.approx(12)
    for _ in range(80):
        blender.ops.cutout.brush_radius(factor=1 / 1.2)
    assert blender.context.window_manager.cutout.brush_radius == pytest.approx(0.5)
