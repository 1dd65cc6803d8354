"""The engine itself: starting it anew."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.

# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..core.errors import EnvironmentMissing, InputError
from ..host import storage
from ..scene import properties
from ..tasks import jobs
from ..ui import preferences
from .base import Reporting

if TYPE_CHECKING:
    from ..environment.installer import Installer


class CUTOUT_OT_restart_engine(Reporting, bpy.types.Operator):
    """End the engine and start it again."""

    bl_idname = "cutout.restart_engine"
    bl_label = "Restart Engine"
    bl_description = "End the engine and start it again. Everything finished is on disk and is found again"

    def run(self, context: Any) -> set[str]:
        """Starts a fresh engine; cutouts are opened in it when they are next used."""
        jobs.close()
        jobs.pump.ensure_engine()
        jobs.say("INFO", "The engine was restarted.", "Go on where you were.")
        return {"FINISHED"}


INTERVAL = 0.1
"""Seconds between two looks at the process."""
_START_PATIENCE = 120.0
"""Seconds for an engine's first start, which reads gigabytes of libraries from disk."""


class Setup:
    """The set-up or check-up that goes on. After a check-up the engine is started as well: the best proof."""

    def __init__(self) -> None:
        self._installer: Installer | None = None
        self._engine_until = 0.0
        """Until when the engine's first word is waited for, 0 = it is not."""

    @property
    def installer(self) -> "Installer":
        """Who does it; made at first use: Blender's start is not to pay for it."""
        if self._installer is None:
            from ..environment.installer import Installer

            self._installer = Installer()
        return self._installer

    def begin(self, action: str, python: Path, request: dict[str, str]) -> None:
        """Starts the process and the timer. Raises EnvironmentMissing when it cannot be started."""
        from ..environment.installer import command

        self._engine_until = 0.0
        log = storage.user_folder("logs") / "setup.log"
        self.installer.start(command(python, {"action": action, **request}), action, log)
        if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=INTERVAL)
        redraw()

    def step(self) -> bool:
        """Takes in what was said, without waiting; True while it goes on."""
        installer = self.installer
        if installer.running:
            if installer.poll().active or installer.running:
                return True
            if (installer.progress.phase, installer.progress.action) == ("done", "check"):
                self._start_engine()
            self._tell()
        elif self._engine_until:
            self._watch_engine()
            self._tell()
        return bool(self._engine_until)

    def close(self) -> None:
        """Ends it."""
        self._engine_until = 0.0
        if bpy.app.timers.is_registered(_tick):
            bpy.app.timers.unregister(_tick)
        self.end_process()

    def end_process(self) -> None:
        """Ends the process alone: at Blender's exit Blender's data is not to be touched any more."""
        if self._installer is not None:
            self._installer.close()

    def cancel(self) -> None:
        """Asks it to end."""
        self.installer.cancel()
        if self._engine_until:
            self._end("cancelled", "The check was cancelled.", "")

    def _start_engine(self) -> None:
        properties.status().level = "INFO"
        try:
            jobs.pump.ensure_engine()
        except EnvironmentMissing as error:
            self._end("failed", error.text, error.hint)
            return
        self._engine_until = time.monotonic() + _START_PATIENCE
        self.installer.progress = replace(
            self.installer.progress, phase="running", step="Starting the engine", share=0.95, line=""
        )

    def _watch_engine(self) -> None:
        jobs.step()
        status = properties.status()
        if jobs.engine_loaded():
            self.installer.progress = replace(self.installer.progress, engine=status.engine)
            self._end("done", "The engine is installed and works.", "")
        elif status.level == "ERROR" or not jobs.pump.running:
            self._end("failed", status.text or "The engine ended.", status.hint)
        elif time.monotonic() > self._engine_until:
            self._end("failed", "The engine does not answer.", "Look into its log, or restart it.")

    def _end(self, phase: str, text: str, hint: str) -> None:
        self._engine_until = 0.0
        self.installer.progress = replace(self.installer.progress, phase=phase, text=text, hint=hint)

    def _tell(self) -> None:
        """Says the end in the sequencer's panel too: there the artist read that the engine is missing."""
        progress = self.installer.progress
        if not progress.active:
            jobs.say("ERROR" if progress.phase == "failed" else "INFO", progress.text, progress.hint)


setup = Setup()


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
        from ..environment.interpreters import blenders_python
        from ..ui.setup_view import OFFLINE, OFFLINE_HINT

        chosen = preferences.settings()
        if chosen.engine_python:
            raise InputError("An existing Python is chosen for the engine.", "Empty that field to set up an own one.")
        if jobs.pump.jobs:
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

        chosen = preferences.settings()
        python = worker_python(chosen.engine_python or None)
        if not jobs.pump.jobs:
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


def redraw() -> None:
    """Has the preferences drawn anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


def _tick() -> float | None:
    """The timer: looks again soon while there is something to see."""
    before = setup.installer.progress
    goes_on = setup.step()
    if setup.installer.progress != before:
        redraw()
    return INTERVAL if goes_on else None


CLASSES = (CUTOUT_OT_restart_engine, CUTOUT_OT_set_up_engine, CUTOUT_OT_check_installation, CUTOUT_OT_cancel_set_up)
