"""Tests what a Blender that is killed leaves: real child Blenders, reopened files, Auto Save."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest

from tests.e2e.test_blender_recovery import sidebar

pytestmark = [pytest.mark.bpy, pytest.mark.skipif(os.name == "nt", reason="SIGKILL is not known there")]

Project = Callable[..., tuple[Any, Any]]
ROOT = Path(__file__).parents[2]
CHILD = f"""
import os, shutil, signal, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
import bpy
import bpy_kit as kit
import blender_cutout
from blender_cutout.tasks import jobs

bpy.ops.wm.read_factory_settings(use_empty=True)
jobs.engine_command = lambda python="": kit.fake_engine()
blender_cutout.register()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
scene = bpy.context.scene


def auto_save(path):
    "Writes what Auto Save does: the file as it is, elsewhere, and without handlers."
    own, handlers = bpy.data.filepath, bpy.app.handlers
    shutil.copy2(own, path + ".own")
    kept = [(calls, list(calls)) for calls in (handlers.save_pre, handlers.save_post)]
    for calls, _ in kept:
        calls.clear()
    bpy.ops.wm.save_mainfile()
    for calls, before in kept:
        calls.extend(before)
    shutil.move(own, path)
    shutil.move(path + ".own", own)


def at(frame):
    scene.frame_set(kit.LAYOUTS["plain"].start + frame)
"""
KILL = "\nos.kill(os.getpid(), signal.SIGKILL)\n"


def killed(bpy: Any, work: str) -> None:
    """Has a child Blender open the file, work on it, and be killed; then opens the file here."""
    from blender_cutout.tasks import jobs

    blend = bpy.data.filepath
    jobs.close()  # its engine holds the cutouts' folders
    child = subprocess.run(
        [sys.executable, "-c", CHILD + work + KILL, blend], capture_output=True, text=True, timeout=500, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stdout + child.stderr
    bpy.ops.wm.open_mainfile(filepath=blend)


def counts(bpy: Any) -> list[tuple[int, int]]:
    tracks = bpy.context.scene.cutout.tracks
    return [(track.keyframe_count, track.done_count) for track in tracks]


def test_a_cutout_begun_after_the_last_save_is_offered_and_comes_back(blender: Any, project: Project) -> None:
    project()
    killed(blender, "bpy.ops.cutout.new(); bpy.ops.cutout.apply_strokes(); bpy.ops.cutout.propagate()")
    assert counts(blender) == [], "nothing is decided for the artist"
    shown = sidebar(blender)
    assert "1 cutout on disk" in shown
    assert "cutout.take_later" in shown
    assert blender.ops.cutout.take_later() == {"FINISHED"}
    assert counts(blender) == [(1, kit.LENGTH)]
    assert "cutout.take_later" not in sidebar(blender)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert counts(blender) == [(1, kit.LENGTH)]
    assert "cutout.take_later" not in sidebar(blender)


def test_a_second_object_begun_later_comes_back_with_the_firsts_later_rounds(blender: Any, project: Project) -> None:
    project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    blender.ops.wm.save_mainfile()
    killed(blender, "bpy.ops.cutout.propagate(); bpy.ops.cutout.new(); at(8); bpy.ops.cutout.auto()")
    assert counts(blender) == [(1, 1)]
    shown = sidebar(blender)
    assert "1 step on disk" in shown
    assert "1 cutout on disk" in shown
    assert blender.ops.cutout.take_later() == {"FINISHED"}
    assert counts(blender) == [(1, kit.LENGTH), (1, 1)]
    first, second = blender.context.scene.cutout.tracks
    assert first.strip_uuid == second.strip_uuid, "both are objects of one clip"


def test_it_can_be_left_and_a_removed_one_is_never_offered(blender: Any, project: Project) -> None:
    project()
    killed(blender, "bpy.ops.cutout.new(); bpy.ops.cutout.apply_strokes()")
    assert blender.ops.cutout.keep_file() == {"FINISHED"}
    assert "cutout.take_later" not in sidebar(blender)
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.remove()
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert "cutout.take_later" not in sidebar(blender)


def test_rounds_after_the_last_auto_save_are_offered_when_it_is_opened(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    project()
    blender.ops.cutout.new()
    blender.ops.wm.save_mainfile()
    saved = tmp_path / "mein Projekt é_autosave.blend"
    blend = blender.data.filepath
    killed(
        blender,
        f"bpy.ops.cutout.apply_strokes(); auto_save({str(saved)!r}); bpy.ops.cutout.propagate(); "
        "bpy.ops.cutout.new(); at(8); bpy.ops.cutout.auto()",
    )
    # Recover Auto Save gives the file its own path again; a file that Blender did not save by itself stays elsewhere.
    shutil.copy2(saved, blend)
    blender.ops.wm.open_mainfile(filepath=blend)
    assert counts(blender) == [(1, 1)], "as Auto Save saw it"
    assert "1 step on disk" in sidebar(blender)
    assert "1 cutout on disk" in sidebar(blender)
    assert blender.ops.cutout.take_later() == {"FINISHED"}
    assert counts(blender) == [(1, kit.LENGTH), (1, 1)]
