#!/usr/bin/env bash
# Each time a movie strip's frame rate is read, Blender opens the movie file and looks into it again.
#
# Versions:  Blender as a module, bpy 4.2.23 (seen alike in 5.2.3), PyAV 18.1.0; Linux on x86-64.
# Expected:  `strip.fps` is a stored property as `strip.frame_duration` is: microseconds, whatever happens to the file.
# Happens:   each reading costs some milliseconds for a plain 720p movie (tens for long or large ones), thousands of
#            times what `frame_duration` costs; the file is opened anew each time, also when the strip has just been
#            rendered. With the file moved away the rate is 0, while the duration stays, and each reading
#            prints a line. A panel that shows the rate stutters with every redraw. The rate that was found when the
#            strip was made is kept in `strip.elements[0].orig_fps`, which costs nothing.
set -eu -o pipefail
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3.11) || fail "Blender 4.2 as a module needs python3.11."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet av==18.1.0 bpy==4.2.23 numpy==1.26.4 ||
    fail "the packages cannot be installed."
cat >"$folder/write.py" <<'PYTHON'
"""Writes a movie of 60 grey frames."""

import sys

import av
import numpy as np

with av.open(sys.argv[1], "w") as file:
    stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
    stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
    for n in range(60):
        picture = np.full((720, 1280, 3), 4 * n, np.uint8)
        file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")))
    file.mux(stream.encode(None))
PYTHON
cat >"$folder/read.py" <<'PYTHON'
"""Reads two properties of a movie strip 20 times each, then once more with the file moved away."""

import os
import sys
import time

import bpy


def cost(strip, name):
    begin = time.process_time()
    for _ in range(20):
        getattr(strip, name)
    return (time.process_time() - begin) / 20


bpy.ops.wm.read_factory_settings(use_empty=True)
path = sys.argv[1]
strip = bpy.context.scene.sequence_editor_create().sequences.new_movie("clip", path, 1, 1)
rate, duration = strip.fps, strip.frame_duration
ratio = cost(strip, "fps") / cost(strip, "frame_duration")
stored = strip.elements[0].orig_fps
os.rename(path, path + "-moved")
gone = strip.fps, strip.frame_duration, strip.elements[0].orig_fps

print("Blender", bpy.app.version_string)
print(f"fps {rate}, frame_duration {duration}, orig_fps {stored}; with the file moved away {gone}")
print(f"reading fps costs more than 100 times what reading frame_duration costs: {ratio > 100}")
if (rate, duration, stored) != (25.0, 60, 25.0):
    sys.exit("CHANGED: the movie is read differently.")
if gone != (0.0, 60, 25.0) or ratio <= 100:
    sys.exit("CHANGED: the rate no longer comes from the file each time.")
PYTHON
export BLENDER_USER_RESOURCES="$folder/user"
"$folder/venv/bin/python" "$folder/write.py" "$folder/clip.mp4"
"$folder/venv/bin/python" "$folder/read.py" "$folder/clip.mp4" 2>&1 | grep -v "anim file\|^$"
echo "As described: strip.fps opens the movie each time it is read."
