"""Helpers for tests of the zip that brings its engine: builds it, and runs scripts in Blenders that have nothing else.

No Blender is needed to import this. A file that is missing fails the test: nothing is skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blender_cutout.devtools import package, suites, wheel_files

TESTS = Path(__file__).parent
STROKES = TESTS / "fixtures" / "strokes.blend"
MODULE = "bl_ext.user_default.blender_cutout"
NOWHERE = "http://127.0.0.1:9"
INSTALL = f"""
import importlib, os, sys
from pathlib import Path
import bpy
import addon_utils
MODULE = {MODULE!r}
def install(archive):
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
def ours(name):
    return importlib.import_module(MODULE + "." + name)
"""
"""What every script begins with."""
PROJECT = f"""
sys.path.append({str(TESTS)!r})
import bpy_kit as kit
def project(folder):
    bpy.ops.wm.read_homefile(filepath={str(STROKES)!r}, load_ui=True)
    scene, layout = bpy.context.scene, kit.LAYOUTS["plain"]
    scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = *layout.render, 24
    editor = scene.sequence_editor or scene.sequence_editor_create()
    for space in bpy.data.workspaces:
        if hasattr(space, "sequencer_scene"):
            space.sequencer_scene = scene
    files = kit.write_clip(Path(folder) / "clip é")
    strip = (editor.strips if hasattr(editor, "strips") else editor.sequences).new_image("clip", str(files[0]), 2, 1)
    for file in files[1:]:
        strip.elements.append(file.name)
    editor.active_strip = strip
    scene.frame_set(layout.start + kit.STROKE_FRAME)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(folder) / "film.blend"))
    return scene, strip
"""
"""Defines `project(folder)`: a saved .blend with the strokes and the clip of `bpy_kit`."""


@contextmanager
def built_zip() -> Iterator[Path]:
    """Yields this platform's zip, deleted afterwards: it and its wheels are large."""
    here = wheel_files.platform_here()
    wheels = wheel_files.fetch(here, suites.wheels_folder(), print)
    with tempfile.TemporaryDirectory(prefix="cutout zip ") as folder:
        yield package.build(Path(folder), platform=here, wheels=wheels)


@contextmanager
def bare_machine() -> Iterator[Path]:
    """Yields the home of a user who has nothing, deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="cutout user ") as home:
        yield Path(home)


def run_blender(home: Path, script: str, *arguments: object) -> str:
    """Runs a script in a Blender of that user to its end; returns its output.

    The script's last act is to print DONE: Blender as a module may crash afterwards, while Python takes it down.

    Raises:
        AssertionError: the script did not get that far.
    """
    with started_blender(home, script, *arguments) as process:
        output, _ = process.communicate(timeout=250)
    assert "DONE" in output.splitlines(), output[-5000:]
    assert "Policy violation" not in output
    return output


@contextmanager
def started_blender(
    home: Path, script: str, *arguments: object, direct: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Yields a Blender of that user that runs a script; it has no environment variables and no way into a network.

    Args:
        home: the user's.
        script: what it runs.
        arguments: the script's.
        direct: it may reach this machine's own servers.
    """
    file = home / "script.py"
    file.write_text(INSTALL + script, encoding="utf-8")
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home / "AppData" / "Local")}
    environment |= {"BLENDER_USER_RESOURCES": str(home / "blender"), "http_proxy": NOWHERE, "https_proxy": NOWHERE}
    environment |= {"no_proxy": "127.0.0.1"} if direct else {}
    (home / "blender").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-I", str(file), *map(str, arguments)],
        env=environment,
        cwd=home,  # not the checkout: nothing of it may be found by accident
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(output: str, name: str) -> str:
    """Returns the rest of the one line that begins with that name."""
    (line,) = [line for line in output.splitlines() if line.startswith(name + " ")]
    return line.removeprefix(name + " ")
