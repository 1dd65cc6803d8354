"""Looks after what was written, now and then: masks follow their clips, and what cannot be put right is told."""

from __future__ import annotations

import logging
from typing import Any

import bpy

from . import jobs, wording
from .host import alignment, compat, cutstrips, maskblock, splinecare

_log = logging.getLogger(__name__)
_INTERVAL = 0.5


class Keeper:
    """What was found at the last look.

    Attributes:
        troubles: what the artist has to see to: sentences, and what to do.
    """

    def __init__(self) -> None:
        self.troubles: list[tuple[str, str]] = []

    def look(self, scene: Any) -> list[tuple[str, str]]:
        """Puts the masks of a scene right; returns what could not be."""
        found = _keep(scene)
        if found != self.troubles:
            self.troubles = found
            jobs.redraw("UI")
        return found


keeper = Keeper()


def draw(context: Any, layout: Any) -> None:
    """Draws what the artist has to see to."""
    for text, hint in keeper.troubles[:2]:
        column = layout.box().column(align=True)
        column.scale_y = 0.8
        wording.draw(context, column, text, "ERROR")
        wording.draw(context, column, hint)


def all_scenes() -> None:
    """Before saving: what is in the file must be right without the add-on."""
    for scene in bpy.data.scenes:
        _keep(scene)


def _keep(scene: Any) -> list[tuple[str, str]]:
    """Puts what was written of a scene's cutouts right; returns what could not be."""
    if not len(scene.cutout.tracks):
        return []
    return alignment.keep(scene) + cutstrips.keep(scene) + splinecare.keep(scene)


def register() -> None:
    """Looks from now on; not without a window."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_INTERVAL, persistent=True)


def unregister() -> None:
    """Looks no more."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    keeper.troubles = []


def _tick() -> float:
    """The timer; must not raise, Blender would end it. Not while the artist drags something."""
    try:
        scene = compat.sequencer_scene(bpy.context)
        windows = bpy.context.window_manager.windows
        dragging = any(len(window.modal_operators) for window in windows)
        if scene is not None and not dragging and not jobs.pump.jobs:
            maskblock.drop_begun()
            keeper.look(scene)
    except Exception:  # whatever the artist's file holds, work must go on
        _log.exception("The masks cannot be looked after")
    return _INTERVAL
