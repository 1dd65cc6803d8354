"""Handles Blender's undo, load and save for the engine and the folders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..host import interface_language
from ..scene import preview_mode, properties
from . import (
    auto_apply,
    begun_cutouts,
    edge_preview,
    follow_me,
    frame_cleanup,
    frame_renderer,
    jobs,
    later_rounds,
    project_folders,
    scene_copies,
    upkeep,
)
from .collected_errors import CollectedErrors

_copied: list[project_folders.Copied] = []
"""Folders copied for the file being written, between the pre- and post-save handlers."""


@persistent
def _after_undo(*_: Any) -> None:
    collected = CollectedErrors()
    with collected.of("Undo"):
        project_folders.after_undo()
    with collected.of("Undo"):
        jobs.follow_blender()
    collected.show()


@persistent
def _before_load(*_: Any) -> None:
    frame_renderer.close()
    scene_copies.forget()
    # The closed file's tracks must not stay locked, and their strips are about to vanish.
    jobs.close()
    auto_apply.forget()
    edge_preview.previews.close()


@persistent
def _after_load(*_: Any) -> None:
    interface_language.subscribe()
    status = properties.status()
    status.text = status.hint = status.stage = ""
    status.level, status.lost, status.busy = "INFO", False, False
    collected = CollectedErrors()
    cleaning = (project_folders.clean_unsaved, frame_cleanup.clean_frames)
    for step in (*cleaning, project_folders.after_load, later_rounds.after_load, begun_cutouts.after_load):
        with collected.of("Opening"):
            step()
    collected.show()


@persistent
def _before_save(path: Any = "", *_: Any) -> None:
    """Runs before saving: later changes would not be in the file."""
    if not isinstance(path, str) or not path:  # the startup file
        return
    _copied.clear()
    collected = CollectedErrors()
    with collected.of("Saving"):
        scene_copies.separate()
    with collected.of("Saving"):
        _reveal()
    with collected.of("Saving"):
        upkeep.all_scenes()
    with collected.of("Saving"):
        _copied[:] = project_folders.before_save(path)
    collected.show()


@persistent
def _after_save(path: Any = "", *_: Any) -> None:
    """Runs after saving: if a copy was saved or saving failed, the open .blend keeps its folders."""
    collected = CollectedErrors()
    if isinstance(path, str) and path:
        with collected.of("Saving"):
            project_folders.after_save(path, _copied)
    _copied.clear()
    with collected.of("Saving"):
        _apply()
    collected.show()


@persistent
def _before_render(*_: Any) -> None:
    """Shows the results. In a window Blender calls this in the render's thread: only switches are changed here."""
    if not properties.status().frames_busy:
        _reveal()


@persistent
def _after_render(*_: Any) -> None:
    """Shows what was chosen again; in a window the timer does it, as this is the render's thread."""
    if bpy.app.background:
        _apply()


def _reveal() -> None:
    for scene in bpy.data.scenes:
        if len(scene.cutout.tracks) and scene.library is None:
            preview_mode.reveal(scene)


def _apply() -> None:
    for scene in bpy.data.scenes:
        if len(scene.cutout.tracks) and scene.library is None:
            preview_mode.apply(scene)


_HANDLERS: dict[str, Callable[..., None]] = {
    "undo_post": _after_undo,
    "redo_post": _after_undo,
    "load_pre": _before_load,
    "load_post": _after_load,
    "save_pre": _before_save,
    "save_post": _after_save,
    "save_post_fail": _after_save,
    "render_init": _before_render,
    "render_complete": _after_render,
    "render_cancel": _after_render,
}


def register() -> None:
    """Adds the handlers."""
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)
    jobs.at_rest.append(project_folders.catch_up)
    follow_me.register()
    upkeep.register()


def unregister() -> None:
    """Removes the handlers."""
    upkeep.unregister()
    follow_me.unregister()
    jobs.at_rest.clear()
    for name, handler in _HANDLERS.items():
        registered = getattr(bpy.app.handlers, name)
        if handler in registered:
            registered.remove(handler)
