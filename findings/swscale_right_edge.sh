#!/usr/bin/env bash
# The last columns of a picture that is converted from planar YUV to RGBA are never written.
#
# Versions:  PyAV 18.1.0 from its wheel (libswscale 9.5.102), NumPy 2.4.6; Linux on x86-64 with AVX-512.
# Expected:  a frame of one colour in yuv420p, yuv422p or yuva420p becomes an rgba array of one colour at any width,
#            the same as its rgb24 array, with alpha 255.
# Happens:   where the width is 2 or 4 above a multiple of 16, the last 2 or 4 columns of rgba and bgra keep what
#            the newly allocated buffer held: pieces of earlier pictures, other ones at each call. In gbrp (planar) it is
#            up to 8 columns. rgb24, argb and abgr of the very same frame are right, and everything from yuv444p is.
#            There is no error and no warning. 852 x 480 is hit; 640, 854, 1280 and 1920 are not, and a buffer that
#            happens to hold the same picture from the call before hides it.
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
import sys

import av
import numpy as np

COLOURS = [(200, 90, 30), (40, 160, 220), (90, 200, 90), (230, 220, 40)]
ORDER = {"rgba": [0, 1, 2], "bgra": [2, 1, 0], "argb": [1, 2, 3], "abgr": [3, 2, 1]}
WIDTHS = [*range(64, 200, 2), 640, 852, 854, 1280, 1920]
ALPHA = {"rgba": 3, "bgra": 3, "argb": 0, "abgr": 0}


def plain(width, source, colour):
    picture = np.full((64, width, 3), colour, np.uint8)
    return av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=source, dst_colorspace=1)


def wrong_columns(width, source, target):
    """Columns, counted from the right edge, that are more than 8 of 255 off in any of four differently coloured frames."""
    found = set()
    for colour in COLOURS:
        out = plain(width, source, colour).to_ndarray(format=target, src_colorspace=1, threads=1).astype(int)
        off = np.abs(out[..., ORDER.get(target, [0, 1, 2])] - colour).max(axis=(0, 2)) > 8
        if target in ALPHA:
            off |= (out[..., ALPHA[target]] != 255).any(axis=0)
        found |= {int(x) - width for x in np.flatnonzero(off)}
    return sorted(found)


print("PyAV", av.__version__, "libswscale", ".".join(map(str, av.library_versions["libswscale"])))
holds = True
for source in ("yuv420p", "yuv422p", "yuva420p", "yuv444p"):
    for target in ("rgba", "bgra", "gbrp", "rgb24", "argb", "abgr"):
        bad = {width: wrong_columns(width, source, target) for width in WIDTHS}
        bad = {width: columns for width, columns in bad.items() if columns}
        rests = sorted({width % 16 for width in bad})
        print(f"{source:9} -> {target:5} wrong where width mod 16 is {rests}; columns at width 852: {bad.get(852, [])}")
        hit = {"rgba": [2, 4], "bgra": [2, 4], "gbrp": [2, 4, 6, 8]}.get(target, []) if source != "yuv444p" else []
        holds &= rests == hit and all(columns == list(range(-(width % 16), 0)) for width, columns in bad.items())

print("the same frame, 100 wide, columns 94 to 99 of one row, after other arrays of that size were freed:")
frame = plain(100, "yuv420p", COLOURS[0])
for junk in (77, 78, 79):
    arrays = [np.full((64, 100, 4), junk, np.uint8) for _ in range(50)]
    del arrays
    print("  rgba ", frame.to_ndarray(format="rgba", src_colorspace=1, threads=1)[32, 94:].tolist())
print("  rgb24", frame.to_ndarray(format="rgb24", src_colorspace=1, threads=1)[32, 94:].tolist())
if not holds:
    sys.exit("CHANGED: the unwritten columns are not those stated.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
