"""Looks after what was written, now and then: masks follow their clips, and what cannot be put right is told.

The same timer finds out what the panel shows and takes work to know, so that drawing the panel takes none.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import bpy

from ..core.errors import CutoutError
from ..geometry.time_map import TimeMap
from ..host import compat, frame_plan, rendered_frames, strips
from ..host.output import mask_alignment, mask_splines, rgba_strip, spline_alignment
from ..scene import frame_spans, properties
from . import jobs, tier_choice
from .reports import Reports

_log = logging.getLogger(__name__)
_INTERVAL = 0.5
_KEEPERS = (mask_alignment.keep, rgba_strip.keep, spline_alignment.keep)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the panel shows of a cutout's strip; the defaults stand until the first look.

    Attributes:
        reason: why its frames must be rendered first, or why they cannot be; "" = they need not be.
        plan: what rendering them takes, a sentence; "" = it cannot be done.
        rendered: there are rendered frames, which may be rendered again.
        times: which clip frame is shown when; None = not known.
    """

    reason: str = ""
    plan: str = ""
    rendered: bool = False
    times: TimeMap | None = None


class Upkeep:
    """What was found at the last look.

    Attributes:
        troubles: what the artist has to see to: sentences, and what to do.
    """

    def __init__(self) -> None:
        self.troubles: list[tuple[str, str]] = []
        self._facts: dict[str, Facts] = {}

    def facts(self, track: Any) -> Facts:
        """What was found of a cutout's strip; cheap."""
        return self._facts.get(track.uuid, Facts())

    def see(self) -> None:
        """Finds out what the panel shows, of all scenes; changes nothing, but draws the panel again when it is new."""
        found = {}
        for scene in bpy.data.scenes:
            of_strip: dict[tuple[str, int], Facts] = {}
            for track in scene.cutout.tracks:
                key = track.strip_uuid, track.frame_count
                if key not in of_strip:
                    of_strip[key] = _facts(scene, track)
                found[track.uuid] = of_strip[key]
        tier = tier_choice.working()
        status = properties.status()
        if found != self._facts or tier != status.tier_here:
            self._facts, status.tier_here = found, tier
            jobs.redraw("UI")

    def look(self, scene: Any) -> list[tuple[str, str]]:
        """Puts the masks of a scene right; returns what could not be."""
        found = _keep(scene)
        if found != self.troubles:
            self.troubles = found
            jobs.redraw("UI")
        return found


keeper = Upkeep()


def _facts(scene: Any, track: Any) -> Facts:
    """What is to be known of a cutout's strip."""
    times = None
    try:
        with suppress(CutoutError):
            times = frame_spans.times_of(scene, track)
        reason = frame_plan.needed(scene, track)
        if reason:
            return Facts(reason, frame_plan.plan(scene, track).told(), times=times)
        strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
        return Facts(rendered=rendered_frames.rendered_frames_of(strip) is not None, times=times)
    except CutoutError as error:
        # With its clip opened the steps say it when they are pressed.
        return Facts("" if track.frame_count else f"{error.text} {error.hint}", times=times)


def all_scenes() -> None:
    """Before saving: what is in the file must be right without the add-on."""
    reports = Reports()
    for scene in bpy.data.scenes:
        for keep in _KEEPERS if len(scene.cutout.tracks) else ():
            with reports.of(scene.name):
                keep(scene)
    reports.show()


def _keep(scene: Any) -> list[tuple[str, str]]:
    """Puts what was written of a scene's cutouts right; returns what could not be."""
    if not len(scene.cutout.tracks):
        return []
    return [trouble for keep in _KEEPERS for trouble in keep(scene)]


def register() -> None:
    """Looks from now on; not without a window."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_INTERVAL, persistent=True)


def unregister() -> None:
    """Looks no more."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    keeper.troubles, keeper._facts = [], {}


def _tick() -> float:
    """The timer; must not raise, Blender would end it. Not while the artist drags something."""
    try:
        keeper.see()
        scene = compat.sequencer_scene(bpy.context)
        windows = bpy.context.window_manager.windows
        dragging = any(len(window.modal_operators) for window in windows)
        if scene is not None and not dragging and not jobs.queue.jobs:
            mask_splines.drop_begun()
            keeper.look(scene)
    except Exception:  # whatever the artist's file holds, work must go on
        _log.exception("The masks cannot be looked after")
    return _INTERVAL
