"""Works like an artist, with the add-on's own operators, in Blender without a window.

`python edit.py JOB.json`, or `blender -b -P edit.py -- JOB.json`, with the keys of `launch.py`. The add-on is installed
from its zip, as by an artist. The strokes come from a .blend, as Blender 4.3 to 5.1 cannot make any by script.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import bpy

from blender_cutout.devtools.progress_lines import give, tell
from blender_cutout.host import compat

FIRST_FRAME, CORRECTED_FRAME = 6, 44
"""Clip frames that have strokes in strokes.blend; one later on the timeline."""
_START = 1
_MASK_KEY = "cutout_mask"


def main(job: dict[str, Any]) -> None:
    """Makes a .blend that renders the composite, from the strokes on."""
    module = _install(Path(job["zip"]))
    times: dict[str, float] = {}
    try:
        scene = _project(job)
        kept = Path(job["kept"])
        tell(f"Blender {bpy.app.version_string}, add-on installed from {Path(job['zip']).name}")
        _do("new")
        _do("check_installation")  # loads the networks, so that the times below do not include it
        tell(bpy.context.window_manager.cutout.engine)

        scene.frame_set(_START + FIRST_FRAME)
        times["first_round"] = _do("apply_strokes")
        tell(f"Frame {FIRST_FRAME}: {_message()} ({times['first_round']:.1f} s)")
        _keep(scene, kept / "strokes")
        times["propagation"] = _do("propagate", direction="BOTH")
        tell(f"Propagated both ways: {_message()} ({times['propagation']:.0f} s)")
        _keep(scene, kept / "before")

        scene.frame_set(_START + CORRECTED_FRAME)
        times["second_round"] = _do("apply_strokes")
        tell(f"Correction on frame {CORRECTED_FRAME}: {_message()} ({times['second_round']:.1f} s)")
        times["correction"] = _do("propagate", direction="BOTH")
        tell(f"Propagated again: {_message()} ({times['correction']:.0f} s)")
        _keep(scene, kept / "after")
        tell(_message())
        scene.frame_set(_START + FIRST_FRAME)
        bpy.ops.wm.save_mainfile()
    finally:
        # Also after an error: with a handler left behind, this process would never exit.
        bpy.ops.preferences.addon_disable(module=module)
    give(
        {
            "times": times,
            "first_frame": FIRST_FRAME,
            "corrected_frame": CORRECTED_FRAME,
            "blender": bpy.app.version_string,
        }
    )


def _install(archive: Path) -> str:
    """Installs and enables the extension; returns its module name."""
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    module = "bl_ext.user_default.blender_cutout"
    if module not in bpy.context.preferences.addons or not hasattr(bpy.types.Scene, "cutout"):
        raise SystemExit("The extension was not enabled.")
    return module


def _project(job: dict[str, Any]) -> Any:
    """Opens the .blend with the strokes, and puts the clip over another background; saves it in a folder of its own."""
    bpy.ops.wm.open_mainfile(filepath=job["strokes"])
    blend = Path(job["blend"])
    blend.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = job["width"], job["height"], 100
    render.fps, render.fps_base = job["rate"], 1
    scene.frame_start, scene.frame_end = _START, _START + job["frames"] - 1
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    if scene.sequence_editor is None:
        scene.sequence_editor_create()
    compat.ensure_sequencer_scene(scene)
    strips = compat.strips(scene.sequence_editor)
    background = strips.new_image("Background", job["background"], 1, _START)
    compat.time_set(background, "frame_final_duration", job["frames"])
    clip = strips.new_movie("Clip", job["clip"], 2, _START)
    scene.sequence_editor.active_strip = clip
    _output(render, job["composite"])
    return scene


def _output(render: Any, movie: str) -> None:
    """Sets the output to H.264 in an .mp4."""
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor, render.ffmpeg.gopsize = "HIGH", 12
    render.ffmpeg.audio_codec = "NONE"
    render.filepath = movie


def _do(operator: str, **arguments: Any) -> float:
    """Runs an operator of the add-on; returns its seconds. Any result but FINISHED ends the demo."""
    started = time.perf_counter()
    outcome = getattr(bpy.ops.cutout, operator)(**arguments)
    if outcome != {"FINISHED"}:
        raise SystemExit(f"cutout.{operator} ended with {outcome}: {_message()}")
    return time.perf_counter() - started


def _message() -> str:
    """Returns the text of the add-on's panel."""
    status = bpy.context.window_manager.cutout
    return f"{status.text} {status.hint}".strip()


def _keep(scene: Any, folder: Path) -> None:
    """Writes the strips and keeps a copy of their current masks."""
    _do("write_strips")
    mask = next(strip for strip in compat.strips(scene.sequence_editor) if strip.get(_MASK_KEY))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bpy.path.abspath(mask.directory), folder)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8")))
