#!/usr/bin/env bash
# PyAV drops the pixel aspect ratio of VP9 and ProRes when it copies packets, and on encoding into Matroska.
#
# Versions:  PyAV 18.1.0 from its wheel (libavformat 62.12.102); Linux on x86-64.
# Expected:  sample_aspect_ratio = 4/3, set on the stream or on its codec context, is in the file, whatever the container;
#            and add_stream_from_template makes a stream with everything that the old one has, as ffmpeg -c copy does.
# Happens:   .mp4 and .mov get it, .mkv does not: its track says DisplayUnit 4 (unknown) and has no display width, although
#            the stream still answers 4/3 after the encoding. Copied from .mp4 to .mp4 or from .mov to .mov it is lost as
#            well: anamorphic pictures come out squeezed. H.264 hides both, because players find the ratio in its own header;
#            the .mkv track of H.264 is just as empty. VP9, ProRes and FFV1 have none there.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3) || fail "there is no python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 must be 3.11 or later."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet av==18.1.0 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
import sys
from fractions import Fraction

import av

av.logging.set_level(av.logging.ERROR)
WIDE = Fraction(4, 3)
LAYOUTS = {"libx264": "yuv420p", "libvpx-vp9": "yuv420p", "prores_ks": "yuv422p10le", "ffv1": "yuv420p"}


def encode(path, codec, on_context):
    """Writes four frames with wide pixels; returns the ratio that the stream has in the end."""
    with av.open(path, "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, LAYOUTS[codec]
        if on_context:
            stream.codec_context.sample_aspect_ratio = WIDE
        else:
            stream.sample_aspect_ratio = WIDE
        for n in range(4):
            frame = av.VideoFrame(64, 64, LAYOUTS[codec])
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts, frame.time_base = n, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        return stream.sample_aspect_ratio


def copy(source, target):
    """Puts the same packets into another file."""
    with av.open(source) as old, av.open(target, "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)


def ratio(path):
    with av.open(path) as file:
        return file.streams.video[0].sample_aspect_ratio


def track_says(path):
    """DisplayUnit of a Matroska file, and whether it has a DisplayWidth."""
    with open(path, "rb") as file:
        data = file.read()
    unit = data.find(b"\x54\xb2\x81")
    return data[unit + 3] if unit > 0 else 0, b"\x54\xb0" in data


folder, changed = sys.argv[1], []
print("PyAV", av.__version__, "libavformat", ".".join(map(str, av.library_versions["libavformat"])))
for codec, ending, copied in (("libx264", "mp4", WIDE), ("libvpx-vp9", "mp4", None), ("prores_ks", "mov", None)):
    encode(f"{folder}/first.{ending}", codec, True)
    copy(f"{folder}/first.{ending}", f"{folder}/second.{ending}")
    found = ratio(f"{folder}/first.{ending}"), ratio(f"{folder}/second.{ending}")
    print(f"{codec}: encoded as .{ending} {found[0]}, its copy {found[1]}")
    changed += [f"{codec} in .{ending}"] * (found != (WIDE, copied))
for codec in LAYOUTS:
    for on_context in (True, False):
        last = encode(f"{folder}/first.mkv", codec, on_context)
        found = last, ratio(f"{folder}/first.mkv"), track_says(f"{folder}/first.mkv")
        place = "context" if on_context else "stream"
        says = "DisplayUnit {}, DisplayWidth {}".format(*found[2])
        print(f"{codec}: set on {place}, after encoding {last}, read from .mkv {found[1]}, {says}")
        changed += [f"{codec} in .mkv"] * (found != (WIDE, WIDE if codec == "libx264" else None, (4, False)))
if changed:
    sys.exit(f"CHANGED: another pixel aspect ratio than stated: {', '.join(changed)}.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$folder"
