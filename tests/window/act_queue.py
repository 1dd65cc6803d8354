"""Tests the panel Queue: an object is sent, run, cancelled, run again, and removed, all by the buttons."""

from __future__ import annotations

import os
import signal
from typing import Any

from act_care import close_panel, open_panel
from desk import Steps
from stage import FRAME, Stage, package

NARROW = (0.12, 0.45, 0.84, 0.87, 0.9)
"""Where buttons are, from left to right; those beside the list and Cancel are narrow."""
_LONG = 3000
"""Most tenths of a second for the queue."""


def queue(stage: Stage) -> Steps:
    """Everything below, on an object with a keyframe."""
    desk, scene = stage.desk, stage.scene
    scene.cutout.active_index = 0
    scene.frame_set(FRAME)
    yield 0.6
    if not stage.track.keyframe_count:
        yield from desk.find_buttons()
        yield from stage.do("cutout.auto")
    yield from open_panel(stage, "queue")
    yield from send(stage)
    yield from cancel(stage)
    yield from to_the_end(stage)
    yield from remove(stage)
    yield from close_panel(stage, "send_to_queue")
    yield from desk.scroll(-20)
    yield from desk.find_buttons()


def send(stage: Stage) -> Steps:
    """Send to Queue adds a row."""
    yield from stage.desk.scroll(12)
    yield from stage.desk.find_buttons(shares=NARROW)
    yield from stage.do("send_to_queue(all=False)")
    yield 1.5
    entries = _shots().entries
    stage.check("the object waits in the queue", [entry.state for entry in entries] == ["waiting"], stage.message())
    rows = [(row.title, row.frames) for row in stage.desk.status.queue]
    stage.check("the list has its row", rows == [(entry.title, entry.frames) for entry in entries], rows)
    yield from stage.desk.rest()
    stage.shot("an object in the queue")


def cancel(stage: Stage) -> Steps:
    """Run Queue shows progress; Cancel ends it, and the job waits again."""
    desk = stage.desk
    yield from desk.scroll(12)
    yield from desk.find_buttons(shares=NARROW)
    yield from desk.press("cutout.run_queue")
    for _ in range(_LONG):
        yield 0.1
        if _shots().progress[0] > 0 or not _shots().running:
            break
    group = _shots()._process._process.pid if _shots().running else 0
    if group:
        os.killpg(group, signal.SIGSTOP)  # the clip is so short that it could be through before the mouse is there
    try:
        yield 0.6
        share, text = _shots().progress
        stage.check("the panel shows how far the queue is", share > 0 and " frames" in text, f"{share:.2f} {text}")
        stage.check("a row says that it runs", desk.status.queue[0].state == "running", desk.status.queue[0].state)
        stage.shot("the queue runs")
        yield from desk.find_buttons(shares=NARROW)
        yield from desk.press("cutout.cancel_queue")
        yield 0.4
    finally:
        if group:
            os.killpg(group, signal.SIGCONT)
    yield from _ended()
    stage.says("the queue is cancelled", "The queue was cancelled")
    stage.check("the job waits again", [entry.state for entry in _shots().entries] == ["waiting"], _shots().entries)


def to_the_end(stage: Stage) -> Steps:
    """Run Queue goes on, and the object takes its masks; the window answers meanwhile."""
    before = stage.track.head
    yield from stage.desk.find_buttons(shares=NARROW)
    yield from stage.desk.press("cutout.run_queue")
    stage.gaps.clear()
    yield from _ended()
    longest = max([0.0, *stage.gaps])
    yield from stage.desk.idle()
    track = stage.track
    stage.check("the job is done", [entry.state for entry in _shots().entries] == ["done"], _shots().entries)
    stage.check("the object took its masks", track.head != before and track.done_count == track.frame_count, track.head)
    stage.check("the window answers while the queue runs", longest < 2.0, f"longest pause {longest:.2f} s")
    yield from stage.desk.rest()
    stage.shot("the queue is done")


def remove(stage: Stage) -> Steps:
    """The button beside the list removes the job."""
    yield from stage.desk.find_buttons(shares=NARROW)
    yield from stage.desk.press("cutout.remove_from_queue")
    yield 0.8
    stage.check("the queue is empty", not _shots().entries and not len(stage.desk.status.queue), _shots().entries)


def _ended() -> Steps:
    for _ in range(_LONG):
        yield 0.1
        if not _shots().open:
            break
    yield 0.5


def _shots() -> Any:
    return package("tasks.shot_queue").shots
