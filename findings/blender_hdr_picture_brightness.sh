#!/usr/bin/env bash
# Blender shows a 16-bit picture in an HDR colour space half as bright as the same picture with 8 bits.
#
# Versions:  Blender as a module, bpy 5.0.1 (seen alike in 5.2.3; 4.2 and 4.5 have no such colour spaces);
#            Linux on x86-64.
# Expected:  an image strip of an 8-bit PNG and one of a 16-bit PNG with the same grey (153 of 255) and the same colour
#            space look the same, as they do in sRGB.
# Happens:   in Rec.2100-HLG the 8-bit one renders as 237, the 16-bit one as 173: 0.85 and 0.42 in linear light. An HDR
#            movie, which Blender puts into this colour space itself, looks like the 8-bit one. So frames that are
#            extracted from an HDR movie with all their bits, and shown in the movie's own colour space, come out a stop
#            too dark beside it.
set -eu -o pipefail
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3.11) || fail "Blender 5.0 as a module needs python3.11."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet bpy==5.0.1 numpy==1.26.4 opencv-python-headless==4.11.0.86 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
"""Renders the same grey from 8 and from 16 bits, in sRGB and in HLG."""

import sys

import bpy
import cv2
import numpy as np

folder = sys.argv[1]
scene = bpy.context.scene
scene.sequence_editor_create()
for workspace in bpy.data.workspaces:
    workspace.sequencer_scene = scene
render = scene.render
render.resolution_x = render.resolution_y = 16
render.resolution_percentage = 100
render.dither_intensity = 0
render.image_settings.media_type = "IMAGE"
render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
scene.view_settings.view_transform = "Standard"


def shown(path, space):
    strip = scene.sequence_editor.strips.new_image("grey", path, 1, 1)
    strip.colorspace_settings.name = space
    render.filepath = f"{folder}/shown.png"
    bpy.ops.render.render(write_still=True)
    scene.sequence_editor.strips.remove(strip)
    return int(cv2.imread(render.filepath)[8, 8, 1])


cv2.imwrite(f"{folder}/8.png", np.full((16, 16, 3), 153, np.uint8))
cv2.imwrite(f"{folder}/16.png", np.full((16, 16, 3), 153 * 257, np.uint16))
found = {space: [shown(f"{folder}/{bits}.png", space) for bits in (8, 16)] for space in ("sRGB", "Rec.2100-HLG")}
print("Blender", bpy.app.version_string)
for space, (low, high) in found.items():
    print(f"{space}: 153 shows as {low} from 8 bits, as {high} from 16 bits")
if abs(found["sRGB"][0] - found["sRGB"][1]) > 1:
    sys.exit("CHANGED: the two differ in sRGB as well.")
if abs(found["Rec.2100-HLG"][0] - found["Rec.2100-HLG"][1]) <= 20:
    sys.exit("CHANGED: the two look alike.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$folder" | grep -v "Saved\|^Time\|^$"
echo "As described: 16-bit pictures in HLG are darker than 8-bit ones."
