#!/usr/bin/env bash
# The last pixel of a mask in Blender's sequencer is never written: what shows there is what memory held before.
#
# Versions:  Blender as a module, bpy 4.2.23 (seen alike in 4.5.15 and 5.0.1; right in 5.2.3); Linux on x86-64.
# Expected:  a strip behind a Mask modifier whose mask covers the whole picture is opaque everywhere.
# Happens:   all pixels but the top right one are. That one was transparent in all twelve renders of 4.5 and 5.0 and in
#            ten of 4.2's twelve; the other two held an older picture's value. With an empty mask it can show the strip
#            instead. So two renders of one file may differ, in one pixel, on any frame: a film compared by its checksum
#            does not repeat, and a test that looks at the largest error fails now and then.
set -eu -o pipefail
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3.11) || fail "Blender 4.2 as a module needs python3.11."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet bpy==4.2.23 numpy==1.26.4 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
"""Renders a white strip behind a mask that is larger than the picture, 24 times."""

import sys

import bpy
import numpy as np

WIDTH, HEIGHT = 64, 48
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
render = scene.render
render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGBA"
render.film_transparent = True
strip = scene.sequence_editor_create().sequences.new_effect("white", "COLOR", 1, 1, frame_end=30)
strip.color = (1, 1, 1)

mask = bpy.data.masks.new("all")
spline = mask.layers.new().splines.new()
spline.use_cyclic = True
spline.points.add(4)
for point, corner in zip(spline.points, [(-1, -1), (2, -1), (2, 2), (-1, 2)]):
    point.co = point.handle_left = point.handle_right = corner
modifier = strip.modifiers.new("mask", "MASK")
modifier.input_mask_type, modifier.input_mask_id = "ID", mask

last, others = [], []
for frame in range(1, 25):
    scene.frame_set(frame)
    render.filepath = f"{sys.argv[1]}/{frame}.png"
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(render.filepath)
    alpha = np.array(image.pixels[:]).reshape(-1, 4)[:, 3]
    last.append(round(float(alpha[-1]), 3))
    others.append(float(alpha[:-1].min()))

print("Blender", bpy.app.version_string)
print(f"alpha of the last (top right) pixel in {len(last)} renders: {last}")
print(f"lowest alpha of all other pixels: {min(others)}")
if min(others) < 0.99:
    sys.exit("CHANGED: the mask leaves out other pixels too.")
if min(last) > 0.99:
    sys.exit("CHANGED: the last pixel of the mask is written.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$folder" | grep -v "^Saved\|^Time\|^$"
echo "As described: the last pixel of a mask is left to what memory held."
