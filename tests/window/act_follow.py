"""Tests Follow Me: the clip is scrubbed and drawn on while the mask goes through it by itself."""

from __future__ import annotations

import bpy_kit as kit
from desk import Steps, dense
from stage import RENDER, START, Stage

FIRST, SECOND = kit.STROKE_FRAME, 18
"""Clip frames that are drawn on; the clip shows the same picture on both."""


def follow(stage: Stage) -> Steps:
    """On a clip that has masks a stroke is followed; another one, while it is, goes first and is followed too."""
    desk, scene, track = stage.desk, stage.scene, stage.track
    scene.cutout.follow_me, head = True, track.head
    yield from stroke(stage, FIRST)
    for _ in range(400):
        if desk.status.stage.startswith("Propagating"):
            break
        yield 0.05
    stage.check("it is followed", desk.status.stage.startswith("Propagating"), desk.status.stage)
    stage.gaps.clear()
    for key in ("Right",) * 6 + ("Left",) * 3:
        yield from desk.key(key)
    stage.shot("followed while scrubbing")
    pauses = sorted([0.0, *stage.gaps])
    stage.check("the window stays alive meanwhile", pauses[-1] < 1.5, f"longest pause {pauses[-1]:.2f} s")
    before = len(track.applied.split())
    yield from stroke(stage, SECOND)
    waited = 0.0
    while len(track.applied.split()) == before and waited < 20:
        yield 0.05
        waited += 0.05
    stage.check("a stroke goes first", waited < 1.5, f"applied {waited:.2f} s after the mouse let go")
    yield from desk.idle()
    yield from desk.rest()
    stage.check("every frame has a mask", track.done_count == track.frame_count, stage.message())
    stage.check("nothing is left to propagate", track.corrected == "[]", track.corrected)
    stage.shot("followed to the end")
    scene.cutout.follow_me = False
    yield from stage.do("cutout.undo_round")
    stage.check("one step takes it back", track.corrected != "[]", track.corrected)
    for _ in range(12):
        if track.head == head:
            break
        yield from stage.do("cutout.undo_round")
    stage.check("and some more what was there before", track.head == head, track.head)


def stroke(stage: Stage, frame: int) -> Steps:
    """A stroke of Keep by the mouse, not quite where another act has drawn one."""
    stage.scene.frame_set(START + frame)
    yield 0.3
    yield from stage.desk.press("brush(label='keep')")
    plain = kit.Layout(START, RENDER)
    for points in kit.strokes()["Cutout +"]:
        yield from stage.desk.drag([stage.at(x + 1.5, y + 1.5, plain) for x, y in dense(points)])
