"""Auto Apply: a timer that sees strokes that were just drawn, has the engine apply them, and fades what was applied.

No modal operator: those would keep Blender from saving by itself.
"""

# No `from __future__ import annotations`: see CONTRIBUTING.md.

import logging
from typing import Any

import bpy

from ..client.job_queue import Job
from ..core.errors import CutoutError
from ..host import annotations, compat
from ..scene import properties, written
from ..strokes.stroke_watch import StrokeWatch
from . import jobs
from .apply_strokes import known_strokes, send_strokes

_log = logging.getLogger(__name__)
_SOON, _LATER = 0.05, 0.5
"""Seconds to the next look: with a cutout, and without."""


class AutoApply:
    """Looks for fresh strokes of the active cutout."""

    def __init__(self) -> None:
        self._watch = StrokeWatch()
        self._faded: Any = None

    def forget(self) -> None:
        """All strokes that are there at the next look count as old."""
        self._watch.reset()
        self._faded = None

    def look(self, context: Any) -> Job | None:
        """Sends the strokes that were just drawn on the current frame; None = there are none, or they have to wait.

        They wait while the mouse draws, the clip is being opened, or the artist looks at another frame.
        """
        scene = compat.sequencer_scene(context)
        if scene is None or not len(scene.cutout.tracks):
            return None
        annotation = annotations.find(context)
        if annotation is None:
            self._watch.look(None)
            return None
        frame, drawing = scene.frame_current, annotations.is_drawing()
        try:
            if not drawing:
                # Whatever is selected when it is sent, a stroke is for the object that it was drawn for.
                self._watch.look(annotation, properties.active_track(scene).uuid)
            self._fade(annotation, scene, drawing)
            return None if drawing else self._send(context, scene, frame)
        except CutoutError as error:
            jobs.say("ERROR", error.text, error.hint)
            return None

    def _send(self, context: Any, scene: Any, frame: int) -> Job | None:
        track = properties.active_track(scene)
        if not scene.cutout.auto_apply:
            self._watch.drop()
            return None
        if not track.frame_count:
            return None
        # What the artist applied by hand meanwhile is fresh no more.
        fresh = set(self._watch.take(frame, track.uuid)) - known_strokes(scene)
        return send_strokes(context, scene, track, fresh) if fresh else None

    def _fade(self, annotation: Any, scene: Any, drawing: bool) -> None:
        """Fades by need: reading strokes takes time, and undo brings opacities of before."""
        frame = scene.frame_current
        opacities = tuple(layer.annotation_opacity for layer in annotation.layers)
        applied = tuple(track.applied for track in scene.cutout.tracks)
        hidden = not written.strokes_shown(scene)
        state = (frame, drawing, self._watch.mark(frame), applied, hidden, opacities)
        if state != self._faded:
            annotations.fade(annotation, frame, known_strokes(scene, under_way=False), drawing, hidden)
            self._faded = (*state[:-1], tuple(layer.annotation_opacity for layer in annotation.layers))


auto = AutoApply()


def forget() -> None:
    """Another file: its strokes are old."""
    auto.forget()


def register() -> None:
    """Looks from now on; not without a window."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_LATER, persistent=True)


def unregister() -> None:
    """Looks no more."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    auto.forget()


def _tick() -> float:
    """The timer; must not raise, Blender would end it."""
    try:
        place = annotations.preview()
        if place is None:
            return _LATER
        with bpy.context.temp_override(**place):
            auto.look(bpy.context)
            scene = compat.sequencer_scene(bpy.context)
            return _SOON if scene and len(scene.cutout.tracks) else _LATER
    except Exception:  # whatever the artist's file holds, drawing must go on
        _log.exception("Strokes cannot be looked for")
        return _LATER
