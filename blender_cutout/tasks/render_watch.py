"""Reports the end of a render started by Render Composite."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import jobs

_INTERVAL = 0.5
_cancelled: list[bool] = []
"""Not empty once a render was cancelled. Blender calls handlers in the render's thread, where nothing more is safe."""
_where: list[str] = []


def begin(where: str, has_warning: bool) -> None:
    """Watches the render that was just started.

    Args:
        where: the output path, for the message.
        has_warning: the panel shows a warning, which stays.
    """
    _cancelled.clear()
    _where[:] = [] if has_warning else [where]
    if _note_cancel not in bpy.app.handlers.render_cancel:
        bpy.app.handlers.render_cancel.append(_note_cancel)
    if not bpy.app.timers.is_registered(_look):
        bpy.app.timers.register(_look, first_interval=_INTERVAL, persistent=True)


def close() -> None:
    """Stops watching."""
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    if _note_cancel in bpy.app.handlers.render_cancel:
        bpy.app.handlers.render_cancel.remove(_note_cancel)


@persistent
def _note_cancel(*_: Any) -> None:
    _cancelled.append(True)


def _look() -> float | None:
    """Timer callback."""
    if bpy.app.is_job_running("RENDER"):
        return _INTERVAL
    if _where:
        text = "The render was cancelled." if _cancelled else f"Rendered to {_where[0]}"
        jobs.say("INFO", text, "Finished frames stay." if _cancelled else "")
    close()
    return None
