"""Operators that paint exact pixels of the mask, and draw a box around the object."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

import math
from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty

from ..client.job_queue import Job
from ..core.errors import CutoutError, StrokeError
from ..core.types import Label
from ..host import compat
from ..host.interface_language import tooltip
from ..scene import brush_tool, track_lookup
from ..scene.clip_in_view import ClipInView
from ..strokes import brush_strokes
from ..strokes.brush_strokes import Painted, Touch
from ..tasks import jobs
from .base import JobOperator, needs_track
from .drawing import Drawing, begun, clip_still_on

_CLICK = 4.0
"""A press and a release closer together than this, in screen pixels, begin a polygon of clicks."""
_CLOSES = 9.0
"""A click this close to the first corner, in screen pixels, closes the polygon."""
_HELP = "Click: next corner   Enter: close   Backspace: remove corner   Esc: cancel"
_ENTER = {"RET", "NUMPAD_ENTER"}
_SHAPE = EnumProperty(
    name="Shape",
    description="What to paint",
    items=(
        ("AUTO", "Tool's", "As the Cutout Brush is set"),
        ("PAINT", "Line", "A line as wide as the brush"),
        ("LASSO", "Area", "The area inside an outline"),
        ("BOX", "Box", "A box around the object, for a first guess"),
    ),
    options={"SKIP_SAVE"},
)
_LABEL = EnumProperty(
    name="Label",
    description="Whether to add to the mask or erase from it",
    items=((Label.KEEP.value, "Add", "Add to the mask"), (Label.REMOVE.value, "Erase", "Erase from the mask")),
)
_RADIUS = FloatProperty(
    name="Radius", description="Radius of the line; 0 = the brush's", min=0.0, options={"SKIP_SAVE", "HIDDEN"}
)


class CUTOUT_OT_paint_shape(Drawing, JobOperator, bpy.types.Operator):
    """Paint exact pixels, or draw a box around the object."""

    bl_idname = "cutout.paint_shape"
    bl_label = "Exact Paint"
    bl_description = "Paint the mask itself; later strokes leave these pixels alone. Hold Ctrl to erase"
    corrects = True

    label: _LABEL
    shape: _SHAPE
    radius: _RADIUS

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there is a cutout, and the mouse is over a preview with this tool."""
        if not needs_track(cls, context):
            return False
        if context.region is None or not context.window or not brush_tool.is_active(context):
            return True
        status = context.window_manager.cutout
        if status.brush_mode == "STROKE" or status.brush_detail:
            cls.poll_message_set(tooltip("The Cutout Brush draws strokes. Choose Paint, Lasso or Box"))
            return False
        return True

    def start(self, context: Any) -> Job:
        """Sends what was painted."""
        from ..core.messages import ApplyRound

        touches, view, kind = self.touches(), self.clip_to_draw(context), self._kind(context)
        stroke = begun(view, Label(self.label))._replace(touches=touches)
        stroke = stroke._replace(radius=self.radius or stroke.radius)
        _check_inside(stroke, view, kind)
        uuid, frame = view.track.uuid, view.frame
        scene = compat.sequencer_scene(context)
        if kind == "BOX":
            box = brush_strokes.corners(stroke)
            job = jobs.submit(
                scene,
                view.track,
                "Looking for the object",
                lambda wire: ApplyRound(wire, uuid, frame, (), auto=True, box=box),
                then=lambda _: "A first guess. Correct it with strokes.",
                undo="Box",
            )
        else:
            feather = context.window_manager.cutout.brush_feather
            shapes = brush_strokes.to_shapes(stroke, feather, filled=kind == "LASSO")
            records = tuple(shape.to_json() for shape in shapes)
            job = jobs.submit(
                scene,
                view.track,
                "Painting",
                lambda wire: ApplyRound(wire, uuid, frame, (), paint=records),
                then=lambda _: "Painted.",
                undo=self.bl_label,
            )
        job.round_on = frame
        return job

    def begin(self, context: Any, view: ClipInView, touch: Touch) -> None:
        """Begins at the mouse."""
        kind = self._kind(context)
        brush_tool.live[:] = [stroke._replace(closed=kind != "PAINT") for stroke in brush_tool.live]
        if kind == "BOX":
            jobs.queue.expect(view.track.uuid, view.frame)
        self._drag: str = kind
        self._frame: int = view.frame
        self._corners: list[Touch] = []
        self._touches: list[Touch] = [touch]
        self._draw(context)

    def modal(self, context: Any, event: Any) -> set[str]:
        """Follows the mouse."""
        if self.is_given_up(context, event):
            return {"CANCELLED"}
        pressed, left = event.value == "PRESS", event.type == "LEFTMOUSE"
        if event.type in {"MOUSEMOVE", "INBETWEEN_MOUSEMOVE"}:
            self._move(context, event)
        elif self._corners and (event.type in _ENTER or left) and pressed:
            touch = self.touch(context, event)
            if event.type in _ENTER or self._away(touch, self._corners[0]) < _CLOSES:
                return self._end(context, self._corners)
            self._corners.append(touch)
        elif self._corners and event.type == "BACK_SPACE" and pressed and len(self._corners) > 1:
            self._corners.pop()
        elif not self._corners and left and event.value == "RELEASE":
            first = self._touches[0]
            if self._drag == "LASSO" and max(self._away(t, first) for t in self._touches) < _CLICK:
                self._corners = [first]
                context.workspace.status_text_set(tooltip(_HELP))
            else:
                return self._end(context, self._touches)
        self._draw(context)
        return {"RUNNING_MODAL"}

    def cancel(self, context: Any) -> None:
        """Discards it."""
        super().cancel(context)
        context.workspace.status_text_set(None)

    def clip_to_draw(self, context: Any) -> ClipInView:
        """Returns the clip in view. Raises InputError if there is none, or its mask must not change on this frame."""
        view = super().clip_to_draw(context)
        track_lookup.check_free(view.track, view.frame, compat.sequencer_scene(context).frame_current)
        return view

    def _kind(self, context: Any) -> str:
        kind = self.shape if self.shape != "AUTO" else context.window_manager.cutout.brush_mode
        return "PAINT" if kind == "STROKE" else str(kind)

    def _away(self, one: Touch, other: Touch) -> float:
        """Returns the distance of two points in screen pixels."""
        return math.dist(one[:2], other[:2]) * self._pixel

    def _move(self, context: Any, event: Any) -> None:
        touch = self.touch(context, event)
        if self._corners or self._drag == "BOX":
            self._touches = [self._touches[0], touch]
        elif self.is_further(self._touches[-1], touch):
            self._touches.append(touch)

    def _draw(self, context: Any) -> None:
        """Shows the shape so far."""
        (stroke,) = brush_tool.live
        touches = [*self._corners, self._touches[-1]] if self._corners else self._touches
        if self._drag == "BOX":
            x0, y0, x1, y1 = brush_strokes.corners(stroke._replace(touches=tuple(touches)))
            touches = [(x0, y0, 1.0), (x1, y0, 1.0), (x1, y1, 1.0), (x0, y1, 1.0)]
        brush_tool.live[:] = [stroke._replace(touches=tuple(touches))]
        context.region.tag_redraw()

    def _end(self, context: Any, touches: list[Touch]) -> set[str]:
        """Sends the shape to the engine."""
        stroke = brush_tool.live.pop()
        context.workspace.status_text_set(None)
        if stroke.closed:
            jobs.redraw("PREVIEW")  # a line stays in view until the mask arrives
        try:
            clip_still_on(context, self._frame)
        except CutoutError as error:
            jobs.redraw("PREVIEW")
            return self.fail(error.text, error.hint)
        self.points, self.shape = brush_strokes.encode(touches), self._drag
        return self.execute(context)


def _check_inside(stroke: Painted, view: ClipInView, kind: str) -> None:
    """Raises StrokeError if a shape lies outside the picture or encloses nothing."""
    x0, y0, x1, y1 = brush_strokes.corners(stroke)
    reach = stroke.radius if kind == "PAINT" else 0.0
    track = view.track
    if x1 + reach <= 0 or y1 + reach <= 0 or x0 - reach >= track.width or y0 - reach >= track.height:
        raise StrokeError("It is outside the picture.", "Paint inside the clip's picture in the preview.")
    if kind == "LASSO" and len(stroke.touches) < 3:
        raise StrokeError("The outline has fewer than three points.", "Draw around the area, or click its corners.")
    if kind == "BOX" and (x1 - x0 < 2 or y1 - y0 < 2):
        raise StrokeError("The box is too small.", "Drag from one corner to the other around the object.")


CLASSES = (CUTOUT_OT_paint_shape,)
