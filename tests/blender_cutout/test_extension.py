"""Tests the extension's zip in a Blender of its own: installed, enabled, and used from the clip to a mask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import bpy_kit as kit
import pytest

pytestmark = pytest.mark.bpy

JOURNEY = """
import importlib, os, sys
import bpy
import addon_utils

archive, folder, python = sys.argv[1:4]
bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
name = "bl_ext.user_default.blender_cutout"
assert addon_utils.check(name) == (True, True), addon_utils.check(name)
loaded = {m.partition(".")[0] for m in sys.modules}
assert not {"core", "models", "blender_cutout", "torch", "cv2"} & loaded, "no names outside the extension"
preferences = bpy.context.preferences.addons[name].preferences
preferences.engine_python = python
jobs = importlib.import_module(name + ".tasks.jobs")
assert jobs.engine_command(preferences.engine_python)[0] == python
files = sorted(os.path.join(folder, n) for n in os.listdir(folder))
scene = bpy.context.scene
editor = scene.sequence_editor or scene.sequence_editor_create()
for space in bpy.data.workspaces:
    if hasattr(space, "sequencer_scene"):
        space.sequencer_scene = scene
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
strip = strips.new_image("clip", files[0], 2, 1)
for file in files[1:]:
    strip.elements.append(os.path.basename(file))
editor.active_strip = strip
scene.frame_set(1)
for step in ("new", "auto", "propagate", "write_strips"):
    assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}, step
assert strip.modifiers[0].input_mask_strip is not None
track = scene.cutout.tracks[0]
assert track.done_count == len(files), track.done_count
assert os.path.join("datafiles", "blender_cutout", "unsaved") in track.folder, "outlasts the extension"
addon_utils.disable(name)
assert not hasattr(bpy.types.Scene, "cutout")
print("JOURNEY DONE")
"""


@pytest.mark.timeout(280)
def test_the_zip_installs_works_and_goes_without_a_trace(tmp_path: Path) -> None:
    from blender_cutout.devtools.package import build

    archive = build(tmp_path / "zip")
    for file in kit.write_clip(tmp_path / "clip")[2:]:
        file.unlink()
    script = tmp_path / "journey.py"
    script.write_text(JOURNEY, encoding="utf-8")
    resources = tmp_path / "resources"
    resources.mkdir()
    command = [sys.executable, str(script), str(archive), str(tmp_path / "clip"), kit.engine_python()]
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(resources)}
    # The real engine and its weights: nothing of this checkout but the zip is used.
    result = subprocess.run(command, env=environment, timeout=270, capture_output=True, text=True, cwd=tmp_path)
    assert "JOURNEY DONE" in result.stdout, result.stdout[-2000:] + result.stderr[-3000:]
    assert "Policy violation" not in result.stdout + result.stderr
