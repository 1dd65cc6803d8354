"""Registers and unregisters the add-on with Blender."""

from __future__ import annotations

import atexit

import bpy

from .host import interface_language, keymap, manual, storage
from .operators import (
    brush,
    edge,
    engine,
    import_export,
    later_rounds,
    output,
    paint,
    preview_mode,
    propagate,
    published,
    queue,
    render_frames,
    review,
    rounds,
    tiers,
    tracks,
    versions,
    write_strips,
)
from .scene import properties
from .tasks import auto_apply, edge_preview, engine_setup, frame_renderer, handlers, jobs, render_watch, shot_queue
from .ui import (
    header,
    mask_overlay,
    menus,
    panel,
    panel_edge,
    panel_files,
    panel_mask_view,
    panel_output,
    panel_propagation,
    panel_queue,
    panel_review,
    panel_versions,
    preferences,
    status_bar,
    stroke_overlay,
    timeline_overlay,
    toolbar,
)

_OPERATORS = (
    tracks,
    rounds,
    brush,
    paint,
    edge,
    propagate,
    queue,
    review,
    write_strips,
    output,
    import_export,
    render_frames,
    engine,
    tiers,
    published,
    later_rounds,
    versions,
    preview_mode,
)
_PANELS = (
    panel,
    panel_output,
    panel_propagation,
    panel_review,
    panel_edge,
    panel_versions,
    panel_files,
    panel_queue,
    panel_mask_view,
)
_MODULES = (properties, preferences, *_OPERATORS, *_PANELS, menus)


def register() -> None:
    """Adds classes, properties and handlers."""
    interface_language.register()
    for module in _MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    properties.register()
    handlers.register()
    mask_overlay.register()
    stroke_overlay.register()
    timeline_overlay.register()
    toolbar.register()
    header.register()
    status_bar.register()
    menus.register()
    auto_apply.register()
    edge_preview.register()
    keymap.register()
    manual.register()
    atexit.register(jobs.end_process)
    atexit.register(engine_setup.setup.end_process)
    atexit.register(shot_queue.end_process)


def unregister() -> None:
    """Ends the engine and removes everything that `register` added."""
    atexit.unregister(shot_queue.end_process)
    atexit.unregister(engine_setup.setup.end_process)
    atexit.unregister(jobs.end_process)
    engine_setup.setup.close()
    manual.unregister()
    keymap.unregister()
    edge_preview.unregister()
    auto_apply.unregister()
    menus.unregister()
    status_bar.unregister()
    header.unregister()
    toolbar.unregister()
    timeline_overlay.unregister()
    stroke_overlay.unregister()
    mask_overlay.unregister()
    handlers.unregister()
    frame_renderer.close()
    render_watch.close()
    shot_queue.close()
    jobs.close()
    storage.remove_empty()
    properties.unregister()
    for module in reversed(_MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
    interface_language.unregister()
