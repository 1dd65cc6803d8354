"""Renders as `blender -b FILE [--render-output PATH] --render-frame FRAMES` does, with Blender as a module.

Not a test itself.
"""

from __future__ import annotations

import argparse
import sys

import bpy


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-b", dest="blend", required=True)
    parser.add_argument("-y", action="store_true")
    parser.add_argument("--render-output", default="")
    parser.add_argument("--render-frame", required=True)
    words = sys.argv[1:]
    if words[:2] == ["-b", "-y"]:  # as Flamenco's {blenderArgs} has them
        words = ["-y", "-b", *words[2:]]
    options = parser.parse_args(words)
    bpy.ops.wm.open_mainfile(filepath=options.blend)
    scene = bpy.context.scene
    if options.render_output:
        scene.render.filepath = options.render_output
    for part in options.render_frame.split(","):
        first, _, last = part.partition("..")
        scene.frame_start, scene.frame_end = int(first), int(last or first)
        bpy.ops.render.render(animation=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
