#!/usr/bin/env bash
# OpenImageIO reads a grey TGA with alpha as red and green without alpha, and changes the greys of one that it wrote itself.
#
# Versions:  OpenImageIO 3.2.2.0 from its wheel, NumPy 2.4.6; Linux on x86-64.
# Expected:  a TGA of type 3 with 16 bits, 8 of them alpha by its header, has the channels Y and A and the alpha channel 1, as
#            the grey PNG with alpha has; and grey is multiplied by alpha on reading, as OpenImageIO does with all others.
# Happens:   the channels are R and G, alpha_channel is -1 and nothing is multiplied: grey 100 with alpha 128 is read as 100,
#            128, where the PNG gives Y 50, A 128 and the RGBA TGA 50, 50, 50, 128. Code that looks for "A" finds an opaque
#            picture, code for colour sees red and green. The writer does know the alpha: Y 50, A 100 is divided on
#            writing and comes back as 127, 100, while PNG, TIFF and OpenEXR give back 50, 100 and the RGBA TGA is at most one
#            step off. There is no error.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3) || fail "there is no python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 must be 3.11 or later."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet OpenImageIO==3.2.2.0 numpy==2.4.6 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
import struct
import sys
import zlib

import numpy as np
import OpenImageIO as oiio


def tga(kind, bits, pixel):
    """A TGA of one pixel whose header gives 8 bits of alpha."""
    return struct.pack("<3B5x4H2B", 0, 0, kind, 0, 0, 1, 1, bits, 0x28) + bytes(pixel)


def png(pixel):
    """A grey PNG with alpha, of one pixel."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    parts = (
        (b"IHDR", struct.pack(">2I5B", 1, 1, 8, 4, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes([0, *pixel]))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def read(path):
    """The names of the channels, the number of the alpha channel and the values."""
    file = oiio.ImageInput.open(path)
    spec = file.spec()
    return "".join(spec.channelnames), spec.alpha_channel, file.read_image("uint8").ravel().tolist()


def returned(path, names, values):
    """What is read of a picture that OpenImageIO has written itself."""
    spec = oiio.ImageSpec(1, 1, len(names), "half" if path.endswith("exr") else "uint8")
    spec.channelnames, spec.alpha_channel = tuple(names), len(names) - 1
    file = oiio.ImageOutput.create(path)
    if (
        not file.open(path, spec)
        or not file.write_image(np.array(values, np.uint8).reshape(1, 1, -1))
        or not file.close()
    ):
        sys.exit(f"CHANGED: OpenImageIO cannot write {names}: {file.geterror()}")
    return read(path)


folder, changed = sys.argv[1], []
print("OpenImageIO", oiio.VERSION_STRING)
for name, data, wanted in (
    ("grey.tga", tga(3, 16, (100, 128)), ("RG", -1, [100, 128])),
    ("grey.png", png((100, 128)), ("YA", 1, [50, 128])),
    ("rgba.tga", tga(2, 32, (100, 100, 100, 128)), ("RGBA", 3, [50, 50, 50, 128])),
):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(data)
    found = read(f"{folder}/{name}")
    print(f"{name} of grey 100, alpha 128: channels {found[0]}, alpha channel {found[1]}, values {found[2]}")
    changed += [name] * (found != wanted)
for ending, names, wanted in (
    ("tga", "YA", ("RG", -1, [127, 100])),
    ("png", "YA", ("YA", 1, [50, 100])),
    ("tif", "YA", ("YA", 1, [50, 100])),
    ("exr", "YA", ("YA", 1, [50, 100])),
    ("tga", "RGBA", ("RGBA", 3, [49, 49, 49, 100])),
):
    found = returned(f"{folder}/written.{ending}", names, [50] * (len(names) - 1) + [100])
    print(f"{names} of 50, alpha 100, written and read as .{ending}: channels {found[0]}, values {found[2]}")
    changed += [f"{names} in .{ending}"] * (found != wanted)
if changed:
    sys.exit(f"CHANGED: other channels or values than stated: {', '.join(changed)}.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$folder"
