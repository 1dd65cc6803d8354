"""Tests the forms of written cutouts by rendered pixels; a new form replaces the old one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from pace_kit import slowness

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def cut_out(bpy: Any, scene: Any, form: str, inverted: bool = False) -> None:
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    write(bpy, scene, form, inverted)


def write(bpy: Any, scene: Any, form: str, inverted: bool = False) -> None:
    track = scene.cutout.tracks[0]
    track.write_as, track.write_inverted = form, inverted
    assert bpy.ops.cutout.write_strips() == {"FINISHED"}


def matte_of(bpy: Any, scene: Any, frame: int) -> np.ndarray:
    """The engine's own matte of a clip frame."""
    from blender_cutout.tasks import jobs

    return kit.load_picture(bpy, jobs.matte_file(scene.cutout.tracks[0], frame))[..., 0]


def names(scene: Any) -> list[str]:
    from blender_cutout.host.strips import places

    return sorted(p.strip.name for p in places(scene.sequence_editor))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def shown_alpha(bpy: Any, scene: Any, strip: Any, frame: int, folder: Path) -> np.ndarray:
    """Returns how much of the clip is visible, from renders over black and over white."""
    from blender_cutout.host import compat

    green = next(s for s in compat.strips(scene.sequence_editor) if s.type == "COLOR")
    renders = []
    for grey in (0.0, 1.0):
        green.color = (grey,) * 3
        green.invalidate_cache("RAW")
        renders.append(kit.render_frame(bpy, scene, frame, folder / str(grey)))
    green.color = kit.GREEN
    return 1 - (renders[1] - renders[0]).mean(axis=-1)


@pytest.mark.parametrize("name", kit.LAYOUTS)
def test_an_rgba_strip_shows_the_clips_own_colours_in_the_clips_place(
    blender: Any, project: Project, tmp_path: Path, name: str
) -> None:
    scene, strip = project(name)
    layout = kit.LAYOUTS[name]
    cut_out(blender, scene, "cutout")
    assert strip.mute
    assert not len(strip.modifiers)
    assert names(scene) == ["clip", "clip cutout", "green"]
    for frame in (0, 7):
        render = kit.render_frame(blender, scene, layout.start + frame, tmp_path / "r")
        wanted, _ = kit.composite(layout, kit.picture(frame), matte_of(blender, scene, frame))
        error = np.abs(render - wanted).max(axis=-1)
        assert error.mean() < 1 / 255, frame
        assert (error > 64 / 255).mean() < 0.001, frame
        if name == "plain":
            assert error.max() <= 1.6 / 255, frame


@pytest.mark.parametrize("name", kit.LAYOUTS)
def test_mask_splines_enclose_what_the_matte_shows_in_every_layout(
    blender: Any, project: Project, tmp_path: Path, name: str
) -> None:
    scene, strip = project(name)
    layout = kit.LAYOUTS[name]
    before = scene.frame_current
    cut_out(blender, scene, "splines")
    assert scene.frame_current == before
    (mask,) = blender.data.masks
    assert [m.input_mask_id for m in strip.modifiers] == [mask]
    scores = []
    for frame in (0, 5, kit.LENGTH - 1):
        _, alpha = kit.composite(layout, kit.picture(frame), matte_of(blender, scene, frame))
        seen = shown_alpha(blender, scene, strip, layout.start + frame, tmp_path / "r")
        scores.append(iou(seen > 0.5, alpha > 0.5))
    print(f"IoU of the rendered splines with the matte, {name}: {scores}")  # noqa: T201
    assert min(scores) >= 0.95


def test_splines_are_as_many_on_each_frame_and_rewritten_in_the_same_data_block(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, strip = project()
    for step in ("new", "apply_strokes"):
        getattr(blender.ops.cutout, step)()
    write(blender, scene, "splines")
    first = blender.data.masks[0].name
    empty = np.abs(kit.render_frame(blender, scene, 1, tmp_path / "r") - kit.GREEN).max(axis=-1)
    assert empty.max() < 0.02, "no mask yet on the first frame: nothing shows there"
    assert shown_alpha(blender, scene, strip, 1 + kit.STROKE_FRAME, tmp_path / "r").max() > 0.9
    blender.ops.cutout.propagate()
    write(blender, scene, "splines")
    assert [m.name for m in blender.data.masks] == [first]
    assert len(strip.modifiers) == 1
    positions = []
    for frame in range(1, 1 + kit.LENGTH):
        scene.frame_set(frame)
        (layer,) = blender.data.masks[0].layers
        positions.append([tuple(p.co) for p in layer.splines[0].points])
    assert len({len(p) for p in positions}) == 1
    steps = np.diff(np.array(positions), axis=0) * kit.WIDTH  # the object moves by (6, 2) pixels
    assert np.abs(steps - (6, -2)).max() < 5
    assert np.abs(steps - (6, -2)).mean() < 0.6


def test_splines_follow_an_animated_transform(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, strip = project()
    for frame, x in ((1, -30), (12, 40)):
        strip.transform.offset_x = x
        strip.transform.keyframe_insert("offset_x", frame=frame)
    scene.frame_set(1 + kit.STROKE_FRAME)
    for step in ("new", "auto", "propagate"):
        getattr(blender.ops.cutout, step)()
    write(blender, scene, "splines")
    for frame in (1, 6, 12):
        scene.frame_set(frame)
        moved = kit.Layout(1, kit.LAYOUTS["plain"].render, (strip.transform.offset_x, 0.0))
        _, alpha = kit.composite(moved, kit.picture(frame - 1), matte_of(blender, scene, frame - 1))
        seen = shown_alpha(blender, scene, strip, frame, tmp_path / "r")
        assert iou(seen > 0.5, alpha > 0.5) >= 0.95, frame


def test_splines_of_a_hundred_frames_never_hold_blender_up_for_long(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import jobs

    scene, strip = project()
    names_ = [element.filename for element in strip.elements]
    for number in range(100 - len(names_)):
        strip.elements.append(names_[number % len(names_)])
    strip.frame_final_duration = 100
    for step in ("new", "auto", "propagate"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    before, took = scene.frame_current, []
    original = jobs.queue.step

    def measured() -> bool:
        start = time.process_time()
        try:
            return original()
        finally:
            took.append(time.process_time() - start)
            assert scene.frame_current == before, "what the artist sees stays where it is"

    monkeypatch.setattr(jobs.queue, "step", measured)
    write(blender, scene, "splines")
    assert sum(seconds > 0.005 for seconds in took) >= 3, "it is done in several steps"
    assert max(took) < 0.15 * slowness(), "at once they take 0.3 s; the longest step is measured in the window"
    (mask,) = blender.data.masks
    scene.frame_set(1 + 99)
    assert len(mask.layers) >= 1


def test_splines_that_are_cancelled_leave_what_was_there(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.client import job_queue
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(job_queue, "BUDGET", 0.0)
    scene, strip = project()
    cut_out(blender, scene, "splines")
    (mask,) = blender.data.masks
    spline = [tuple(point.co) for point in mask.layers[0].splines[0].points]
    original = jobs.queue.step

    def cancelling() -> bool:
        busy = original()
        if len(blender.data.masks) > 1:
            jobs.queue.cancel()
        return busy

    monkeypatch.setattr(jobs.queue, "step", cancelling)
    assert blender.ops.cutout.write_strips() == {"CANCELLED"}
    assert list(blender.data.masks) == [mask]
    assert [tuple(point.co) for point in mask.layers[0].splines[0].points] == spline
    assert [m.input_mask_id for m in strip.modifiers] == [mask]


@pytest.mark.parametrize("form", ["mask", "cutout"])
def test_a_long_strip_gets_its_pictures_bit_by_bit_or_not_at_all(
    blender: Any, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    from blender_cutout.client import job_queue
    from blender_cutout.host.output import forms
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(forms, "_AT_ONCE", 3)
    monkeypatch.setattr(forms, "_BIT", 0.0)
    monkeypatch.setattr(job_queue, "BUDGET", 0.0)
    scene, _ = project()
    original, cancelled = jobs.queue.step, False

    def cancelling() -> bool:
        nonlocal cancelled
        busy = original()
        if f"clip {form}" in names(scene) and not cancelled:
            cancelled = True
            jobs.queue.cancel()
        return busy

    monkeypatch.setattr(jobs.queue, "step", cancelling)
    for step in ("new", "apply_strokes", "propagate"):
        getattr(blender.ops.cutout, step)()
    scene.cutout.tracks[0].write_as = form
    assert blender.ops.cutout.write_strips() == {"CANCELLED"}
    assert cancelled
    assert names(scene) == ["clip", "green"]
    write(blender, scene, form)
    assert names(scene) == ["clip", f"clip {form}", "green"]
    render = kit.render_frame(blender, scene, 6, tmp_path / "r")
    x, y = kit.object_at(5)
    assert render[y + 20, x + 8, 0] > 0.8
    assert np.abs(render[2, 2] - kit.GREEN).max() < 0.05


@pytest.mark.parametrize("form", ["mask", "cutout", "splines"])
def test_inverted_the_object_is_removed_and_the_background_kept(
    blender: Any, project: Project, tmp_path: Path, form: str
) -> None:
    scene, strip = project()
    cut_out(blender, scene, form, inverted=True)
    frame = 6
    matte = matte_of(blender, scene, frame)
    seen = shown_alpha(blender, scene, strip, 1 + frame, tmp_path / "r")
    assert iou(seen < 0.5, matte > 0.5) >= 0.95
    render = kit.render_frame(blender, scene, 1 + frame, tmp_path / "r")
    kept = matte == 0
    assert np.abs(render - kit.picture(frame) / 255)[2:-2, 2:-2][kept[2:-2, 2:-2]].mean() < 2 / 255


def test_one_form_takes_the_place_of_another_and_leaves_nothing(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, strip = project()
    cut_out(blender, scene, "mask")
    for form, count, strips, modifiers in (
        ("cutout", 0, ["clip", "clip cutout", "green"], 0),
        ("cutout", 0, ["clip", "clip cutout", "green"], 0),
        ("splines", 1, ["clip", "green"], 1),
        ("mask", 0, ["clip", "clip mask", "green"], 1),
        ("splines", 1, ["clip", "green"], 1),
    ):
        write(blender, scene, form)
        assert len(blender.data.masks) == count, form
        assert names(scene) == strips, form
        assert len(strip.modifiers) == modifiers, form
        assert strip.mute == (form == "cutout"), form
        render = kit.render_frame(blender, scene, 4, tmp_path / "r")
        assert np.abs(render[2, 2] - kit.GREEN).max() < 0.05, form
        x, y = kit.object_at(3)
        assert render[y + 20, x + 8, 0] > 0.8, form
    blender.ops.cutout.remove()
    assert not len(blender.data.masks)
    assert names(scene) == ["clip", "green"]
    assert not len(strip.modifiers)
