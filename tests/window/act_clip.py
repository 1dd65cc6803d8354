"""Tests the clip: propagating (stopped once, then while scrubbing), moved strips, writing, saving, a dying engine."""

from __future__ import annotations

import os
import signal
import time

import bpy
import bpy_kit as kit
from desk import Steps
from stage import GREEN, RENDER, START, Stage, apart, package


def _look_busy() -> float:
    bpy.context.window_manager.cutout.busy = True
    return 0.01


def cancel(stage: Stage) -> Steps:
    """A propagation is stopped by the button; finished frames stay until they are undone."""
    desk, drawn = stage.desk, stage.track.keyframe_count
    bpy.app.timers.register(_look_busy)  # shows the button, so that it is found before there is a hurry
    desk.area.tag_redraw()
    yield 0.5
    yield from desk.find_buttons(shares=(0.12, 0.84, 0.87, 0.9))
    bpy.app.timers.unregister(_look_busy)
    desk.status.busy = False
    with desk.override("UI"):
        bpy.ops.cutout.propagate(direction="BOTH")
    while desk.status.busy and desk.status.progress == 0.0:
        yield 0.02
    engine = package("tasks.jobs").queue.client.ready.pid
    os.kill(engine, signal.SIGSTOP)  # the clip is so short that it could be through before the mouse is there
    try:
        yield from desk.press("cutout.cancel")
        yield 0.5
    finally:
        os.kill(engine, signal.SIGCONT)
    yield from desk.idle()
    stage.says("a propagation is stopped", "was cancelled")
    done = stage.track.done_count
    stage.check("what is finished stays", drawn < done < stage.track.frame_count, f"{done} frames")
    yield from desk.rest()
    stage.shot("stopped")
    yield from desk.find_buttons()
    yield from stage.do("cutout.undo_round")
    stage.check("a stopped one is taken back", stage.track.done_count == drawn, stage.track.done_count)


def propagate(stage: Stage) -> Steps:
    """The clip is scrubbed while the mask goes through it."""
    yield from stage.desk.press("propagate(direction='BOTH')")
    stage.desk.move(*stage.desk.to_screen((0, 0)))
    yield 0.2
    stage.gaps.clear()
    pressed, visited, began = 0, set(), time.monotonic()
    while stage.desk.status.busy and pressed < 500:
        pressed += 1
        yield from stage.desk.key("Right" if pressed % 20 < 10 else "Left")
        visited.add(stage.scene.frame_current)
        if pressed == 12:
            stage.shot("propagating")
    seconds, pauses = time.monotonic() - began, sorted([0.0, *stage.gaps])
    detail = (
        f"{pressed} keys, {len(visited)} frames; pause {pauses[len(pauses) // 2]:.2f} s, longest {pauses[-1]:.2f} s"
    )
    stage.check(
        "the window stays alive while the mask goes through",
        (len(visited) > 3 or seconds < 1) and pauses[-1] < 1.5,
        detail,
    )
    yield from stage.desk.idle()  # a loaded machine takes longer than the keys
    stage.check("every frame has a mask", stage.track.done_count == stage.track.frame_count, stage.message())


def turn(stage: Stage) -> Steps:
    """The mask lies on the object wherever the strip is moved."""
    scene = stage.scene
    for name, layout in kit.LAYOUTS.items():
        scene.render.resolution_x, scene.render.resolution_y = layout.render
        scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = layout.aspect
        kit.place(stage.strip, layout)
        frame = 9
        scene.frame_set(START + frame)
        with stage.desk.override():
            bpy.ops.sequencer.view_all_preview()
        scene.cutout.show_mask = False
        yield 0.6
        bare = stage.look(layout, frame)
        scene.cutout.show_mask = True
        yield 0.6
        seen = stage.look(layout, frame)
        stage.shot(f"mask {name}")
        ok = apart(bare[0], seen[0]) > 40 and apart(bare[1], seen[1]) < 6
        stage.check(f"the mask lies right: {name}", ok, f"in {bare[0]} → {seen[0]}, out {bare[1]} → {seen[1]}")
    plain = kit.Layout(START, RENDER)
    scene.render.resolution_x, scene.render.resolution_y = RENDER
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = plain.aspect
    kit.place(stage.strip, plain)
    with stage.desk.override():
        bpy.ops.sequencer.view_all_preview()
    yield 0.5


def write(stage: Stage) -> Steps:
    """The composite shows live; undo brings the mask back."""
    plain, frame = kit.Layout(START, RENDER), 9
    images = set(bpy.data.images)
    yield from stage.desk.find_buttons()
    yield from stage.do("cutout.write_strips")
    yield from stage.desk.rest()
    yield 0.5
    stage.says("the strips are written", "Wrote")
    inside, outside = stage.look(plain, frame)
    stage.shot("composite")
    red = kit.picture(frame)[kit.truth(frame) > 0.5][0]
    stage.check("the object stays, without tint", apart(inside, red) < 60, f"{inside} for {tuple(map(int, red))}")
    stage.check("the background is the strip below", apart(outside, GREEN) < 12, f"{outside} for {GREEN}")
    stage.check("no image is left in the file", set(bpy.data.images) == images, [i.name for i in bpy.data.images])
    head = stage.track.head
    yield from stage.do("cutout.undo_round")
    stage.says("a step is taken back", "Undid the last step")
    drawn = stage.track.keyframe_count
    stage.check("only the drawn frames are left", stage.track.done_count == drawn, stage.track.done_count)
    stage.shot("step taken back")
    with stage.desk.override():
        bpy.ops.ed.undo()
    yield from stage.desk.idle()
    stage.check("Blender's undo brings it back", stage.track.head == head, stage.message())


def save_and_load(stage: Stage) -> Steps:
    """The masks move next to the file, and are shown before an engine runs."""
    blend = stage.scratch / "project" / "mein Projekt é.blend"
    blend.parent.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    yield 0.5
    stage.check("masks beside the file", stage.track.folder.startswith("//"), stage.track.folder)
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    yield 1.5
    strip = stage.strip
    strip.modifiers[0].mute = True
    stage.scene.frame_set(START + 9)
    yield 0.8
    seen = stage.look(kit.Layout(START, RENDER), 9)
    red = kit.picture(9)[kit.truth(9) > 0.5][0]
    stage.check("the mask shows after loading", apart(seen[0], red) > 40 and not stage.desk.status.engine, seen[0])
    stage.shot("loaded")
    strip.modifiers[0].mute = False


def lose_the_engine(stage: Stage) -> Steps:
    """The engine is killed midway; work continues after a restart."""
    yield from stage.desk.show_tab("Cutout")
    yield from stage.desk.find_buttons()
    stage.scene.frame_set(START + 22)
    before = stage.track.keyframe_count
    yield from stage.do("cutout.auto")
    stage.check("a first guess on another frame", stage.track.keyframe_count == before + 1, stage.message())
    stage.shot("auto")
    yield from stage.desk.press("propagate(direction='BOTH')")
    pump = package("tasks.jobs").queue
    for _ in range(1200):
        yield 0.02
        if stage.desk.status.busy and stage.desk.status.progress > 0.05:
            break
    os.kill(pump.client.ready.pid, signal.SIGKILL)
    yield from stage.desk.idle()
    stage.check("the loss is reported", stage.desk.status.lost and stage.desk.status.level == "ERROR", stage.message())
    yield from stage.desk.rest()
    stage.shot("engine lost")
    yield from stage.desk.find_buttons()
    yield from stage.do("cutout.restart_engine")
    yield from stage.desk.find_buttons()
    yield from stage.do("propagate(direction='BOTH')")
    stage.check("work goes on", stage.track.done_count == stage.track.frame_count, stage.message())
    stage.shot("engine back")
