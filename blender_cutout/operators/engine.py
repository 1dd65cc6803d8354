"""The engine itself: starting it anew."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.

from typing import Any

import bpy

from .. import jobs
from .base import Reporting


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


CLASSES = (CUTOUT_OT_restart_engine,)
