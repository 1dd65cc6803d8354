"""Registration: what the add-on adds to Blender, and takes away again."""

from __future__ import annotations

import atexit

import bpy

from . import (
    autoapply,
    baking,
    handlers,
    jobs,
    keymap,
    overlay,
    panels,
    panels_care,
    panels_files,
    panels_output,
    preferences,
    properties,
    strokes_overlay,
    timeline,
    tool,
)
from .operators import (
    brush,
    doubt,
    engine,
    exchange,
    frames,
    locks,
    objects,
    output,
    propagate,
    rounds,
    setup,
    tiers,
    tracks,
    writeback,
)

_OPERATORS = (
    tracks,
    rounds,
    brush,
    propagate,
    locks,
    doubt,
    objects,
    writeback,
    output,
    exchange,
    frames,
    engine,
    setup,
    tiers,
)
_MODULES = (properties, preferences, *_OPERATORS, panels, panels_care, panels_files, panels_output)


def register() -> None:
    """Adds classes, properties and handlers."""
    for module in _MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    properties.register()
    handlers.register()
    overlay.register()
    strokes_overlay.register()
    timeline.register()
    tool.register()
    autoapply.register()
    keymap.register()
    atexit.register(jobs.end_process)
    atexit.register(setup.setup.end_process)


def unregister() -> None:
    """Ends the engine and removes everything that `register` added."""
    atexit.unregister(setup.setup.end_process)
    atexit.unregister(jobs.end_process)
    setup.setup.close()
    keymap.unregister()
    autoapply.unregister()
    tool.unregister()
    timeline.unregister()
    strokes_overlay.unregister()
    overlay.unregister()
    handlers.unregister()
    baking.close()
    jobs.close()
    properties.unregister()
    for module in reversed(_MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
