"""The engine itself: starting it anew, and looking whether it is all there."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.

import time
from typing import Any

import bpy

from .. import jobs, properties
from ..core.errors import EnvironmentMissing
from .base import Reporting

_START_PATIENCE = 120.0
"""Seconds for an engine's first start, which reads gigabytes of libraries from disk."""


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


class CUTOUT_OT_check_installation(Reporting, bpy.types.Operator):
    """Start the engine and tell what it runs on, or what is missing."""

    bl_idname = "cutout.check_installation"
    bl_label = "Check Installation"
    bl_description = "Start the engine and tell what it runs on, or what is missing"

    def run(self, context: Any) -> set[str]:
        """Waits for the engine's first word."""
        if not jobs.pump.jobs:
            jobs.close()
        jobs.pump.ensure_engine()
        status = properties.status()
        jobs.say("INFO", "")
        deadline = time.monotonic() + _START_PATIENCE
        while jobs.pump.running and not jobs.engine_loaded() and status.level != "ERROR":
            if time.monotonic() > deadline:
                raise EnvironmentMissing("The engine does not answer.", "Look into its log, or restart it.")
            jobs.step()
            time.sleep(0.01)
        if status.level == "ERROR":
            raise EnvironmentMissing(status.text, status.hint)
        jobs.say("INFO", "The engine is installed and works.")
        self.report({"INFO"}, status.engine)
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_restart_engine, CUTOUT_OT_check_installation)
