#!/usr/bin/env bash
# Blender shows .avi movies with B-frames one or two frames late, and never their last pictures.
#
# Versions:  Blender as a module, bpy 4.2.23 (seen alike in 4.5.15, 5.0.1 and 5.2.3), PyAV 18.1.0; Linux on x86-64.
# Expected:  strip frame n shows picture n, as it does of the same H.264 stream in .mp4, or at worst the pictures are
#            wrongly ordered, which one would see at once.
# Happens:   an .avi holds no time stamps of presentation. FFmpeg's decoder puts the pictures into the right order, but
#            Blender counts by the decoding stamps on them, which run ahead by the decoder's delay: H.264 with two
#            B-frames shows 1 1 1 2 3 ... 58 on strip frames 1 to 60, MPEG-4 Part 2 with one shows 1 1 2 3 ... 59. Motion
#            is smooth, so that nobody sees it until a mask or the sound is laid beside it. Without B-frames it is right.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3.11) || fail "Blender 4.2 as a module needs python3.11."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet av==18.1.0 bpy==4.2.23 numpy==1.26.4 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
"""Writes the movies and checks that PyAV reads every picture of each, once and in order."""

import sys
from fractions import Fraction

import av
import numpy as np

COUNT = 60
X264 = {"crf": "12", "preset": "ultrafast", "g": "12", "bf": "2", "x264-params": "b-adapt=0:scenecut=0"}


def picture(number):
    """A picture that carries its number as eight black or white bars."""
    bars = np.repeat([255 * (number >> bit & 1) for bit in range(8)], 16).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(bars[None, :, None], (64, 128, 3)))


def encode(path, rate, base, codec="libx264", options=X264):
    with av.open(path, "w") as file:
        stream = file.add_stream(codec, rate=rate, options=dict(options))
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        stream.codec_context.time_base = stream.time_base = base
        for n in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(n + 1), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(n / Fraction(rate) / base), base
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def copy(source, target):
    """Puts the same packets into another file."""
    with av.open(source) as old, av.open(target, "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)


folder = sys.argv[1].rsplit("/", 1)[0]
encode(f"{folder}/h264.mp4", 24, Fraction(1, 24))
encode(f"{folder}/h264_b.avi", 24, Fraction(1, 24))
encode(f"{folder}/mpeg4_b.avi", 24, Fraction(1, 24), "mpeg4", {"bf": "1", "g": "12"})
encode(f"{folder}/h264_no_b.avi", 24, Fraction(1, 24), options={**X264, "bf": "0"})

print("PyAV", av.__version__)
for path in sys.argv[1:]:
    with av.open(path) as file:
        stream = file.streams.video[0]
        read = [f.to_ndarray(format="gray")[32, 8::16] > 127 for f in file.decode(stream)]
        numbers = [sum(1 << bit for bit in range(8) if bits[bit]) for bits in read]
        print(f"{path}: rate {stream.guessed_rate}, pictures {numbers[0]} to {numbers[-1]}, {len(numbers)} in all")
        if numbers != list(range(1, COUNT + 1)):
            sys.exit("CHANGED: PyAV does not read the pictures in order.")
PYTHON
cat >"$folder/show.py" <<'PYTHON'
"""Renders every frame of a movie strip with Blender and reads the numbers on the pictures."""

import sys

import bpy


def shown(path):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 128, 64, 100
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    scene.view_settings.view_transform = "Standard"
    strip = scene.sequence_editor_create().sequences.new_movie("clip", path, 1, 1)
    render.fps = round(strip.fps)
    render.fps_base = render.fps / strip.fps
    scene.frame_start, scene.frame_end = 1, strip.frame_final_duration
    render.filepath = path + "-"
    bpy.ops.render.render(animation=True)
    numbers = []
    for frame in range(1, scene.frame_end + 1):
        image = bpy.data.images.load(f"{path}-{frame:04d}.png")
        image.colorspace_settings.name = "Non-Color"
        pixels = image.pixels[:]
        numbers.append(sum(1 << bit for bit in range(8) if pixels[(32 * 128 + 16 * bit + 8) * 4 + 1] > 0.5))
    return numbers


found = {path.rsplit("/", 1)[-1]: shown(path) for path in sys.argv[1:]}
print("Blender", bpy.app.version_string)
for name, numbers in found.items():
    print(f"{name}: strip frames 1 to {len(numbers)} show pictures {numbers}")
EVEN = list(range(1, 61))
if found["h264.mp4"] != EVEN or found["h264_no_b.avi"] != EVEN:
    sys.exit("CHANGED: Blender does not show the pictures of the .mp4, or of the .avi without B-frames, in order.")
for name, late in (("h264_b.avi", 2), ("mpeg4_b.avi", 1)):
    if found[name] != [max(1, n - late) for n in EVEN]:
        sys.exit(f"CHANGED: {name} is no longer shown {late} frame(s) late.")
print("As stated.")
PYTHON
set -- "$folder/h264.mp4" "$folder/h264_b.avi" "$folder/mpeg4_b.avi" "$folder/h264_no_b.avi"
"$folder/venv/bin/python" "$folder/try.py" "$@"
export BLENDER_USER_RESOURCES="$folder/user"
status=0
"$folder/venv/bin/python" "$folder/show.py" "$@" >"$folder/log" 2>&1 || status=$?
grep -E "^(Blender|[a-z0-9_]+\.(mkv|mp4|avi): |As stated|CHANGED|Traceback|.*Error)" "$folder/log" || tail -n 20 "$folder/log"
exit "$status"
