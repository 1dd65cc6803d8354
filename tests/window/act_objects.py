"""Tests several objects of one clip: a second one, each in its colour, propagated together, written as one."""

from __future__ import annotations

from pathlib import Path

import bpy
import bpy_kit as kit
import numpy as np
from desk import Steps, dense
from stage import FRAME, RENDER, START, Stage, apart, package

PLAIN = kit.Layout(START, RENDER)
GROUND = [(200.0, 100.0), (215.0, 125.0), (190.0, 135.0)]
"""A stroke on the background, far from the first object."""


def objects(stage: Stage) -> Steps:
    """A second object of the clip."""
    scene, desk = stage.scene, stage.desk
    for modifier in stage.strip.modifiers:
        modifier.mute = True
    scene.cutout.mask_view, scene.cutout.show_mask = "TINT", True
    scene.frame_set(FRAME)
    yield from desk.find_buttons()
    yield from stage.do("cutout.auto")
    with desk.override("UI"):  # the list's small button is hard to hit
        bpy.ops.cutout.new()
    yield from desk.idle()
    stage.check("the strip has two objects", len(scene.cutout.tracks) == 2, stage.message())
    yield from desk.find_buttons()
    before = scene.cutout.tracks[0].applied
    yield from desk.press("brush(label='keep')")
    yield from desk.drag([stage.at(*p, PLAIN) for p in dense(GROUND)])
    for _ in range(600):  # it applies itself
        if stage.track.applied:
            break
        yield 0.1
    yield from desk.idle()
    first, second = scene.cutout.tracks
    stage.check("the stroke is the second's", second.keyframe_count == 1 and first.applied == before, stage.message())
    yield from desk.rest()
    yield from colours(stage)
    yield from stage.do("cutout.propagate_all")
    done = [track.done_count for track in scene.cutout.tracks]
    stage.check("both are propagated", done == [first.frame_count] * 2, stage.message())
    # What was drawn for both on one frame stays as it is, and the message says where it overlaps.
    twice = [f for f in range(first.frame_count) if f != FRAME - START and (_owned(f) > 1).any()]
    stage.check("no pixel has two owners", not twice, f"frames {twice}")
    scene.frame_set(START + 9)
    yield 0.6
    stage.shot("objects propagated")
    yield from stage.do("cutout.write_strips")
    stage.says("written as one", "Wrote")
    yield 0.6
    stage.shot("objects composed")
    modifiers = [m for m in stage.strip.modifiers if not m.mute]
    stage.check("the clip is shown through one mask", len(modifiers) == 1, len(modifiers))
    desk.area.tag_redraw()


def colours(stage: Stage) -> Steps:
    """Each object's tint; the eye takes one away."""
    scene = stage.scene
    masks = _masks(FRAME - START)
    places = []
    for mask in masks & (masks.sum(axis=0) == 1):
        y, x = np.argwhere(mask)[mask.sum() // 2]
        places.append(stage.at(x + 0.5, y + 0.5, PLAIN))
    scene.cutout.show_mask = False
    yield 0.6
    bare = [stage.desk.pixel(*place) for place in places]
    scene.cutout.show_mask = True
    yield 0.6
    tinted = [stage.desk.pixel(*place) for place in places]
    stage.shot("objects")
    for n, (before, after) in enumerate(zip(bare, tinted, strict=True)):
        shift = np.subtract(after, before)
        wanted = np.subtract(scene.cutout.tracks[n].colour, np.array(before) / 255)
        ok = apart(before, after) > 30 and float(np.dot(shift, wanted)) > 0
        stage.check(f"object {n + 1} is tinted in its colour", ok, f"{before} → {after}")
    scene.cutout.tracks[0].visible = False
    yield 0.6
    hidden = [stage.desk.pixel(*place) for place in places]
    # Nearly bare: the other object's mask may be faintly there as well.
    ok = apart(hidden[0], bare[0]) < apart(tinted[0], bare[0]) / 3 and apart(hidden[1], tinted[1]) < 8
    stage.check("the eye hides one of them", ok, hidden)
    scene.cutout.tracks[0].visible = True
    scene.cutout.mask_view = "GREY"
    yield 0.6
    white = [stage.desk.pixel(*place) for place in places]
    stage.check("black and white shows both", all(min(pixel) > 200 for pixel in white), white)
    stage.shot("objects black and white")
    scene.cutout.mask_view = "TINT"
    yield 0.4


def _masks(frame: int) -> np.ndarray:
    """The objects' masks of a clip frame, (N, H, W) bool."""
    jobs, png = package("tasks.jobs"), package("formats.png")
    found: list[Path] = [jobs.matte_file(track, frame) for track in bpy.context.scene.cutout.tracks]
    return np.stack([png.read_grey(path) > 127 for path in found])


def _owned(frame: int) -> np.ndarray:
    return np.asarray(_masks(frame).sum(axis=0))
