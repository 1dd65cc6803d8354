"""Setting up and checking the engine: a child process, watched by a timer."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..core.errors import EnvironmentMissing
from ..host import storage
from ..scene import properties
from . import jobs

if TYPE_CHECKING:
    from ..environment.installer import Installer


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
    def installer(self) -> Installer:
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
            jobs.queue.ensure_engine()
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
        elif status.level == "ERROR" or not jobs.queue.running:
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
