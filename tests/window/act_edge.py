"""Tests the panel Edge: presets, sliders, the preview that follows them, undo and keys, all by mouse and keyboard."""

from __future__ import annotations

import time

import bpy_kit as kit
from act_care import close_panel, enter, open_panel
from desk import Steps
from stage import FRAME, RENDER, START, Stage, apart, package

PLAIN = kit.Layout(START, RENDER)
WIDER = 8.0
"""Pixels by which the edge is moved outwards."""
PLACES = (0.13, 0.33, 0.53, 0.73, 0.87)
"""Where the presets are, from left to right."""
PRESETS = ("HARD", "NATURAL", "HAIR", "MOTION_BLUR")


def edge(stage: Stage) -> Steps:
    """Everything below, on a frame with a mask."""
    desk, scene = stage.desk, stage.scene
    for modifier in stage.strip.modifiers:
        modifier.mute = True
    scene.cutout.show_mask, scene.cutout.mask_view = True, "TINT"
    scene.frame_set(FRAME)
    yield 0.6
    yield from open_panel(stage, "edge")
    yield from desk.scroll(6)
    yield from desk.find_buttons(shares=PLACES)
    stage.shot("the panel Edge")
    yield from presets(stage)
    yield from slider(stage)
    yield from keys(stage)
    yield from desk.press("preset='OFF'")
    yield 0.6
    now = package("scene.edge_settings").settings_now(stage.track)  # undo has moved the one from before
    stage.check("all is at 0 again", now.is_neutral, now)
    yield from close_panel(stage, "edge_preset")
    yield from desk.scroll(-20)
    for modifier in stage.strip.modifiers:
        modifier.mute = False


def presets(stage: Stage) -> Steps:
    """Each preset sets what it says, and Reset sets everything to 0."""
    now, found = package("scene.edge_settings").settings_now, []
    for preset in PRESETS:
        yield from stage.desk.press(f"preset='{preset}'")
        yield 0.8
        found.append(now(stage.track))
        stage.shot(f"preset {preset}")
    stage.check("each preset sets something else", len(set(found)) == len(PRESETS), found)
    yield from stage.desk.press("preset='OFF'")
    yield 0.6
    stage.check("Reset sets everything to 0", now(stage.track).is_neutral, now(stage.track))


def slider(stage: Stage) -> Steps:
    """The preview follows Grow, and undo takes it back."""
    desk, track = stage.desk, stage.track
    yield from desk.rest()
    before = _outside(stage)
    stage.shot("before Grow")
    yield from enter(stage, "grow", WIDER)
    yield from _ready(stage)
    yield from desk.rest()
    stage.check("Grow is set", abs(track.edge.grow - WIDER) < 1e-4, track.edge.grow)
    stage.check("the preview shows the wider mask", apart(before, _outside(stage)) > 25, f"{before} {_outside(stage)}")
    stage.shot("after Grow")
    times = []
    for step in range(1, 6):  # as the slider moves
        start = time.perf_counter()
        track.edge.grow = WIDER + step
        yield from _ready(stage)
        times.append(time.perf_counter() - start)
    stage.check("the preview is there soon", min(times) < 0.3, ", ".join(f"{1000 * t:.0f} ms" for t in times))
    track.edge.grow = WIDER
    yield 0.4
    desk.move(*desk.to_screen((0, 0)))
    yield 0.3
    yield from desk.key("ctrl+z")
    yield 1.0
    yield from desk.idle()
    stage.check("undo takes Grow back", stage.track.edge.grow == 0, stage.track.edge.grow)
    yield from desk.rest()
    stage.check("the preview shows the mask again", apart(before, _outside(stage)) < 12, f"{before} {_outside(stage)}")


def keys(stage: Stage) -> Steps:
    """`I` over a slider keys it."""
    yield from enter(stage, "feather", 3)
    yield from stage.desk.key("i")
    yield 0.8
    keyed = package("scene.edge_settings").is_keyed(stage.track)
    stage.check("I over a slider keys it", keyed, stage.message())
    yield from stage.desk.rest()
    stage.shot("keyed")
    yield from enter(stage, "feather", 3)
    yield from stage.desk.key("alt+i")
    yield 0.8
    stage.check("Alt I takes the key away", not package("scene.edge_settings").is_keyed(stage.track), stage.message())


def _ready(stage: Stage) -> Steps:
    """Waits until the preview has what it asked for."""
    previews = package("tasks.edge_preview").previews
    end = time.monotonic() + 20
    yield 0.02
    while previews.busy and time.monotonic() < end:
        yield 0.005
    yield 0.02


def _outside(stage: Stage) -> tuple[int, ...]:
    """The screen's colour some pixels left of the object, where only a wider mask reaches."""
    x, y = kit.object_at(kit.STROKE_FRAME)
    return stage.desk.pixel(*stage.at(x - WIDER / 2, y + 30.5, PLAIN))
