"""Sets up and checks the engine in a child process watched by a timer."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import bpy

from ..core.errors import EnvironmentMissing
from ..core.tiers.published import PUBLISHED
from ..host import storage
from ..scene import preference_values, properties
from . import jobs

if TYPE_CHECKING:
    from ..environment.installer import Installer


INTERVAL = 0.1
"""Seconds between checks of the process."""
_START_PATIENCE = 120.0
"""Seconds allowed for an engine's first start, which reads gigabytes of libraries from disk."""


class EngineFacts(NamedTuple):
    """What is installed; the defaults hold until the first look.

    Attributes:
        python: the Python that the engine would use; "" = none.
        missing: what is missing if there is none.
        tier: the engine's tier and its speed on this machine.
        published: names of the published networks whose weights are here.
        library: what runs the networks, torch or onnx; onnx = the engine that came with the add-on.
        note: why it is this engine, if another might be expected.
    """

    python: str = ""
    missing: str = ""
    tier: str = ""
    published: tuple[str, ...] = ()
    library: str = "torch"
    note: str = ""


class Setup:
    """Runs one set-up or check; a check also starts the engine to prove that it works.

    Attributes:
        facts: what the last look found, for the preferences to draw.
    """

    def __init__(self) -> None:
        self.facts = EngineFacts()
        self._installer: Installer | None = None
        self._engine_until = 0.0
        """Deadline for the engine's first message; 0 = not waiting."""

    @property
    def installer(self) -> Installer:
        """Returns the installer, made on first use."""
        if self._installer is None:
            from ..environment.installer import Installer

            self._installer = Installer()
        return self._installer

    @property
    def is_active(self) -> bool:
        """True while something is being set up or checked."""
        return self._installer is not None and self._installer.progress.active

    def begin(self, action: str, python: Path, request: dict[str, str]) -> None:
        """Starts the process and the timer. Raises EnvironmentMissing if it cannot start."""
        from ..environment.installer import command

        self._engine_until = 0.0
        log = storage.user_folder("logs") / "setup.log"
        self.installer.start(command(python, {"action": action, **request}), action, log)
        if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=INTERVAL)
        redraw()

    def step(self) -> bool:
        """Reads the process's output without waiting; returns True while it runs."""
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

    def look(self) -> None:
        """Finds out what is installed by checking a few files; redraws the preferences if it changed."""
        found = _engine_facts()
        if found != self.facts:
            self.facts = found
            redraw()

    def close(self) -> None:
        """Ends the process and the timer."""
        self._engine_until = 0.0
        if bpy.app.timers.is_registered(_tick):
            bpy.app.timers.unregister(_tick)
        self.end_process()

    def end_process(self) -> None:
        """Ends only the process: at exit, Blender's data must not be touched."""
        if self._installer is not None:
            self._installer.close()

    def cancel(self) -> None:
        """Asks the process to stop."""
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
            self._end("failed", "The engine does not respond.", "Check its log, or restart it.")

    def _end(self, phase: str, text: str, hint: str) -> None:
        self._engine_until = 0.0
        self.installer.progress = replace(self.installer.progress, phase=phase, text=text, hint=hint)

    def _tell(self) -> None:
        """Shows the result in the sequencer's panel too, which reported that the engine is missing."""
        progress = self.installer.progress
        if not progress.active:
            jobs.say("ERROR" if progress.phase == "failed" else "INFO", progress.text, progress.hint)


setup = Setup()


def _engine_facts() -> EngineFacts:
    from ..environment.engine_place import find_engine
    from ..environment.network_library import ONNX, TORCH
    from ..environment.tier_record import described
    from ..environment.weight_files import weight_file

    chosen = preference_values.current()
    here = tuple(name for name, network in PUBLISHED.items() if weight_file(network).is_file())
    try:
        found = find_engine(chosen.engine_python or None)
    except EnvironmentMissing as error:
        return EngineFacts("", error.text, described(chosen.tier, chosen.device, TORCH), here)
    library = TORCH if found.libraries is None else ONNX
    return EngineFacts(str(found.python), "", described(chosen.tier, chosen.device, library), here, library, found.note)


def redraw() -> None:
    """Redraws the preferences."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
    jobs.redraw("UI")  # the panel shows it while there is no engine


def _tick() -> float | None:
    """Timer callback: runs again while the process runs."""
    before = setup.installer.progress
    goes_on = setup.step()
    if setup.installer.progress != before:
        setup.look()
        redraw()
    return INTERVAL if goes_on else None
