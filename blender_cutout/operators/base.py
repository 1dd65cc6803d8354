"""Base classes of the operators: errors become reports; in background mode they wait for the engine."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty

from ..client.job_queue import Job
from ..core.errors import CutoutError, InputError
from ..host import compat, keymap
from ..host.interface_language import CONTEXT, report, tooltip
from ..scene import preview_mode, properties
from ..tasks import jobs, scene_copies, upkeep

_WAIT = BoolProperty(
    name="Wait",
    description="Return only when the engine is done; always on in background mode",
    default=False,
    options={"SKIP_SAVE", "HIDDEN"},
)


class Reporting:
    """Turns a CutoutError raised by `run(context)`, which subclasses define, into a panel message and a report.

    `run` returns the value for `execute`.
    """

    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender wants a plain set)
    bl_translation_context = CONTEXT
    needs_result = False
    """True if it reads or changes written strips: the preview then shows the result while it runs."""
    corrects = False
    """True if it begins a correction: the preview then shows the clip."""

    def execute(self, context: Any) -> set[str]:
        """Calls `run` and reports its error."""
        try:
            if not jobs.queue.jobs:
                scene_copies.separate()
            self._show(context)
            result: set[str] = self.run(context)  # type: ignore[attr-defined]
            return result
        except CutoutError as error:
            return self.fail(error.text, error.hint)
        finally:
            scene = compat.sequencer_scene(context) if self.needs_result else None
            if scene is not None and not bpy.app.is_job_running("RENDER"):  # then the timer does it later
                preview_mode.apply(scene)
            upkeep.keeper.see()  # the panel is drawn before the next timer tick

    def _show(self, context: Any) -> None:
        """Switches the preview to what the operator needs."""
        scene = compat.sequencer_scene(context)
        if scene is not None and self.needs_result:
            preview_mode.reveal(scene)
        elif scene is not None and self.corrects:
            preview_mode.correct(scene)

    def fail(self, text: str, hint: str = "") -> set[str]:
        """Reports an error."""
        jobs.say("ERROR", text, hint)
        self.report({"ERROR"}, f"{report(text)} {report(hint)}".strip())  # type: ignore[attr-defined]
        return {"CANCELLED"}


class Keyed:
    """Adds the operator's key in the preview to its tooltip: in a panel Blender does not show it."""

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip."""
        text: str = cls.bl_description  # type: ignore[attr-defined]
        key = keymap.shortcut(cls.bl_idname)  # type: ignore[attr-defined]
        return tooltip(f"{text}. In the preview: {key}" if key else text)


class JobOperator(Reporting):
    """Gives the engine a job and returns at once, except with `wait` or in background mode.

    Subclasses define `start(context)`, which submits the job and returns it.
    """

    wait: _WAIT

    def run(self, context: Any) -> set[str]:
        """Starts the job and waits for it if needed."""
        from ..core.messages import Cancelled, Failed

        job: Job | None = self.start(context)  # type: ignore[attr-defined]
        if job is None:  # nothing for the engine to do yet
            return {"FINISHED"}
        outcome = jobs.wait(job) if self.wait or bpy.app.background else job.outcome
        if isinstance(outcome, Failed):
            return self.fail(outcome.text, outcome.hint)
        return {"CANCELLED"} if isinstance(outcome, Cancelled) else {"FINISHED"}


class WithTrack:
    """Enables an operator only if there is a cutout."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns whether the operator can run; cheap."""
        return needs_track(cls, context)


class Waiting(WithTrack):
    """Enables an operator only if there is a cutout and the engine is idle."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns whether the operator can run; cheap."""
        return super().poll(context) and needs_idle(cls)


class FileOperator(Waiting, JobOperator):
    """Runs a job on a file; opens the file browser unless `filepath` is given."""

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Opens the file browser if no file is given."""
        if self.filepath:  # type: ignore[attr-defined]
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


def opened_track(context: Any) -> tuple[Any, Any]:
    """Returns (scene, active cutout). Raises InputError if there is none or its clip is not open yet."""
    scene = compat.sequencer_scene(context)
    track = properties.active_track(scene)
    if not track.frame_count:
        if not any(job.track == track.uuid for job in jobs.queue.jobs):
            job = jobs.submit(scene, track, "Opening the clip")
            if bpy.app.background:
                from ..core.messages import Failed

                outcome = jobs.wait(job)
                if isinstance(outcome, Failed):
                    raise InputError(outcome.text, outcome.hint)
                return scene, properties.active_track(scene)
        raise InputError("The clip is still opening.", "Try again in a moment.")
    return scene, track


def has_track(context: Any) -> bool:
    """Returns True if the scene has a cutout; cheap."""
    scene = compat.sequencer_scene(context)
    return scene is not None and len(scene.cutout.tracks) > 0


def needs_own_scene(operator: Any, context: Any) -> bool:
    """Returns True if the sequencer shows a scene of this file; otherwise a grey button's tooltip says so."""
    scene = compat.sequencer_scene(context)
    if scene is None:
        operator.poll_message_set(tooltip("This sequencer shows no scene"))
        return False
    if library := compat.library_of(scene):
        operator.poll_message_set(tooltip(properties.linked_text(library)))
        return False
    return True


def needs_track(operator: Any, context: Any) -> bool:
    """Returns True if the scene has a cutout and is this file's; otherwise a grey button's tooltip says so."""
    if not needs_own_scene(operator, context):
        return False
    if has_track(context):
        return True
    operator.poll_message_set(tooltip("There is no cutout yet. Select a movie or image strip and press New Cutout"))
    return False


def needs_idle(operator: Any) -> bool:
    """Returns True if no job is open; otherwise a grey button's tooltip says so."""
    if idle():
        return True
    operator.poll_message_set(tooltip("The engine is working. Wait until it is done, or press Cancel"))
    return False


def idle() -> bool:
    """Returns True if no job is open; cheap."""
    return not properties.status().busy
