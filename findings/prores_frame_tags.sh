#!/usr/bin/env bash
# A ProRes movie with its colours set on the codec context is tagged in the file but "unspecified" in every frame.
#
# Versions:  PyAV 18.1.0 from its wheel (libavcodec 62.28.102, prores_ks); Linux on x86-64.
# Expected:  primaries, transfer and matrix that are set on the codec context, which is enough for x264 (it writes them
#            into the stream itself), are in the file's colr atom and in the header of each ProRes frame.
# Happens:   colr says 9, 16, 9 (BT.2020, PQ), the frame headers say 2, 2, 2 (unspecified): prores_ks takes all three from
#            the pictures alone. Opened again, the codec context shows 9, 16, 9, until the first frame is decoded: then it
#            and the frame are 2, 2, 2, so that a program that asks before decoding sees HDR and one that asks the frame
#            does not. Set on the pictures alone, the frame headers are right but there is no colr atom at all. Only setting
#            it on both gives both.
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
import struct
import sys
from fractions import Fraction

import av

av.logging.set_level(av.logging.ERROR)
PQ = (9, 16, 9)


def tag(thing):
    thing.color_primaries, thing.color_trc, thing.colorspace = PQ


def tags(thing):
    return int(thing.color_primaries), int(thing.color_trc), int(thing.colorspace)


def encode(path, codec, layout, on_context, on_frame):
    with av.open(path, "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, layout
        frame = av.VideoFrame(64, 64, layout)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        if on_context:
            tag(stream.codec_context)
        if on_frame:
            tag(frame)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def in_file(data):
    """What the colr atom holds, and what the header of the first ProRes frame holds; None where there is none."""
    colr, frame = data.find(b"colrnc"), data.find(b"icpf")
    atom = struct.unpack_from(">3H", data, colr + 8) if colr > 0 else None
    return atom, tuple(data[frame + 18 : frame + 21]) if frame > 0 else None


def read(path):
    """The tags of the codec context before decoding, of the first frame, and of the context after it."""
    with av.open(path) as file:
        stream = file.streams.video[0]
        before = tags(stream.codec_context)
        frame = next(file.decode(stream))
        return before, tags(frame), tags(stream.codec_context)


NONE = (2, 2, 2)
print("PyAV", av.__version__, "libavcodec", ".".join(map(str, av.library_versions["libavcodec"])))
path, changed = sys.argv[1] + "/clip.mov", []
for where, on_context, on_frame, wanted in (
    ("context", True, False, ((PQ, NONE), (PQ, NONE, NONE))),
    ("frame", False, True, ((None, PQ), (PQ, PQ, PQ))),
    ("both", True, True, ((PQ, PQ), (PQ, PQ, PQ))),
):
    encode(path, "prores_ks", "yuv422p10le", on_context, on_frame)
    with open(path, "rb") as file:
        atom, header = in_file(file.read())
    before, frame, after = read(path)
    print(f"ProRes, set on {where}: colr {atom}, frame header {header}")
    print(f"    read: context {before}, first frame {frame}, context then {after}")
    changed += [where] * (((atom, header), (before, frame, after)) != wanted)
encode(path, "libx264", "yuv420p10le", True, False)
print("H.264, set on context, read:", *read(path))
changed += ["H.264"] * (read(path) != (PQ, PQ, PQ))
if changed:
    sys.exit(f"CHANGED: other tags than stated: {', '.join(changed)}.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$folder"
