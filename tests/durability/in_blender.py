"""Runs in Blender while `kills.py` kills it: `python in_blender.py FOLDER DELAY`, in a Python that has `bpy`.

Makes a clip, a cutout and a correction, propagates and writes strips, over and over, and prints each step as it begins,
so that a kill can be attributed to a step.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent)]


def say(word: str) -> None:
    """Reports the step that begins."""
    os.write(1, f"{word}\n".encode())


def main(home: Path, delay: str) -> None:
    """Works until killed or done."""
    import bpy
    import bpy_kit as kit

    bpy.ops.wm.read_factory_settings(use_empty=True)
    import blender_cutout
    from blender_cutout.tasks import jobs

    jobs.engine_command = lambda python="": kit.fake_engine("--delay", delay)
    blender_cutout.register()
    bpy.ops.wm.read_homefile(filepath=str(HERE.parent / "fixtures" / "strokes.blend"), load_ui=True)
    layout = kit.LAYOUTS["plain"]
    scene = kit.fresh_scene(bpy, layout)
    kit.add_strip(scene, kit.write_clip(home / "media"), layout)
    scene.frame_set(layout.start + kit.STROKE_FRAME)
    bpy.ops.wm.save_as_mainfile(filepath=str(home / "film.blend"))
    jobs.queue.ensure_engine()
    say(f"engine {jobs.queue.client.pid}")
    bpy.ops.cutout.new()
    say("draw")
    bpy.ops.cutout.apply_strokes()
    say("propagate")
    bpy.ops.cutout.propagate(direction="BOTH")
    for turn in range(100):
        say("correct")
        scene.frame_set(layout.start + (7 * turn) % kit.LENGTH)
        bpy.ops.cutout.auto()
        say("propagate again")
        bpy.ops.cutout.propagate(direction="BOTH")
        say("write")
        bpy.ops.cutout.write_strips()
        say("save")
        bpy.ops.wm.save_mainfile()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
