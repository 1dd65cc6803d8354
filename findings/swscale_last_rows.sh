#!/usr/bin/env bash
# The last two rows of a 10-bit picture of one grey come out two steps darker than the rest in bgr24, all rows in rgb24.
#
# Versions:  PyAV 18.1.0 from its wheel (libswscale 9.5.102), NumPy 2.4.6; Linux on x86-64 with AVX-512.
# Expected:  limited-range luma 940 of 10 bits without colour (yuv420p10le, as HDR phones and HEVC Main 10 have it) becomes
#            255 in each 8-bit RGB layout and each row, as luma 235 of yuv420p does; at worst one step off by rounding.
# Happens:   bgr24 and bgra, which OpenCV users ask for, hold 255 but 253 in the last two rows, at any height tried; for
#            mid-grey 128 and 126. rgb24 and rgba, which differ from them by nothing but the order of the bytes, hold 253 and 126
#            everywhere. gray has the two rows as well. A frame that is compared with itself read in the other order, or a
#            matte that touches the bottom edge, shows it. yuv422p10le does the same; yuv444p10le, and planar gbrp from any,
#            are right. The 8-bit yuv420p is right at its own size, but scaled to half of it it does the same as 10 bits.
#            interpolation=FULL_CHR_H_INT (not an interpolation, but PyAV takes it) puts all of it right; ACCURATE_RND
#            and BITEXACT, whose names promise it, do not.
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

FLAGS = av.video.reformatter.Interpolation


def grey(layout, luma):
    """A frame of 64 x 64 of limited range without colour; luma is on the scale of 8 bits."""
    frame = av.VideoFrame(64, 64, layout)
    frame.color_range = frame.colorspace = 1
    shift, kind = (2, np.uint16) if layout.endswith("10le") else (0, np.uint8)
    for n, plane in enumerate(frame.planes):
        values = np.full(plane.buffer_size // np.dtype(kind).itemsize, (128 if n else luma) << shift, kind)
        plane.update(values.tobytes())
    return frame


def levels(layout, luma, target, **options):
    """The values of all rows but the last two, and those of the last two; alpha is left out."""
    rows = grey(layout, luma).to_ndarray(format=target, threads=1, **options)
    rows = rows.reshape(rows.shape[0], rows.shape[1], -1)[..., :3]
    return np.unique(rows[:-2]).tolist(), np.unique(rows[-2:]).tolist()


RIGHT = [([255], [255]), ([128], [128])]
LATE = [([255], [253]), ([128], [126])]
DARK = [([253], [253]), ([126], [126])]
EXPECTED = {
    "yuv420p": {"bgr24": RIGHT, "bgra": RIGHT, "gray": RIGHT, "rgb24": RIGHT, "rgba": RIGHT, "gbrp": RIGHT},
    "yuv420p10le": {"bgr24": LATE, "bgra": LATE, "gray": LATE, "rgb24": DARK, "rgba": DARK, "gbrp": RIGHT},
    "yuv422p10le": {"bgr24": LATE, "bgra": LATE, "gray": LATE, "rgb24": DARK, "rgba": DARK, "gbrp": RIGHT},
    "yuv444p10le": {"bgr24": RIGHT, "bgra": RIGHT, "gray": RIGHT, "rgb24": RIGHT, "rgba": RIGHT, "gbrp": RIGHT},
}
print("PyAV", av.__version__, "libswscale", ".".join(map(str, av.library_versions["libswscale"])))
changed = []
for layout, targets in EXPECTED.items():
    for target, wanted in targets.items():
        found = [levels(layout, luma, target) for luma in (235, 126)]
        print(f"{layout:11} -> {target:5} white, grey (rows but the last two, last two): {found[0]} {found[1]}")
        changed += [f"{layout} -> {target}"] * (found != wanted)
half = [levels("yuv420p", luma, "rgb24", width=32, height=32) for luma in (235, 126)]
print(f"yuv420p     -> rgb24 at half the size: {half[0]} {half[1]}")
changed += ["half the size"] * (half != DARK)
for name, wanted in (("FULL_CHR_H_INT", RIGHT), ("ACCURATE_RND", DARK), ("BITEXACT", DARK)):
    found = [levels("yuv420p10le", luma, "rgb24", interpolation=FLAGS[name]) for luma in (235, 126)]
    print(f"yuv420p10le -> rgb24 with {name}: {found[0]} {found[1]}")
    changed += [name] * (found != wanted)
if changed:
    sys.exit(f"CHANGED: other values than stated: {', '.join(changed)}.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
