#!/usr/bin/env bash
# x265 gives clips of one or two frames decoding stamps from uninitialised memory, now and then.
#
# Versions:  PyAV 18.1.0 with its FFmpeg and libx265; Linux on x86-64.
# Expected:  two frames at pts 0 and 1, encoded with the encoder's usual B-frames, have a dts each that is at most its
#            pts and the same in every run, as with libx264.
# Happens:   in about one run of ten a dts is a huge number. Muxing such a packet into .mp4 then fails with "Not yet
#            implemented in FFmpeg, patches welcome", which names neither stamps nor encoder, and trying again mostly
#            works. Clips of three frames or more, and bframes=0, were right in all runs.
set -eu -o pipefail
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3) || fail "python3 is needed."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet av==18.1.0 numpy || fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
"""Encodes short clips many times and counts the runs in which a decoding stamp makes no sense."""

import sys
from fractions import Fraction

import av
import numpy as np

RUNS = 400


def stamps(frames, options):
    codec = av.CodecContext.create("libx265", "w")
    codec.width, codec.height, codec.pix_fmt = 128, 64, "yuv420p10le"
    codec.framerate, codec.time_base = 25, Fraction(1, 25)
    codec.options = {"x265-params": "log-level=error" + options}
    packets = []
    for n in range(frames):
        picture = np.full((64, 128, 3), 30000 + 500 * n, np.uint16)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb48le").reformat(format="yuv420p10le")
        frame.pts = n
        packets += codec.encode(frame)
    return [packet.dts for packet in packets + codec.encode(None)]


def wrong(frames, options):
    runs = [stamps(frames, options) for _ in range(RUNS)]
    bad = [run for run in runs if any(dts is None or abs(dts) > 100 for dts in run)]
    print(f"{frames} frames{options or ', as usual'}: {len(bad)} of {RUNS} runs wrong {bad[:1]}")
    return len(bad)


print("PyAV", av.__version__)
short, longer, without = wrong(2, ""), wrong(5, ""), wrong(2, ":bframes=0")
if longer or without:
    sys.exit("CHANGED: other clips get wrong stamps too.")
if not short:
    sys.exit("CHANGED: the stamps of short clips are right.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
echo "As described: some clips of two frames get a decoding stamp that makes no sense."
