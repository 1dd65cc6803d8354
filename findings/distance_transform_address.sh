#!/usr/bin/env bash
# OpenCV's exact distance transform gives other numbers for the same mask, by where in memory the result lies.
#
# Versions:  opencv-python-headless 5.0.0.93 from its wheel (with IPP 2026.0), NumPy 2.4.6; Linux on x86-64 with AVX-512.
# Expected:  distanceTransform(mask, DIST_L2, DIST_MASK_PRECISE) is a function of the mask. A squared distance is a whole
#            number below 2^24, so that the root can be rounded right in float32: one answer, the same anywhere.
# Happens:   400 calls with copies of one mask (a disc of radius 22, one thread) give two arrays, which differ in over a
#            hundred pixels. Neither is the right root everywhere. Which one comes out depends on the address of the *result*
#            alone: a multiple of 32 bytes, or only of 16, as NumPy's allocator happens to choose. Results that are placed
#            by hand come in eight variants, one for each position of a float within 32 bytes. The difference is in the
#            last bit (2e-6): enough that a run is not equal to its repetition, byte for byte. With
#            cv2.ipp.setUseIPP(False) the result is exact and always the same.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3) || fail "there is no python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 must be 3.11 or later."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet opencv-python-headless==5.0.0.93 numpy==2.4.6 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
import sys

import cv2
import numpy as np

cv2.setNumThreads(1)
y, x = np.mgrid[-23:24, -23:24]
MASK = (x * x + y * y <= 22 * 22).astype(np.uint8)
zeros, places = np.argwhere(MASK == 0), np.argwhere(MASK >= 0)
squared = ((places[:, None] - zeros[None]) ** 2).sum(-1).min(1).reshape(MASK.shape)
EXACT = np.sqrt(squared.astype(np.float64)).astype(np.float32)


def results():
    """The different arrays that 400 calls give, with the addresses of the results modulo 32."""
    kept, found = [], {}
    for n in range(400):
        kept.append(np.zeros(n * 7 % 1999, np.uint8))  # so that memory lies differently for each call
        out = cv2.distanceTransform(MASK.copy(), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        found.setdefault(out.tobytes(), (out, set()))[1].add(out.ctypes.data % 32)
    return list(found.values())


def at_each_address():
    """The number of the variant for results that are written to addresses 0, 4 ... 60 modulo 64."""
    variants, numbers = [], []
    for offset in range(16):
        room = np.zeros(MASK.size + 32, np.float32)
        first = -room.ctypes.data % 64 // 4 + offset
        out = room[first : first + MASK.size].reshape(MASK.shape)
        cv2.distanceTransform(MASK, cv2.DIST_L2, cv2.DIST_MASK_PRECISE, dst=out)
        if out.tobytes() not in variants:
            variants.append(out.tobytes())
        numbers.append(variants.index(out.tobytes()))
    return numbers


print("OpenCV", cv2.__version__, cv2.ipp.getIppVersion())
with_ipp = results()
for out, addresses in with_ipp:
    off = np.abs(out - EXACT)
    inexact = f"{(off > 0).sum()} of {off.size} pixels not exact, most {off.max():.2g}"
    print(f"result at {sorted(addresses)} modulo 32: {inexact}")
numbers = at_each_address()
print("variant of a result at 0, 4 ... 60 modulo 64:", numbers)
cv2.ipp.setUseIPP(False)
without = results()
print("without IPP:", len(without), "result(s), pixels not exact:", [int((out != EXACT).sum()) for out, _ in without])
if len(with_ipp) != 2 or with_ipp[0][1] & with_ipp[1][1] or numbers != [*range(8), *range(8)]:
    sys.exit("CHANGED: there are no longer two results, eight by hand, for each alignment.")
if len(without) != 1 or (without[0][0] != EXACT).any():
    sys.exit("CHANGED: without IPP the result is no longer exact.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
