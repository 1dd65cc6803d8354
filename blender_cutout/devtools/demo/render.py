"""Renders a .blend as it is, with a Blender that has no add-on: `python render.py FILE.blend`."""

import sys

import bpy

bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
if hasattr(bpy.types.Scene, "cutout"):
    raise SystemExit("The add-on is installed, but the composite must not need it.")
bpy.ops.render.render(animation=True)
