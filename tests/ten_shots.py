"""Works on a .blend with ten shots in a Blender of its own, with the real engine. Not a test itself.

`make FOLDER`: makes "Film é.blend" with three scenes and sends every shot to the queue. `run FOLDER`: opens it, runs
the queue and takes its masks. Prints the states of the queue's jobs and the mask files of each shot, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

import bpy  # noqa: E402
import bpy_kit as kit  # noqa: E402
import numpy as np  # noqa: E402

import blender_cutout  # noqa: E402

SCENES = {"Küche": 4, "Straße": 3, "海": 3}
"""Scene -> how many shots it has."""
LENGTHS = (5, 5, 24, 5, 5, 24, 5, 5, 5, 5)
"""Frames of each shot; in the third and the sixth something is killed."""
BLEND = "Film é.blend"


def write_shot(folder: Path, number: int) -> tuple[list[Path], Path]:
    """Writes the pictures of a shot, each shot another, and the mask of its first frame; returns their paths."""
    folder.mkdir()

    def placed(image: np.ndarray) -> np.ndarray:
        found = np.roll(image, -7 * number, axis=1)[:, : kit.WIDTH - 8 * number]
        return np.ascontiguousarray(found[:, ::-1] if number % 2 else found)

    files = [folder / f"{frame:04d}.png" for frame in range(LENGTHS[number])]
    for frame, file in enumerate(files):
        image = kit.picture(frame // 2).astype(np.int16)
        kit.write_png(file, placed(np.clip(image + 4 * number, 0, 255).astype(np.uint8)))
    mask = folder.with_name(f"mask {number}.png")
    kit.write_png(mask, placed((255 * kit.truth(0)).astype(np.uint8)))
    return files, mask


def make(folder: Path) -> None:
    """Makes the file, with a keyframe in each shot, and fills the queue."""
    from blender_cutout.host import compat

    number = 0
    for name, count in SCENES.items():
        scene = bpy.context.scene if not number else bpy.data.scenes.new(name)
        scene.name = name
        bpy.context.window.scene = scene
        scene.sequence_editor_create()
        for workspace in bpy.data.workspaces:
            if hasattr(workspace, "sequencer_scene"):
                workspace.sequencer_scene = scene
        if not bpy.data.filepath:
            bpy.ops.wm.save_as_mainfile(filepath=str(folder / BLEND))
        for place in range(count):
            files, mask = write_shot(folder / f"shot {number}", number)
            strip = compat.strips(scene.sequence_editor).new_image("clip", str(files[0]), 2, 1 + 100 * place)
            for file in files[1:]:
                strip.elements.append(file.name)
            scene.sequence_editor.active_strip = strip
            scene.frame_set(1 + 100 * place)
            bpy.ops.cutout.new()
            bpy.ops.cutout.import_mattes(filepath=str(mask), folder=False, first="HERE")
            number += 1
    bpy.ops.cutout.send_to_queue(all=True)
    bpy.ops.wm.save_mainfile()


def run(folder: Path) -> None:
    """Does what is left to do, and has the shots take the masks of an earlier run."""
    bpy.ops.wm.open_mainfile(filepath=str(folder / BLEND))
    queue()
    bpy.ops.cutout.run_queue()
    if any(entry.ready for entry in queue().entries):
        bpy.ops.cutout.take_masks()
    bpy.ops.wm.save_mainfile()


def queue() -> Any:
    """Returns the queue after the looks that a timer takes in a window."""
    from blender_cutout.tasks.shot_queue import shots

    for _ in range(9):  # it reads a few files at a time
        shots.look()
    return shots


def report() -> dict[str, Any]:
    from blender_cutout.scene import properties
    from blender_cutout.tasks import jobs

    masks = [[str(jobs.matte_file(track, at)) for at in range(track.frame_count)] for _, track in properties.tracks()]
    return {"folder": str(queue().folder), "states": [entry.state for entry in queue().entries], "masks": masks}


if __name__ == "__main__":
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_cutout.register()
    {"make": make, "run": run}[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps(report()), flush=True)  # noqa: T201
    blender_cutout.unregister()
