"""Base of the operators that draw in the preview: the clip in view, the mouse's touches, and cancelling."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any
from uuid import uuid4

import bpy
from bpy.props import StringProperty

from ..core.errors import CutoutError, InputError, StrokeError
from ..core.types import Label
from ..scene import brush_tool, properties, track_lookup
from ..scene.clip_in_view import ClipInView, clip_in_view
from ..strokes import brush_strokes
from ..strokes.brush_strokes import Painted, Touch
from ..tasks import jobs
from ..tasks.apply_strokes import check_clip_here
from .base import Reporting, opened_track

_GAP = 1.5
"""Screen pixels between two points."""
_STOPS = {"ESC", "RIGHTMOUSE", "WINDOW_DEACTIVATE"}
_POINTS = StringProperty(
    name="Points",
    description="Source pixel and pressure of each point, as x,y,pressure x,y,pressure; for scripts",
    options={"SKIP_SAVE", "HIDDEN"},
)


class Drawing(Reporting):
    """Draws with the mouse into `brush_tool.live`; with `points`, draws those at once.

    Subclasses define `label`, `begin` and `modal`.
    """

    points: _POINTS

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Begins at the mouse."""
        if self.points:
            return self.execute(context)
        try:
            self._show(context)
            view = self.clip_to_draw(context)
        except CutoutError as error:
            return self.fail(error.text, error.hint)
        if context.screen.is_animation_playing:  # it belongs to the visible frame
            bpy.ops.screen.animation_cancel(restore_frame=False)
        brush_tool.live[:] = [begun(view, Label(self.label))]  # type: ignore[attr-defined]
        self._picture: Any = view.picture
        self._pixel: float = brush_tool.zoom_of(context.region) * view.picture.units_per_pixel
        self.begin(context, view, self.touch(context, event))  # type: ignore[attr-defined]
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def cancel(self, _context: Any) -> None:
        """Discards it."""
        brush_tool.live.clear()
        jobs.redraw("PREVIEW")

    def clip_to_draw(self, context: Any) -> ClipInView:
        """Returns the clip in view. Raises InputError if there is none, or its mask must not change."""
        view = clip_here(context)
        track_lookup.check_unlocked(view.track)
        return view

    def is_given_up(self, context: Any, event: Any) -> bool:
        """Returns True and discards the drawing if the artist cancels, the add-on is disabled or another file loads."""
        if brush_tool.live and event.type not in _STOPS:
            return False
        self.cancel(context)
        return True

    def touch(self, context: Any, event: Any) -> Touch:
        """Returns the mouse's place in the clip and the pen's pressure."""
        view = context.region.view2d
        x, y = self._picture.to_source(view.region_to_view(event.mouse_region_x, event.mouse_region_y))
        # A mouse reports 1; some drivers report 0 as the pen lifts.
        pressure = event.pressure if context.window_manager.cutout.brush_pressure and event.is_tablet else 1.0
        return x, y, max(0.05, min(1.0, pressure))

    def is_further(self, last: Touch, touch: Touch) -> bool:
        """Returns True if a touch is far enough from the last one to be kept."""
        return brush_strokes.is_further(last, touch, _GAP / self._pixel)

    def touches(self) -> tuple[Touch, ...]:
        """Returns the touches in `points`. Raises InputError if there are none, or they cannot be read."""
        try:
            touches = brush_strokes.decode(self.points)
        except ValueError as error:
            raise InputError("The points cannot be read.", "Write x,y,pressure for each point.") from error
        if not touches:
            raise InputError("There are no points.", "Paint in the preview with the Cutout Brush.")
        return touches


def clip_here(context: Any) -> ClipInView:
    """Returns the clip in view. Raises InputError with the reason if there is none to paint on."""
    scene, _ = opened_track(context)
    view = clip_in_view(scene)
    if view is None:
        check_clip_here(scene, properties.active_track(scene))
        raise InputError(
            "The cutout's clip is not visible here.",
            "Go to a frame of its strip, and make sure the strip is not muted.",
        )
    return view


def clip_still_on(context: Any, frame: int) -> ClipInView:
    """Returns the clip in view. Raises StrokeError if it shows another frame by now."""
    view = clip_here(context)
    if view.frame != frame:
        raise StrokeError("The frame changed while you painted.", "Paint again.")
    return view


def begun(view: ClipInView, label: Label) -> Painted:
    """Returns a new stroke without points."""
    radius = bpy.context.window_manager.cutout.brush_radius
    return Painted(uuid4().hex[:12], label, view.frame, radius, ())
