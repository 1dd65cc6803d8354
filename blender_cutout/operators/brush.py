"""Operators of the Cutout Brush and the Detail Brush: paint a stroke, change the radius, erase strokes."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty

from ..core.errors import CutoutError, StrokeError
from ..core.types import Label
from ..host import compat
from ..host.interface_language import tooltip
from ..scene import brush_modes, brush_tool, properties
from ..scene.clip_in_view import ClipInView, clip_in_view
from ..strokes import brush_strokes
from ..strokes.brush_strokes import Painted, Touch
from ..tasks import jobs
from ..tasks.apply_strokes import send_strokes
from .base import Reporting, WithTrack, needs_track
from .drawing import Drawing, begun, clip_here, clip_still_on

_LABEL = EnumProperty(
    name="Label",
    description="Whether the stroke keeps or removes what it covers",
    items=(
        (Label.KEEP.value, "Keep", "Paint over what to keep"),
        (Label.REMOVE.value, "Remove", "Paint over what to remove"),
    ),
)
_DETAIL = BoolProperty(
    name="Detail",
    description="The stroke marks fine detail such as hair for the edge, and leaves the mask alone",
    options={"SKIP_SAVE"},
)
_FACTOR = FloatProperty(
    name="Factor",
    description="Multiplies the radius; 0 = change it with the mouse",
    min=0.0,
    max=10.0,
    options={"SKIP_SAVE"},
)


class CUTOUT_OT_paint(Drawing, bpy.types.Operator):
    """Paint a stroke over the preview."""

    bl_idname = "cutout.paint"
    bl_label = "Cutout Stroke"
    bl_description = "Paint a stroke over what to keep or remove"
    bl_options = {"UNDO"}  # noqa: RUF012 (Blender wants a plain set)
    corrects = True

    label: _LABEL
    detail: _DETAIL

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there is a cutout, and the mouse is over a preview with this tool."""
        if not needs_track(cls, context):
            return False
        if context.region is None or not context.window:
            return True
        if context.region.type != "PREVIEW":
            cls.poll_message_set(tooltip("The mouse is not over a preview"))
            return False
        status = context.window_manager.cutout
        if status.brush_mode == brush_modes.STROKE or status.brush_detail or not brush_tool.is_active(context):
            return True
        cls.poll_message_set(tooltip("The Cutout Brush paints the mask itself. Choose Strokes"))
        return False

    def run(self, context: Any) -> set[str]:
        """Adds a stroke made of `points`, without the mouse."""
        touches, view = self.touches(), self.clip_to_draw(context)
        return self._end(context, begun(view, Label(self.label))._replace(touches=touches))

    def begin(self, context: Any, view: ClipInView, touch: Touch) -> None:
        """Starts a stroke at the mouse."""
        self.detail = self.detail or context.window_manager.cutout.brush_detail
        if not self.detail:
            jobs.queue.expect(view.track.uuid, view.frame)
        self._add(context, touch)

    def modal(self, context: Any, event: Any) -> set[str]:
        """Follows the mouse."""
        if self.is_given_up(context, event):
            return {"CANCELLED"}
        if event.type in {"MOUSEMOVE", "INBETWEEN_MOUSEMOVE"}:
            self._add(context, self.touch(context, event))
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            stroke = brush_tool.live.pop()
            try:
                return self._end(context, stroke)  # no redraw needed until the mask arrives
            except CutoutError as error:
                jobs.redraw("PREVIEW")
                return self.fail(error.text, error.hint)
        return {"RUNNING_MODAL"}

    def _add(self, context: Any, touch: Touch) -> None:
        """Adds a touch if it is far enough from the last one."""
        (stroke,) = brush_tool.live
        if not stroke.touches or self.is_further(stroke.touches[-1], touch):
            brush_tool.live[:] = [stroke._replace(touches=(*stroke.touches, touch))]
            context.region.tag_redraw()

    def _end(self, context: Any, stroke: Painted) -> set[str]:
        """Stores the stroke, and applies it if Auto Apply is on."""
        view = clip_still_on(context, stroke.frame)
        if not brush_strokes.touches_picture(stroke, view.picture):
            raise StrokeError("The stroke is outside the picture.", "Paint inside the clip's picture in the preview.")
        scene, track = compat.sequencer_scene(context), view.track
        kept = (track.detail_strokes if self.detail else track.strokes).add()
        kept.key, kept.label, kept.frame, kept.radius = stroke.key, stroke.label.value, stroke.frame, stroke.radius
        kept.points = brush_strokes.encode(stroke.touches)
        if self.detail:
            jobs.redraw("PREVIEW")
            if not track.edge.detail:
                jobs.say("INFO", "Detail is 0, so the stroke has no effect yet.", "Choose Hair under Edge.")
            return {"FINISHED"}
        if not scene.cutout.auto_apply:
            return {"FINISHED"}
        try:
            job = send_strokes(context, scene, track, {stroke.key})
        except CutoutError as error:  # the stroke waits for Apply Strokes
            self.fail(error.text, error.hint)
            return {"FINISHED"}
        from ..core.messages import Failed

        outcome = jobs.wait(job) if bpy.app.background else None
        if isinstance(outcome, Failed):
            self.fail(outcome.text, outcome.hint)
        return {"FINISHED"}


class CUTOUT_OT_brush_radius(bpy.types.Operator):
    """Change the radius of the Cutout Brush."""

    bl_idname = "cutout.brush_radius"
    bl_label = "Brush Radius"
    bl_description = "Change the radius of the Cutout Brush by a factor or with the mouse"
    bl_options = {"INTERNAL"}  # noqa: RUF012 (Blender wants a plain set)

    factor: _FACTOR

    def execute(self, context: Any) -> set[str]:
        """Multiplies the radius."""
        context.window_manager.cutout.brush_radius *= self.factor or 1.0
        return {"FINISHED"}

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Multiplies the radius, or follows the mouse: moving right enlarges it."""
        if self.factor:
            return self.execute(context)
        try:
            view = clip_in_view(compat.sequencer_scene(context))
        except CutoutError:
            view = None
        if view is None or context.region.type != "PREVIEW":
            return {"PASS_THROUGH"}
        self._before: float = context.window_manager.cutout.brush_radius
        self._start: int = event.mouse_x
        self._pixel: float = brush_tool.zoom_of(context.region) * view.picture.units_per_pixel
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Follows the mouse."""
        status = context.window_manager.cutout
        if event.type == "MOUSEMOVE":
            status.brush_radius = max(0.5, self._before + (event.mouse_x - self._start) / self._pixel)
        elif event.type in {"LEFTMOUSE", "RET", "NUMPAD_ENTER"} and event.value == "PRESS":
            return {"FINISHED"}
        elif event.type in {"ESC", "RIGHTMOUSE"}:
            status.brush_radius = self._before
            return {"CANCELLED"}
        return {"RUNNING_MODAL"}


_MODE = EnumProperty(
    name="Mode", description="What the Cutout Brush draws", items=brush_modes.ITEMS, options={"SKIP_SAVE"}
)


class CUTOUT_OT_start_brush(WithTrack, Reporting, bpy.types.Operator):
    """Start the Cutout Brush."""

    bl_idname = "cutout.start_brush"
    bl_label = "Cutout Brush"
    bl_description = (
        "Start the Cutout Brush: paint over what to keep, or with Ctrl over what to remove; [ and ] change its size"
    )
    corrects = True

    detail: _DETAIL
    mode: _MODE

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip of the button."""
        if not properties.detail:
            return tooltip(brush_modes.tooltip_of(properties.mode) or str(cls.bl_description))
        return tooltip(
            "Paint over hair or fine detail so that the edge is searched more widely there; hold Ctrl to take it back. "
            "Strokes move with the mask; a frame without any uses those of the nearest frame that has some"
        )

    def run(self, context: Any) -> set[str]:
        """Activates the tool."""
        context.window_manager.cutout.brush_detail = self.detail
        context.window_manager.cutout.brush_mode = self.mode
        if bpy.app.background:
            return {"FINISHED"}
        if not brush_tool.start(context):
            return self.fail("There is no preview to paint on.", "Switch a sequencer's view to Preview.")
        jobs.queue.expect(properties.active_track(compat.sequencer_scene(context)).uuid)
        return {"FINISHED"}


class CUTOUT_OT_erase_strokes(Reporting, bpy.types.Operator):
    """Erase the Cutout Brush's strokes on this frame."""

    bl_idname = "cutout.erase_strokes"
    bl_label = "Erase Strokes"
    bl_description = (
        "Erase the Cutout Brush's strokes on this frame, or those of the Detail Brush while it is on; the mask does "
        "not change"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if the active cutout has a stroke."""
        if not needs_track(cls, context):
            return False
        if len(_of_kind(context, properties.active_track(compat.sequencer_scene(context)))) > 0:
            return True
        cls.poll_message_set(tooltip("This cutout has no strokes of the Cutout Brush"))
        return False

    def run(self, context: Any) -> set[str]:
        """Removes the strokes."""
        view = clip_here(context)
        strokes = _of_kind(context, view.track)
        for index in reversed([i for i, stroke in enumerate(strokes) if stroke.frame == view.frame]):
            strokes.remove(index)
        jobs.redraw()
        return {"FINISHED"}


def _of_kind(context: Any, track: Any) -> Any:
    """Returns the cutout's strokes of the kind that the brush paints."""
    return track.detail_strokes if context.window_manager.cutout.brush_detail else track.strokes


CLASSES = (
    CUTOUT_OT_paint,
    CUTOUT_OT_brush_radius,
    CUTOUT_OT_start_brush,
    CUTOUT_OT_erase_strokes,
)
