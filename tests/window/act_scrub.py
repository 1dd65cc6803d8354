"""Times playback and scrubbing of a 1920×1080 clip, with Follow Me going through it and without, in alternation."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import bpy
from act_speed import played
from desk import Point, Steps
from stage import START, Stage, package, strips_of

HERE = Path(__file__).resolve().parent
LENGTH = 60
MIDDLE = 30
"""Clip frame that is drawn on."""
TURNS = 5
RATE = 25
"""Frames per second of the clip."""
Figures = dict[bool, list[float]]
"""With Follow Me or without → a figure of each turn."""


def scrub(stage: Stage) -> Steps:
    """The film is added, and cut out once; then each turn draws a stroke and looks at it while it is followed."""
    desk, scene = stage.desk, stage.scene
    yield from _film(stage)
    stage.check("a longer film is opened", stage.track.frame_count == LENGTH, stage.message())
    yield from _stroke(stage, 0)
    with desk.override("UI"):
        bpy.ops.cutout.propagate("INVOKE_DEFAULT")
    yield from desk.idle()
    stage.check("it has masks", stage.track.done_count == LENGTH, stage.message())
    for title, look in (("playing", _played), ("scrubbing", _dragged)):
        rates: Figures = {False: [], True: []}
        pauses: Figures = {False: [], True: []}
        for times in stage.spent.values():
            times.clear()
        for turn in range(TURNS + 1):
            for following in (True, False):
                if following:
                    scene.cutout.follow_me = True
                    yield from _stroke(stage, turn + 1)
                    while not desk.status.stage.startswith("Propagating"):
                        yield 0.02
                rate, gap = yield from _measured(stage, look)
                if following:
                    stage.check(f"it is still followed after {title}", desk.status.busy, desk.status.stage)
                    with desk.override("UI"):
                        bpy.ops.cutout.cancel()
                    yield from desk.idle()
                    scene.cutout.follow_me = False
                if turn:  # the first one fills Blender's cache
                    rates[following].append(rate)
                    pauses[following].append(gap)
        off, on = (statistics.median(rates[following]) for following in (False, True))
        detail = f"{off:.1f} → {on:.1f} fps, ratio {on / off:.2f}, of {_list(rates[False])} → {_list(rates[True])}"
        stage.check(f"{title} keeps the clip's rate while it is followed", on > 0.9 * min(off, RATE), detail)
        calm, busy = (max(pauses[following]) for following in (False, True))
        detail = f"longest pause {1000 * calm:.0f} → {1000 * busy:.0f} ms; {stage.worst()[1]}"
        stage.check(f"the window is never held up by the add-on while {title}", stage.worst()[0] < 0.05, detail)


def _film(stage: Stage) -> Steps:
    scene, desk = stage.scene, stage.desk
    film = stage.scratch / "a longer film.mp4"
    maker = subprocess.Popen([os.environ["CUTOUT_PYTHON"], str(HERE / "film.py"), str(film), "1", str(LENGTH)])
    while maker.poll() is None:
        yield 0.2
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    scene.render.fps, scene.frame_end, scene.sync_mode = RATE, START + LENGTH - 1, "NONE"
    for strip in list(strips_of(scene)):
        strip.mute = True
    scene.sequence_editor.active_strip = strips_of(scene).new_movie("long", str(film), 8, START)
    scene.cutout.auto_apply, scene.cutout.show_mask = True, True
    scene.frame_set(START + MIDDLE)
    with desk.override():
        bpy.ops.sequencer.view_all_preview()
    with desk.override("WINDOW"):
        bpy.ops.sequencer.view_all()
    with desk.override("UI"):
        bpy.ops.cutout.new("INVOKE_DEFAULT")
    yield from desk.idle()


def _stroke(stage: Stage, number: int) -> Steps:
    """A stroke of Keep in the object, a bit elsewhere each time; returns when its mask is there."""
    desk, track = stage.desk, stage.track
    with desk.override():
        bpy.ops.wm.tool_set_by_id(name=package("scene.brush_tool").IDNAME)
    desk.status.brush_radius = 14.0
    stage.scene.frame_set(START + MIDDLE)
    yield 0.6
    before = len(track.applied.split())
    x, y = 180.0 - 9 * (number % 7), -90.0 + 8 * (number % 5)
    yield from desk.drag([desk.to_screen((x + 15 * step, y)) for step in range(5)])
    for _ in range(200):
        if len(track.applied.split()) > before:
            break
        yield 0.05
    with desk.override():
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box")


def _measured(
    stage: Stage, look: Callable[[Stage], Generator[float, None, float]]
) -> Generator[float, None, tuple[float, float]]:
    """Returns the frames per second, and the longest pause."""
    stage.gaps.clear()
    rate = yield from look(stage)
    return rate, max(stage.gaps, default=0.0)


def _played(stage: Stage) -> Generator[float, None, float]:
    return (yield from played(stage, 2.5))


def _dragged(stage: Stage) -> Generator[float, None, float]:
    """Drags the playhead through the clip at its rate, by a hand that does not hold Blender up."""
    shown: list[float] = []

    def count(*_: Any) -> None:
        shown.append(time.perf_counter())

    region = stage.desk.region("WINDOW")
    places: list[Point] = []
    for frame in [*range(4, LENGTH - 4)]:
        x, _ = region.view2d.view_to_region(START + frame + 0.5, 1, clip=False)
        places.append((region.x + x, stage.desk.window.height - 1 - (region.y + region.height - 12)))
    stage.desk.move(places[0][0] - 3, places[0][1])
    yield 0.2
    hand: list[str] = ["mousemove", *_text(places[0]), "mousedown", "1", "sleep", "0.2"]
    for place in places[1:]:
        hand += ["mousemove", *_text(place), "sleep", str(1 / RATE)]
    bpy.app.handlers.frame_change_post.append(count)
    process = subprocess.Popen(["xdotool", *hand, "mouseup", "1"])
    while process.poll() is None:
        yield 0.05
    bpy.app.handlers.frame_change_post.remove(count)
    steps = shown[1:]
    return (len(steps) - 1) / (steps[-1] - steps[0]) if len(steps) > 2 else 0.0


def _text(place: Point) -> list[str]:
    return [str(int(place[0])), str(int(place[1]))]


def _list(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)
