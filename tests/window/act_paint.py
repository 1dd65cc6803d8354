"""Tests exact paint, the lasso and the box by the mouse: which pixels of the mask they set."""

from __future__ import annotations

from typing import Any

import bpy
import bpy_kit as kit
import numpy as np
from desk import Point, Steps, dense
from stage import FRAME, RENDER, START, Stage, package

PLAIN = kit.Layout(START, RENDER)
WIRE, BOXED = 20, 2
"""Clip frames without a mask: for paint and the lasso, and for the box."""


def paint(stage: Stage) -> Steps:
    """A wire, an area by dragging, a polygon by clicking, and a box."""
    desk, scene = stage.desk, stage.scene
    desk.area.spaces.active.show_region_toolbar = True
    yield from desk.idle()
    yield from desk.find_buttons()
    scene.frame_set(START + WIRE)
    yield from choose(stage, "PAINT")
    desk.status.brush_radius, desk.status.brush_feather = 1.5, 0.0
    yield from shape(stage, [(30.0, 20.5), (130.0, 20.5)])
    rows = mask(stage, WIRE)[:, 50:110]
    painted = sorted({int(count) for count in rows.sum(axis=0)})
    stage.check("a wire of 3 pixels is 3 pixels wide", painted == [3], f"{painted}, {stage.message()}")
    stage.shot("painted wire")
    before = mask(stage, WIRE)
    yield from choose(stage, "LASSO")
    yield from shape(stage, dense([(60.0, 60.0), (100.0, 60.0), (100.0, 90.0), (60.0, 90.0), (60.0, 60.5)], 8))
    after = mask(stage, WIRE)
    area = after & ~before
    ok = 0.9 * 40 * 30 < area.sum() < 1.1 * 40 * 30 and area[62:88, 62:98].all() and (after | before == after).all()
    stage.check("the lasso adds the area inside", ok, f"{area.sum()} pixels of {40 * 30}")
    stage.shot("lasso")
    yield from polygon(stage, [(150.0, 60.0), (190.0, 60.0), (190.0, 100.0)])
    area = mask(stage, WIRE) & ~after
    stage.check("clicks make a polygon", 0.85 * 800 < area.sum() < 1.15 * 800, f"{area.sum()} pixels of 800")
    yield from choose(stage, "PAINT")
    yield from shape(stage, [(80.0, 55.0), (80.0, 95.0)], ctrl=True)
    columns = (~mask(stage, WIRE))[65:85, 70:90].sum(axis=1)
    stage.check("Ctrl erases as exactly", set(columns.tolist()) == {3}, sorted(set(columns.tolist())))
    stage.shot("painted")
    yield from box(stage)
    with desk.override():
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box")
    desk.area.spaces.active.show_region_toolbar = False
    scene.frame_set(FRAME)
    yield 0.5


def box(stage: Stage) -> Steps:
    """A box around the object gives a first guess."""
    stage.scene.frame_set(START + BOXED)
    yield from choose(stage, "BOX")
    known = kit.truth(BOXED) > 0.5
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    corners = (columns[0] - 4.0, rows[0] - 4.0), (columns[-1] + 5.0, rows[-1] + 5.0)
    yield from shape(stage, dense(corners))
    found = mask(stage, BOXED)
    fit = (found & known).sum() / max(1, (found | known).sum())
    stage.check("a box gives a first guess", fit > 0.6, f"IoU {fit:.2f}, {stage.message()}")
    yield from stage.desk.rest()
    stage.shot("box")


def choose(stage: Stage, mode: str) -> Steps:
    """Presses the tool's button in the panel."""
    yield from stage.desk.press(f"mode='{mode}'")
    yield 0.3


def shape(stage: Stage, points: list[Point] | tuple[Point, ...], ctrl: bool = False) -> Steps:
    """Drags along source pixels, and waits until the mask has changed."""
    head = stage.track.head
    yield from stage.desk.drag([stage.at(*point, PLAIN) for point in points], ctrl=ctrl)
    yield from arrived(stage, head)


def polygon(stage: Stage, points: list[Point]) -> Steps:
    """Clicks corners and presses Enter."""
    head = stage.track.head
    for point in points:
        yield from stage.desk.click(*stage.at(*point, PLAIN))
    yield from stage.desk.key("Return")
    yield from arrived(stage, head)


def arrived(stage: Stage, head: str) -> Steps:
    """Waits for the engine's answer."""
    for _ in range(200):
        if stage.track.head != head:
            break
        yield 0.05
    yield from stage.desk.idle()


def mask(stage: Stage, frame: int) -> Any:
    """The mask of a clip frame, (H, W) bool."""
    path = package("tasks.jobs").matte_file(stage.track, frame)
    if path is None:
        return np.zeros((kit.HEIGHT, kit.WIDTH), bool)
    return package("formats.png").read_grey(path) > 127
