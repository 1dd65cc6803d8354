"""Fixtures of the tests inside Blender. They import `bpy` when used: without it a test fails and is never skipped."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest
import warm_engine

# Before `bpy` is imported: nothing of the tests may land in the user's own folders, which are not to be emptied either.
_RESOURCES = Path(tempfile.mkdtemp(prefix="cutout tests "))
os.environ["BLENDER_USER_RESOURCES"] = str(_RESOURCES)
STROKES = Path(__file__).parent / "fixtures" / "strokes.blend"


@pytest.fixture
def new_edge() -> str:
    """Preset of new cutouts; "" = as shipped. Most tests compare masks, so they want none."""
    return "OFF"


@pytest.fixture
def blender(monkeypatch: pytest.MonkeyPatch, new_edge: str) -> Iterator[Any]:
    """Blender with an empty file and the add-on, whose engine is a real process with the fake networks."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    import blender_cutout
    from blender_cutout.client import process
    from blender_cutout.scene import edge_settings
    from blender_cutout.tasks import jobs

    if new_edge:
        monkeypatch.setattr(edge_settings, "NEW", new_edge)
    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine())
    monkeypatch.setattr(process, "subprocess", warm_engine.starter(kit.fake_engine()))
    blender_cutout.register()
    try:
        yield bpy
    finally:
        blender_cutout.unregister()
        ours = [f for name in dir(bpy.app.handlers) for f in _functions(bpy, name) if "cutout" in (f.__module__ or "")]
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)  # the next test resets the settings
        for entry in _RESOURCES.iterdir():
            shutil.rmtree(entry, ignore_errors=True)
        assert not ours, "handlers were left behind: Blender would never end"
        assert not bpy.app.timers.is_registered(jobs._tick)
        assert not hasattr(bpy.types, "CUTOUT_PT_cutout")
        assert not hasattr(bpy.types.Scene, "cutout")
        assert jobs.queue.client is None


@pytest.fixture
def project(blender: Any, tmp_path: Path) -> Callable[..., tuple[Any, Any]]:
    """A function: layout's name → (scene, strip) of a file with the strokes and the clip in that layout."""

    def make(name: str = "plain", saved: bool = True) -> tuple[Any, Any]:
        # As a start-up file: so it is a file that has never been saved.
        blender.ops.wm.read_homefile(filepath=str(STROKES), load_ui=True)
        assert not blender.data.filepath
        layout = kit.LAYOUTS[name]
        scene = kit.fresh_scene(blender, layout)
        files = kit.write_clip(tmp_path / "Bilder für ’n Film")
        strip = kit.add_strip(scene, files, layout)
        scene.frame_set(layout.start + kit.STROKE_FRAME)
        if saved:
            blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "mein Projekt é.blend"))
        return scene, strip

    return make


def _functions(bpy: Any, name: str) -> list[Any]:
    value = getattr(bpy.app.handlers, name)
    return value if isinstance(value, list) else []
