"""Times a new user's first cutout: from the clip to the composite, then a second object and a correction.

CUTOUT_DAY may name a JSON file with another clip: `pictures` (a folder), `first`, `second` and `correction`, each as
[clip frame, [stroke, …]] with strokes as lists of source pixels, and `truth`, a folder of masks for `first`.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import bpy
from desk import Point, Steps, dense
from stage import START, Stage, package, strips_of

FIRST = {
    "first": [0, [[[430, 480], [650, 490]], [[540, 360], [540, 600]]]],
    "second": [12, [[[1500, 150], [1560, 180]]]],
    "correction": [6, [[[560, 510], [760, 520]]]],
}
"""Of the film of the test."""
LIMITS = ((14, 60.0), (14, 45.0))
"""Actions and seconds: to the composite, and for what follows."""


class Day:
    """Counts what the hand does, and the seconds without those in which the test looks for a button."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.desk = stage, stage.desk
        self.actions: list[str] = []
        self._began, self._sought = time.monotonic(), 0.0
        self.size = (1.0, 1.0)

    def begin(self) -> None:
        """Starts the clock."""
        self.actions, self._began, self._sought = [], time.monotonic(), 0.0

    def seconds(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._began - self._sought

    def look(self) -> Steps:
        """Looks for the buttons, while the clock stands still."""
        began = time.monotonic()
        yield from self.desk.find_buttons()
        self._sought += time.monotonic() - began

    def press(self, button: str) -> Steps:
        """Presses a button and waits for the engine."""
        if not any(button in command for command in self.desk.buttons):
            yield from self.look()
        self.actions.append(button)
        yield from self.desk.press(button)
        yield from self.desk.idle()

    def draw(self, strokes: list[list[Point]]) -> Steps:
        """Draws strokes, and waits until the last one's mask is there."""
        track = self.stage.track
        wanted = len(track.applied.split()) + len(strokes)
        for stroke in strokes:
            self.actions.append("stroke")
            yield from self.desk.drag([self._place(*point) for point in dense(stroke)])
        until = time.monotonic() + 30
        while len(self.stage.track.applied.split()) < wanted and time.monotonic() < until:
            yield 0.05
        yield from self.desk.idle()

    def go_to(self, frame: int) -> Steps:
        """Goes to a frame, as by a click on the timeline's ruler."""
        self.actions.append("scrub")
        self.stage.scene.frame_set(START + frame)
        yield 0.8

    def _place(self, x: float, y: float) -> Point:
        return self.desk.to_screen((x - self.size[0] / 2, self.size[1] / 2 - y))


def day(stage: Stage) -> Steps:
    """The whole of it."""
    file = os.environ.get("CUTOUT_DAY")
    clip: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8")) if file else FIRST
    one = Day(stage)
    yield from clear(stage, one, clip)
    one.begin()
    yield from first(stage, one, clip)
    report(stage, "to the composite", one, LIMITS[0])
    truth(stage, clip)
    one.begin()
    yield from more(stage, one, clip)
    report(stage, "a second object and a correction", one, LIMITS[1])


def clear(stage: Stage, one: Day, clip: dict[str, Any]) -> Steps:
    """An empty sequencer of the clip's size, with the sidebar closed."""
    scene, desk = stage.scene, stage.desk
    yield from desk.idle()
    while len(scene.cutout.tracks):
        with desk.override("UI"):
            bpy.ops.cutout.remove()
    for strip in list(strips_of(scene)):
        strips_of(scene).remove(strip)
    strip = add(stage, clip)
    one.size = (float(strip.elements[0].orig_width), float(strip.elements[0].orig_height))
    scene.render.resolution_x, scene.render.resolution_y = map(int, one.size)
    scene.frame_end = START + round(strip.frame_final_duration) - 1
    strips_of(scene).remove(strip)
    scene.cutout.auto_apply, scene.cutout.follow_me, scene.cutout.show_mask = True, False, True
    scene.frame_set(START)
    desk.area.spaces.active.show_region_ui = False
    with desk.override():
        bpy.ops.sequencer.view_all_preview()
    yield 1.0


def add(stage: Stage, clip: dict[str, Any]) -> Any:
    """The clip in the sequencer, as after a drop."""
    scene = stage.scene
    if "pictures" not in clip:
        strip = strips_of(scene).new_movie("film", str(stage.film), 2, START)
    else:
        files = sorted(Path(clip["pictures"]).iterdir())
        strip = strips_of(scene).new_image(Path(clip["pictures"]).parent.name, str(files[0]), 2, START)
        for file in files[1:]:
            strip.elements.append(file.name)
    scene.sequence_editor.active_strip = strip
    with stage.desk.override():
        bpy.ops.sequencer.refresh_all()
    return strip


def first(stage: Stage, one: Day, clip: dict[str, Any]) -> Steps:
    """From the dropped clip to the composite over another background."""
    desk = stage.desk
    one.actions.append("drop")
    add(stage, clip)
    yield 0.5
    one.actions += ["N", "the tab"]
    yield from desk.show_tab("Cutout")
    yield from one.look()
    yield from one.press("cutout.new")
    yield from one.look()
    yield from one.press("cutout.start_brush(detail=False)")
    frame, strokes = clip["first"]
    if frame:
        yield from one.go_to(frame)
    yield from one.draw(strokes)
    stage.shot("day first mask")
    yield from one.press("propagate(direction='BOTH')")
    yield from one.press("cutout.write_strips")
    yield from one.press("cutout.replace_background(kind='COLOR'")
    yield 0.5
    stage.shot("day composite")
    track = stage.track
    stage.check("the day: every frame has a mask", track.done_count == track.frame_count, stage.message())
    stage.check("the day: it is composed", bool(track.written_head) and track.written_head == track.head)


def more(stage: Stage, one: Day, clip: dict[str, Any]) -> Steps:
    """A second object, and a correction of the first, after Write Strips."""
    scene, desk = stage.scene, stage.desk
    frame, strokes = clip["second"]
    yield from one.go_to(frame)
    one.actions.append("+")
    with desk.override("UI"):  # the list's small button is hard to hit
        bpy.ops.cutout.new("INVOKE_DEFAULT")
    yield from desk.idle()
    yield from one.look()
    yield from one.draw(strokes)
    stage.shot("day second object")
    one.actions.append("the first one's line in the list")
    scene.cutout.active_index = 0
    frame, strokes = clip["correction"]
    yield from one.go_to(frame)
    yield from one.draw(strokes)
    stage.shot("day correction")
    yield from one.press("cutout.propagate_all")
    yield from one.press("cutout.write_strips")
    yield 0.5
    stage.shot("day both objects")
    done = [(track.done_count, track.written_head == track.head) for track in scene.cutout.tracks]
    stage.check("the day: both are written", done == [(stage.track.frame_count, True)] * 2, f"{done} {stage.message()}")


def report(stage: Stage, what: str, one: Day, limits: tuple[int, float]) -> None:
    """Checks the actions, and the seconds on a machine that does nothing else."""
    count, seconds = len(one.actions), one.seconds()
    text = f"{count} actions, {seconds:.1f} s: {', '.join(one.actions)}"
    stage.check(f"the day: {what}", count <= limits[0] and seconds <= limits[1], text)


def truth(stage: Stage, clip: dict[str, Any]) -> None:
    """Reports how well the first object's masks fit known ones."""
    if "truth" not in clip:
        return
    read, jobs = package("formats.png").read_grey, package("tasks.jobs")
    fits = []
    for frame, file in enumerate(sorted(Path(clip["truth"]).iterdir())):
        path = jobs.matte_file(stage.track, frame)
        if path is not None:
            mask, known = read(path) > 127, read(file) > 127
            fits.append(float((mask & known).sum() / max(1, (mask | known).sum())))
    stage.check("the day: the masks fit", len(fits) > 0, f"mean IoU {sum(fits) / max(1, len(fits)):.3f}")
