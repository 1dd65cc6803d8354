"""Checks the written strips regularly: masks follow their clips, and problems are reported.

The same timer gathers the facts that panel and preferences show, so that drawing them does no work.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, NamedTuple

import bpy

from ..core.errors import CutoutError
from ..geometry.time_map import TimeMap
from ..host import compat, frame_plan, rendered_frames, strips
from ..host.output import mask_splines
from ..host.output.forms import FORMS
from ..scene import frame_spans, properties
from . import engine_setup, jobs, tier_choice
from .reports import Reports

_log = logging.getLogger(__name__)
_INTERVAL = 0.5


class Facts(NamedTuple):
    """What the panel shows about a cutout's strip; the defaults hold until the first check.

    Attributes:
        reason: why its frames must be rendered first, or why they cannot be; "" = not needed.
        plan: cost of rendering them, a sentence; "" = impossible.
        rendered: there are rendered frames, which can be rendered again.
        times: time map of the clip; None = not known.
    """

    reason: str = ""
    plan: str = ""
    rendered: bool = False
    times: TimeMap | None = None


class Upkeep:
    """Holds the results of the last check.

    Attributes:
        troubles: problems that need the artist: pairs of text and hint.
    """

    def __init__(self) -> None:
        self.troubles: list[tuple[str, str]] = []
        self._facts: dict[str, Facts] = {}

    def facts(self, track: Any) -> Facts:
        """Returns the facts about a cutout's strip; cheap."""
        return self._facts.get(track.uuid, Facts())

    def see(self) -> None:
        """Updates the facts of all scenes and of the engine; redraws what shows them if they changed."""
        engine_setup.setup.look()
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
        """Realigns the masks of a scene; returns the problems."""
        found = _keep(scene)
        if found != self.troubles:
            self.troubles = found
            jobs.redraw("UI")
        return found


keeper = Upkeep()


def _facts(scene: Any, track: Any) -> Facts:
    """Returns the facts about a cutout's strip."""
    times = None
    try:
        with suppress(CutoutError):
            times = frame_spans.times_of(scene, track)
        reason = frame_plan.needed(scene, track)
        if reason:
            return Facts(reason, frame_plan.plan(scene, track).cost_text(), times=times)
        strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
        return Facts(rendered=rendered_frames.rendered_frames_of(strip) is not None, times=times)
    except CutoutError as error:
        # With an open clip, the buttons report it when pressed.
        return Facts("" if track.frame_count else f"{error.text} {error.hint}", times=times)


def all_scenes() -> None:
    """Realigns masks before saving, so that the file is right without the add-on."""
    reports = Reports()
    for scene in bpy.data.scenes:
        for form in FORMS.values() if len(scene.cutout.tracks) else ():
            with reports.of(scene.name):
                form.keep(scene)
    reports.show()


def _keep(scene: Any) -> list[tuple[str, str]]:
    """Realigns the written strips of a scene; returns the problems."""
    if not len(scene.cutout.tracks):
        return []
    return [trouble for form in FORMS.values() for trouble in form.keep(scene)]


def register() -> None:
    """Starts checking; does nothing in background mode."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_INTERVAL, persistent=True)


def unregister() -> None:
    """Stops checking."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    keeper.troubles, keeper._facts = [], {}


def _tick() -> float:
    """Timer callback; must not raise, or Blender would stop it. Pauses while the artist drags something."""
    try:
        keeper.see()
        scene = compat.sequencer_scene(bpy.context)
        windows = bpy.context.window_manager.windows
        dragging = any(len(window.modal_operators) for window in windows)
        if scene is not None and not dragging and not jobs.queue.jobs:
            mask_splines.drop_begun()
            keeper.look(scene)
    except Exception:  # whatever is in the artist's file, work must go on
        _log.exception("Cannot check the written strips")
    return _INTERVAL
