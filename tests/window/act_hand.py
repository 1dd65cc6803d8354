"""Tests working on after Write Strips: Clip, Result or Both, a clip that is moved, and the clicked strip's cutout."""

from __future__ import annotations

import bpy
import bpy_kit as kit
from desk import Steps
from stage import GREEN, RENDER, START, Stage, apart, package, strips_of

PLAIN = kit.Layout(START, RENDER)
WHERE = 9
"""Clip frame that is checked."""


def hand(stage: Stage) -> Steps:
    """The composite is written; the artist looks at the clip, moves it, and clicks other strips."""
    scene, desk = stage.scene, stage.desk
    yield from desk.idle()  # a button that was grey stays so under the mouse
    scene.frame_set(START + WHERE)
    yield from desk.find_buttons()
    yield from stage.do("cutout.write_strips")
    yield from desk.rest()
    yield 0.6
    yield from switch(stage)
    yield from corrections(stage)
    yield from drags(stage)
    yield from clicks(stage)


def switch(stage: Stage) -> Steps:
    """The buttons in the panel, and the key."""
    desk = stage.desk
    shown = stage.look(PLAIN, WHERE)[1]
    stage.check("the result is cut", apart(shown, GREEN) < 12, shown)
    yield from desk.press("cutout.show(mode='BOTH')")
    yield from desk.rest()
    yield 0.8
    shown = stage.look(PLAIN, WHERE)[1]
    stage.shot("both")
    stage.check("Both shows the clip around the object", apart(shown, GREEN) > 60, shown)
    yield from desk.press("cutout.show(mode='RESULT')")
    yield from desk.rest()
    yield 0.8
    shown = stage.look(PLAIN, WHERE)[1]
    stage.shot("result again")
    stage.check("Result shows the cut-out", apart(shown, GREEN) < 12, shown)


def corrections(stage: Stage) -> Steps:
    """A drawing tool shows the clip; the result is back when another tool is taken."""
    desk = stage.desk
    yield from desk.press("cutout.start_brush(detail=False)")
    yield from desk.rest()
    yield 1.2
    shown = stage.look(PLAIN, WHERE)[1]
    stage.shot("a correction begins")
    stage.check("the brush shows the clip", apart(shown, GREEN) > 60, shown)
    with desk.override():
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box")
    for _ in range(20):
        yield 0.5
        shown = stage.look(PLAIN, WHERE)[1]
        if apart(shown, GREEN) < 12:
            break
    stage.shot("the brush is put away")
    stage.check("the result is back", apart(shown, GREEN) < 12, shown)


def drags(stage: Stage) -> Steps:
    """Moves the clip in the frame while the preview shows it: that frame must get the cut of its new place."""
    strip = stage.strip
    red = kit.picture(WHERE)[kit.truth(WHERE) > 0.5][0]
    for number, (dx, dy) in enumerate([(40, 0), (-25, 20), (30, -30), (-45, 10)]):
        for _ in range(4):  # each step is drawn, and cached by Blender with the mask where it was
            strip.transform.offset_x += dx / 4
            strip.transform.offset_y += dy / 4
            yield 0.1
        yield 1.6
        place = (strip.transform.offset_x, strip.transform.offset_y)
        inside, outside = stage.look(kit.Layout(START, RENDER, place), WHERE)
        stage.shot(f"moved {number}")
        ok = apart(inside, red) < 60 and apart(outside, GREEN) < 12
        stage.check(f"the cut is where the clip is: {number + 1}", ok, f"{place}: {inside}, {outside}")
    strip.transform.offset_x = strip.transform.offset_y = 0.0
    yield 1.2


def clicks(stage: Stage) -> Steps:
    """Clicks on strips: the panel follows."""
    scene, data = stage.scene, stage.scene.cutout
    other = strips_of(scene).new_image("other", str(next(stage.clip.iterdir())), 9, START)
    scene.sequence_editor.active_strip = other
    yield 0.6
    with stage.desk.override("UI"):
        bpy.ops.cutout.new("INVOKE_DEFAULT")
    yield from stage.desk.idle()
    stage.check("a cutout of the other strip", stage.track.name == "other", stage.track.name)
    scene.sequence_editor.active_strip = stage.strip
    yield 0.8
    stage.check("the clicked strip's cutout is active", stage.track.strip_name == "clip", stage.track.name)
    stage.shot("the panel follows the click")
    scene.sequence_editor.active_strip = other
    yield 0.8
    stage.check("and back", stage.track.name == "other", stage.track.name)
    with stage.desk.override("UI"):
        bpy.ops.cutout.remove()
    strips_of(scene).remove(other)
    scene.sequence_editor.active_strip = stage.strip
    data.active_index = 0
    with stage.desk.override("UI"):
        bpy.ops.cutout.show(mode="RESULT")
    yield 0.8


def pie(stage: Stage) -> Steps:
    """The pie menu over the preview: its left place draws keep."""
    desk = stage.desk
    with desk.override():
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box")
    x, y = stage.at(120.0, 75.0, PLAIN)
    desk.move(x - 2, y)
    desk.move(x, y)
    yield 0.5
    yield from desk.key("alt+c")
    yield 1.0
    stage.shot("pie")
    desk.move(x - 60, y)
    yield 0.3
    desk.move(x - 90, y)
    yield 0.3
    yield from desk.click(x - 90, y)
    yield 0.8
    with desk.override():
        label = package("host.annotations").active_label(bpy.context)
    stage.check("the pie's left place draws keep", label is not None and label.value == "keep", label)
    with desk.override():
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box")
