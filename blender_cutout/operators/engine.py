"""The engine itself: starting it anew."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.

# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
import os
import time
from typing import TYPE_CHECKING, Any

import bpy

from ..core.errors import InputError
from ..scene import settings
from ..tasks import jobs
from ..tasks.engine_setup import redraw, setup
from .base import Reporting

if TYPE_CHECKING:
    pass


class CUTOUT_OT_restart_engine(Reporting, bpy.types.Operator):
    """End the engine and start it again."""

    bl_idname = "cutout.restart_engine"
    bl_label = "Restart Engine"
    bl_description = "End the engine and start it again. Everything finished is on disk and is found again"

    def run(self, context: Any) -> set[str]:
        """Starts a fresh engine; cutouts are opened in it when they are next used."""
        jobs.close()
        jobs.queue.ensure_engine()
        jobs.say("INFO", "The engine was restarted.", "Go on where you were.")
        return {"FINISHED"}


class _SetupOperator(Reporting):
    """An operator that starts `setup`, and waits for its end only where there is no event loop."""

    def run(self, context: Any) -> set[str]:
        """Starts it."""
        if setup.installer.progress.active:
            raise InputError("The engine is being set up or checked already.", "Wait, or cancel that first.")
        self.start(context)  # type: ignore[attr-defined]
        if not bpy.app.background:
            return {"FINISHED"}
        while setup.step():
            time.sleep(0.02)
        progress = setup.installer.progress
        if progress.phase == "failed":
            return self.fail(progress.text, progress.hint)
        self.report({"INFO"}, progress.engine or progress.text)  # type: ignore[attr-defined]
        return {"FINISHED"}


class CUTOUT_OT_set_up_engine(_SetupOperator, bpy.types.Operator):
    """Make the engine's own Python environment; Blender stays usable meanwhile."""

    bl_idname = "cutout.set_up_engine"
    bl_label = "Set Up Engine"
    bl_description = "Install PyTorch and the engine's other libraries in a folder of their own, outside of Blender"

    def start(self, context: Any) -> None:
        """Starts the installation."""
        from ..environment.installer import OFFLINE, OFFLINE_HINT
        from ..environment.interpreters import blenders_python

        chosen = settings.current()
        if chosen.engine_python:
            raise InputError("An existing Python is chosen for the engine.", "Empty that field to set up an own one.")
        if jobs.queue.jobs:
            raise InputError("The engine is at work.", "Wait until it is done, or cancel that first.")
        if chosen.wheels and not os.path.isdir(chosen.wheels):
            raise InputError(f"The folder of wheels is not there: {chosen.wheels}", "Choose another, or none.")
        if not chosen.wheels and not bpy.app.online_access:
            raise InputError(OFFLINE, OFFLINE_HINT)
        jobs.close()  # on Windows libraries in use cannot be replaced
        request = {"device": chosen.device, "tier": chosen.tier, "wheels": chosen.wheels}
        setup.begin("setup", blenders_python(), request)


class CUTOUT_OT_check_installation(_SetupOperator, bpy.types.Operator):
    """Look whether the engine's libraries are there, start it, and tell what it runs on."""

    bl_idname = "cutout.check_installation"
    bl_label = "Check Installation"
    bl_description = "Look whether all that the engine needs is there, start it, and tell what it runs on"

    def start(self, context: Any) -> None:
        """Starts the check-up."""
        from ..environment.interpreters import blenders_python
        from ..environment.venv import worker_python

        chosen = settings.current()
        python = worker_python(chosen.engine_python or None)
        if not jobs.queue.jobs:
            jobs.close()
        setup.begin("check", blenders_python(), {"python": str(python)})


class CUTOUT_OT_cancel_set_up(Reporting, bpy.types.Operator):
    """Stop setting the engine up."""

    bl_idname = "cutout.cancel_set_up"
    bl_label = "Cancel"
    bl_description = "Stop. What was downloaded is kept for the next time, nothing half-made is used"

    def run(self, context: Any) -> set[str]:
        """Stops it."""
        setup.cancel()
        redraw()
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_restart_engine, CUTOUT_OT_set_up_engine, CUTOUT_OT_check_installation, CUTOUT_OT_cancel_set_up)
