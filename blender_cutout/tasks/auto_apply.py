"""Runs Auto Apply: a timer that finds new strokes, sends them to the engine, and fades applied strokes.

Not a modal operator: those would block Blender's auto-save.
"""

# No `from __future__ import annotations`: see CONTRIBUTING.md.

import logging
from typing import Any

import bpy

from ..client.job_queue import Job
from ..core.errors import CutoutError
from ..host import annotations, compat
from ..scene import brush_tool, preview_mode, properties, selection, written
from ..strokes.stroke_watch import StrokeWatch
from . import jobs, upkeep
from .apply_strokes import known_strokes, send_strokes

_log = logging.getLogger(__name__)
_SOON, _LATER = 0.05, 0.5
"""Seconds between checks: with a cutout, and without."""


class AutoApply:
    """Finds new strokes of the active cutout."""

    def __init__(self) -> None:
        self._watch = StrokeWatch()
        self._faded: Any = None
        self._drawing_tool = False

    def forget(self) -> None:
        """Treats all strokes present at the next check as old."""
        self._watch.reset()
        self._faded = None

    def look(self, context: Any) -> Job | None:
        """Sends the strokes that were just drawn on the current frame; None = there are none, or they must wait.

        They wait while the mouse draws, the clip is being opened, or the artist looks at another frame.
        """
        scene = compat.own_scene(context)
        if scene is None or not len(scene.cutout.tracks):
            return None
        annotation = annotations.find(context)
        if annotation is None:
            self._watch.look(None)
            return None
        frame, drawing = scene.frame_current, annotations.is_drawing()
        try:
            if not drawing:
                # A stroke belongs to the object it was drawn for, whatever is selected when it is sent.
                self._watch.look(annotation, properties.active_track(scene).uuid)
            self._fade(annotation, scene, drawing)
            return None if drawing else self._send(context, scene, frame)
        except CutoutError as error:
            jobs.say("ERROR", error.text, error.hint)
            return None

    def follow_tool(self, context: Any, scene: Any) -> None:
        """Restores the preview when the artist puts the drawing tool away."""
        before, self._drawing_tool = self._drawing_tool, is_drawing_tool(context)
        if before and not self._drawing_tool and scene.cutout.preview_back and not jobs.queue.jobs:
            preview_mode.go_back(scene)
            jobs.redraw()

    def _send(self, context: Any, scene: Any, frame: int) -> Job | None:
        track = properties.active_track(scene)
        if not scene.cutout.auto_apply:
            self._watch.drop()
            return None
        if not track.frame_count:
            return None
        # Strokes that the artist applied by hand meanwhile are no longer new.
        fresh = set(self._watch.take(frame, track.uuid)) - known_strokes(scene)
        return send_strokes(context, scene, track, fresh) if fresh else None

    def _fade(self, annotation: Any, scene: Any, drawing: bool) -> None:
        """Fades strokes only when needed: reading strokes takes time, and undo restores old opacities."""
        frame = scene.frame_current
        opacities = tuple(layer.annotation_opacity for layer in annotation.layers)
        applied = tuple(track.applied for one in bpy.data.scenes for track in one.cutout.tracks)
        hidden = not written.strokes_shown(scene)
        state = (frame, drawing, self._watch.mark(frame), applied, hidden, opacities)
        if state != self._faded:
            annotations.fade(annotation, frame, known_strokes(scene, under_way=False), drawing, hidden)
            self._faded = (*state[:-1], tuple(layer.annotation_opacity for layer in annotation.layers))


def is_drawing_tool(context: Any) -> bool:
    """Returns True if the active tool draws strokes."""
    return brush_tool.is_active(context) or annotations.active_label(context) is not None


auto = AutoApply()


def forget() -> None:
    """Treats the strokes of a newly loaded file as old."""
    auto.forget()


def register() -> None:
    """Starts checking; does nothing in background mode."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_LATER, persistent=True)


def unregister() -> None:
    """Stops checking."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    auto.forget()


def _tick() -> float:
    """Timer callback; must not raise, or Blender would stop it."""
    try:
        scene = compat.own_scene(bpy.context)
        if scene is not None and selection.follower.follow(scene):
            upkeep.keeper.see()
            jobs.redraw()
        place = annotations.preview()
        if place is None:
            return _LATER
        with bpy.context.temp_override(**place):
            auto.look(bpy.context)
            scene = compat.own_scene(bpy.context)
            if scene is not None:
                auto.follow_tool(bpy.context, scene)
            return _SOON if scene and len(scene.cutout.tracks) else _LATER
    except Exception:  # whatever is in the artist's file, drawing must go on
        _log.exception("Cannot check for new strokes")
        return _LATER
