#!/usr/bin/env bash
# White is 65283 and not 65535 when 8-bit RGB, or video of any depth, becomes 16-bit RGB; and 65535 is encoded as luma 943.
#
# Versions:  PyAV 18.1.0 from its wheel (libswscale 9.5.102), NumPy 2.4.6; Linux on x86-64.
# Expected:  full white stays full white: rgb24 255 becomes 65535 in rgb48le, 1023 in gbrp10le and 1.0 in gbrpf32le, and so
#            does nominal white of limited range (luma 235 of 8 bits, 940 of 10), which is exactly 255 in rgb24. Back, RGB
#            white becomes nominal white.
# Happens:   rgb48le holds 65283 = 255 * 256 + 3 from rgb24, from yuv444p and from all YUV of more than 8 bits; 65021 from
#            8-bit yuv420p; 65280 from gray. gbrp10le has 1020, gbrpf32le 0.99615, and the opaque alpha of rgba is 65532 in
#            rgba64le. gray16le alone is right, 65535. Black is 0 everywhere. The other way, 65535 becomes luma 943 of 10
#            bits and 3774 of 12, above nominal white. A level that is only read, kept in 16 bits and written comes back the
#            same, which hides it; but 16-bit pictures made so are never white nor opaque, and white graphics that are drawn
#            on them come out brighter than the film's own white.
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

BITS = {"yuv420p": 8, "yuv444p": 8, "yuv420p10le": 10, "yuv422p10le": 10, "yuv444p10le": 10, "yuv444p12le": 12}
WHITE, BLACK = 235, 16


def grey(layout, luma):
    """A frame of limited range without colour; luma is on the scale of 8 bits."""
    frame = av.VideoFrame(64, 64, layout)
    frame.color_range = frame.colorspace = 1
    kind = np.uint8 if BITS[layout] == 8 else np.uint16
    for n, plane in enumerate(frame.planes):
        value = (128 if n else luma) << (BITS[layout] - 8)
        plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, value, kind).tobytes())
    return frame


def only(values):
    """The one value that all pixels have."""
    found = np.unique(values)
    if len(found) != 1:
        sys.exit(f"CHANGED: a picture of one colour has become {found[:6].tolist()}.")
    return found[0].item()


def luma_of(white, layout):
    """The luma that a 16-bit RGB picture of one grey has in a limited-range layout."""
    frame = av.VideoFrame.from_ndarray(white, format="rgb48le")
    frame = frame.reformat(format=layout, dst_colorspace=1, dst_color_range=1, threads=1)
    values = np.frombuffer(frame.planes[0], np.uint8 if BITS[layout] == 8 else np.uint16)
    return only(values.reshape(frame.height, -1)[:, : frame.width])


print("PyAV", av.__version__, "libswscale", ".".join(map(str, av.library_versions["libswscale"])))
changed = []
for layout, bits in BITS.items():
    white, black = (only(grey(layout, y).to_ndarray(format="rgb48le", threads=1)) for y in (WHITE, BLACK))
    real = only(grey(layout, WHITE).to_ndarray(format="gbrpf32le", threads=1))
    print(f"{layout:11} luma {WHITE << bits - 8:4} -> rgb48le {white}, gbrpf32le {real:.5f}; black -> {black}")
    stated = (65021 if layout == "yuv420p" else 65283, 0, 0.99615)
    changed += [layout] * ((white, black, round(real, 5)) != stated)

exact = only(grey("yuv444p", WHITE).to_ndarray(format="rgb24", threads=1))
print(f"for comparison: yuv444p luma 235 -> rgb24 {exact}")
changed += ["the comparison"] * (exact != 255)

WIDENED = {"rgb48le": 65283, "gbrp10le": 1020, "gbrp16le": 65283, "gbrpf32le": 0.99615, "gray16le": 65535}
for source, shape, wanted in (
    ("rgb24", (64, 64, 3), WIDENED),
    ("gray", (64, 64), {"rgb48le": 65280, "gray16le": 65535}),
):
    frame = av.VideoFrame.from_ndarray(np.full(shape, 255, np.uint8), format=source)
    found = {target: round(only(frame.to_ndarray(format=target, threads=1)), 5) for target in wanted}
    print(f"{source} 255 -> {found}")
    changed += [source] * (found != wanted)
opaque = av.VideoFrame.from_ndarray(np.full((64, 64, 4), 255, np.uint8), format="rgba")
alpha = only(opaque.to_ndarray(format="rgba64le", threads=1)[..., 3])
print(f"alpha 255 of rgba -> rgba64le {alpha}")
changed += ["alpha"] * (alpha != 65532)

for layout, wanted in (("yuv444p10le", 943), ("yuv444p12le", 3774)):
    back = luma_of(np.full((64, 64, 3), 65535, np.uint16), layout)
    same = luma_of(grey(layout, WHITE).to_ndarray(format="rgb48le", threads=1), layout)
    print(f"rgb48le 65535 -> {layout} luma {back}; its own white there and back: {same}")
    changed += [f"{layout} back"] * ((back, same) != (wanted, WHITE << BITS[layout] - 8))
if changed:
    sys.exit(f"CHANGED: other values than stated: {', '.join(changed)}.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
