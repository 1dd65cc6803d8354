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
from ..host import compat, frame_plan, interface_language, rendered_frames, strips
from ..host.output import mask_splines
from ..host.output.forms import FORMS
from ..scene import doubt, frame_spans, preview_mode, properties, selection
from . import engine_setup, jobs, scene_copies, shot_queue, tier_choice
from .collected_errors import CollectedErrors

_log = logging.getLogger(__name__)
_INTERVAL = 0.5


class Facts(NamedTuple):
    """What the panel shows about a cutout's strip; the defaults hold until the first check.

    Attributes:
        reason: why its frames must be rendered first, or why they cannot be; "" = not needed.
        plan: cost of rendering them, a sentence; "" = impossible.
        rendered: there are rendered frames, which can be rendered again.
        times: time map of the clip; None = not known.
        pieces: time map of each piece of the clip.
    """

    reason: str = ""
    plan: str = ""
    rendered: bool = False
    times: TimeMap | None = None
    pieces: tuple[TimeMap, ...] = ()


class Upkeep:
    """Holds the results of the last check.

    Attributes:
        troubles: problems that need the artist: pairs of text and hint.
        offer: (uuid, name) of the cutout whose clip is in view while the active one's is not.
        meta: name of the closed meta strip around the active cutout's clip, "" = none.
        copy: name of the active strip if it is a copy that shares another strip's cutouts, "" = it is not.
        pasted: name of the active strip if it was pasted from another file with its mask, "" = it was not.
    """

    def __init__(self) -> None:
        self.troubles: list[tuple[str, str]] = []
        self._facts: dict[str, Facts] = {}
        self._reach: dict[str, str] = {}
        self.offer: tuple[str, str] | None = None
        self.meta = self.copy = self.pasted = ""

    def facts(self, track: Any) -> Facts:
        """Returns the facts about a cutout's strip; cheap."""
        return self._facts.get(track.uuid, Facts())

    def reach(self, track: Any) -> str:
        """Returns the timeline frames that propagating the corrections will change, for reading; cheap."""
        return self._reach.get(track.uuid, "")

    def see(self) -> None:
        """Updates the facts of all scenes and of the engine; redraws what shows them if they changed."""
        engine_setup.setup.look()
        if shot_queue.shots.look():
            jobs.redraw("UI")
        found, reach = {}, {}
        for scene in [scene for scene in bpy.data.scenes if scene.library is None]:
            of_strip: dict[tuple[str, int], Facts] = {}
            for track in scene.cutout.tracks:
                key = track.strip_uuid, track.frame_count
                if key not in of_strip:
                    of_strip[key] = _facts(scene, track)
                facts = found[track.uuid] = of_strip[key]
                if facts.pieces and facts.pieces != self.facts(track).pieces:  # the strip was moved, trimmed or split
                    frame_spans.relabel(scene, track)
                    doubt.judge(scene, track)
                reach[track.uuid] = frame_spans.correction_reach(scene, track, facts.pieces)
        tier = tier_choice.working()
        status = properties.status()
        elsewhere = _elsewhere()
        if elsewhere != (self.offer, self.meta, self.copy, self.pasted):
            self.offer, self.meta, self.copy, self.pasted = elsewhere
            jobs.redraw("UI")
        if (found, reach, tier) != (self._facts, self._reach, status.tier_here):
            self._facts, self._reach, status.tier_here = found, reach, tier
            jobs.redraw("UI")

    def look(self, scene: Any) -> list[tuple[str, str]]:
        """Realigns the masks of a scene; returns the problems."""
        found = _keep(scene)
        if found != self.troubles:
            self.troubles = found
            jobs.redraw("UI")
        return found


keeper = Upkeep()


def _elsewhere() -> tuple[tuple[str, str] | None, str, str, str]:
    """Returns `Upkeep.offer`, `meta`, `copy` and `pasted` for the scene that the sequencer shows."""
    scene = compat.own_scene(bpy.context)
    if scene is None:
        return None, "", "", ""
    pasted = selection.pasted_from_elsewhere(scene)
    if not len(scene.cutout.tracks):
        return None, "", "", pasted
    other = selection.in_view_instead(scene)
    meta = selection.closed_meta(scene, properties.active_track(scene))
    return (other.uuid, other.name) if other is not None else None, meta, selection.shared_copy(scene), pasted


def _facts(scene: Any, track: Any) -> Facts:
    """Returns the facts about a cutout's strip."""
    times: TimeMap | None = None
    pieces: tuple[TimeMap, ...] = ()
    try:
        if track.frame_count:  # otherwise Blender would open the movie for nothing, while New Cutout is pressed
            with suppress(CutoutError):
                times = frame_spans.times_of(scene, track)
                pieces = frame_spans.pieces_times(scene, track)
        reason = frame_plan.needed(scene, track)
        if reason:
            return Facts(reason, frame_plan.plan(scene, track).cost_text(), times=times, pieces=pieces)
        strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
        return Facts(rendered=rendered_frames.rendered_frames_of(strip) is not None, times=times, pieces=pieces)
    except CutoutError as error:
        # With an open clip, the buttons report it when pressed.
        return Facts("" if track.frame_count else f"{error.text} {error.hint}", times=times, pieces=pieces)


def all_scenes() -> None:
    """Realigns masks before saving, so that the file is right without the add-on."""
    collected = CollectedErrors()
    for scene in [scene for scene in bpy.data.scenes if scene.library is None]:
        for form in FORMS.values() if len(scene.cutout.tracks) else ():
            with collected.of(scene.name):
                form.keep(scene)
    collected.show()


def _keep(scene: Any) -> list[tuple[str, str]]:
    """Realigns the written strips of a scene; returns the problems."""
    if not len(scene.cutout.tracks) or scene.library is not None:
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
    keeper.__init__()  # type: ignore[misc]


def _redraw_everything(windows: Any) -> None:
    """Redraws all windows, as the language of the interface has changed."""
    for area in (area for window in windows for area in window.screen.areas):
        area.tag_redraw()


def _tick() -> float:
    """Timer callback; must not raise, or Blender would stop it. Pauses while the artist drags something."""
    try:
        if not jobs.queue.jobs:
            scene_copies.separate()
        keeper.see()
        scene = compat.own_scene(bpy.context)
        windows = bpy.context.window_manager.windows
        if interface_language.has_changed():
            _redraw_everything(windows)
        dragging = any(len(window.modal_operators) for window in windows)
        if scene is not None and not dragging and not jobs.queue.jobs:
            mask_splines.drop_begun()
            keeper.look(scene)
            if not bpy.app.is_job_running("RENDER") and preview_mode.apply(scene):
                jobs.redraw()
    except Exception:  # whatever is in the artist's file, work must go on
        _log.exception("Cannot check the written strips")
    return _INTERVAL
