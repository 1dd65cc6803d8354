#!/usr/bin/env bash
# x264 encodes the same frames into different streams, within one process and with one thread.
#
# Versions:  PyAV 18.1.0 from its wheel (libavcodec 62.28.102 with libx264), NumPy 2.4.6; Linux on x86-64 with AVX-512.
# Expected:  x264 is deterministic: the same pictures with the same options give the same bytes, above all with threads=1.
# Happens:   60 encodings of the same 12 frames (160 x 96, YUV bytes compared) give several streams, which decode to
#            different pictures. How many there are changes with other allocations in between. It takes macroblock tree (on
#            by default) and the AVX-512 code together: with mbtree=0, asm=0, asm=SSE2 or asm=AVX2 all 60 are equal, and
#            without AVX-512 they agree with the plain C code. Not every clip does it: some come out equal each time.
# Needs:     a processor with AVX-512.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3) || fail "there is no python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 must be 3.11 or later."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet av==18.1.0 numpy==2.4.6 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
import hashlib
import sys
from collections import Counter
from fractions import Fraction

import av
import numpy as np

av.logging.set_level(av.logging.ERROR)


def frames():
    """Twelve frames (yuv420p arrays) of a blocky texture that moves two pixels a frame."""
    texture = np.random.default_rng(1).integers(0, 255, (24, 60, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    pictures = [np.ascontiguousarray(texture[:, 2 * n : 2 * n + 160]) for n in range(12)]
    return [av.VideoFrame.from_ndarray(p, format="rgb24").to_ndarray(format="yuv420p") for p in pictures]


def encode(arrays, x264):
    """(hash of the frames as they go in, hash of the stream, hash of the pictures decoded from it)."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 160, 96, "yuv420p", Fraction(1, 25)
    encoder.options = {"crf": "16", "bf": "2", "g": "6", "threads": "1", **({"x264-params": x264} if x264 else {})}
    given, packets = hashlib.sha1(), []
    for number, array in enumerate(arrays):
        frame = av.VideoFrame.from_ndarray(array, format="yuv420p")
        frame.pts, frame.time_base = number, encoder.time_base
        given.update(frame.to_ndarray().tobytes())
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    stream = hashlib.sha1(b"".join(bytes(packet) for packet in packets))
    decoder, seen = av.CodecContext.create("h264", "r"), hashlib.sha1()
    for packet in [*packets, None]:
        for frame in decoder.decode(packet):
            seen.update(frame.to_ndarray().tobytes())
    return given.hexdigest()[:8], stream.hexdigest()[:8], seen.hexdigest()[:8]


print("PyAV", av.__version__, "libavcodec", ".".join(map(str, av.library_versions["libavcodec"])))
if "avx512bw" not in open("/proc/cpuinfo").read():
    print("Could not try it: this processor has no AVX-512.", file=sys.stderr)
    sys.exit(2)
arrays, streams, inputs, pictures = frames(), {}, set(), {}
for x264 in ("", "mbtree=0", "asm=0", "asm=SSE2", "asm=AVX2"):
    kept, found = [], []
    for n in range(60):
        kept.append(np.ones(n * 977 % 5003 + n * 4096, np.uint8))  # so that memory lies differently for each encoding
        found.append(encode(arrays, x264))
    inputs |= {given for given, _, _ in found}
    streams[x264] = Counter(stream for _, stream, _ in found)
    pictures[x264] = len({seen for _, _, seen in found})
    print(f"{x264 or 'defaults':9} streams: {dict(streams[x264])}, different decoded films: {pictures[x264]}")
print("different inputs:", len(inputs))
steady = all(len(streams[x264]) == 1 for x264 in streams if x264)
if len(inputs) != 1 or not steady or not set(streams["asm=0"]) == set(streams["asm=SSE2"]) == set(streams["asm=AVX2"]):
    sys.exit("CHANGED: encodings without macroblock tree or without AVX-512 are no longer all equal.")
if len(streams[""]) < 2 or pictures[""] < 2:
    sys.exit("CHANGED: the 60 encodings with the default options are all equal.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
