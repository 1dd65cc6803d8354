"""What the operators share: errors as reports, and waiting for the engine where there is no event loop."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty

from ..client.job_queue import Job
from ..core.errors import CutoutError, InputError
from ..host import compat, keymap
from ..scene import properties
from ..tasks import jobs, upkeep

_WAIT = BoolProperty(
    name="Wait",
    description="Return only when the engine is done; always so in background mode",
    default=False,
    options={"SKIP_SAVE", "HIDDEN"},
)


class Reporting:
    """An operator whose `run(context)`, which each class defines, may raise CutoutError: told in panel and report.

    `run` returns what `execute` is to return.
    """

    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender wants a plain set)

    def execute(self, context: Any) -> set[str]:
        """Runs it."""
        try:
            result: set[str] = self.run(context)  # type: ignore[attr-defined]
            return result
        except CutoutError as error:
            return self.fail(error.text, error.hint)
        finally:
            upkeep.keeper.see()  # the panel is drawn before the timer comes round

    def fail(self, text: str, hint: str = "") -> set[str]:
        """Tells an error."""
        jobs.say("ERROR", text, hint)
        self.report({"ERROR"}, f"{text} {hint}".strip())  # type: ignore[attr-defined]
        return {"CANCELLED"}


class Keyed:
    """An operator whose tooltip names its key in the preview: in a panel Blender itself does not."""

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """The tooltip."""
        text: str = cls.bl_description  # type: ignore[attr-defined]
        key = keymap.shortcut(cls.bl_idname)  # type: ignore[attr-defined]
        return f"{text}. In the preview: {key}" if key else text


class JobOperator(Reporting):
    """An operator that gives the engine a job: returns at once, unless told to wait or in background mode.

    Each class defines `start(context)`, which submits the job and returns it.
    """

    wait: _WAIT

    def run(self, context: Any) -> set[str]:
        """Starts the job, and waits for it where it must."""
        from ..core.messages import Cancelled, Failed  # here, not above: Blender's start is not to pay for it

        job: Job | None = self.start(context)  # type: ignore[attr-defined]
        if job is None:  # nothing to be done by the engine yet
            return {"FINISHED"}
        outcome = jobs.wait(job) if self.wait or bpy.app.background else job.outcome
        if isinstance(outcome, Failed):
            return self.fail(outcome.text, outcome.hint)
        return {"CANCELLED"} if isinstance(outcome, Cancelled) else {"FINISHED"}


class Waiting:
    """An operator that is there while there is a cutout, and the engine has nothing else to do."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether it can be pressed; cheap."""
        return has_track(context) and idle()


class FileOperator(Waiting, JobOperator):
    """A job with a file, `filepath`, that is asked for unless it is given."""

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks for the file."""
        if self.filepath:  # type: ignore[attr-defined]
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


def opened_track(context: Any) -> tuple[Any, Any]:
    """(scene, active cutout). Raises InputError when there is none, or its clip is not opened yet."""
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
        raise InputError("The clip is still being opened.", "Try again in a moment.")
    return scene, track


def has_track(context: Any) -> bool:
    """True when the scene has a cutout; cheap."""
    scene = compat.sequencer_scene(context)
    return scene is not None and len(scene.cutout.tracks) > 0


def idle() -> bool:
    """True when no job is open; cheap."""
    return not properties.status().busy
