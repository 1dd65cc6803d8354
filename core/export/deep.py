"""Composites and writes pictures with more than 8 bits per channel: floats, 16-bit PNG, and half-float OpenEXR.

Colours are floats (H, W, 3) as stored in the clip, usually sRGB, and are mixed as stored, like 8-bit ones. EXR
files hold linear light (Rec.709), as Blender expects and writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..edges.refine_edge import refine_edge
from ..errors import InputError, StoreError
from ..images.oiio_pictures import from_srgb, library

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..edges.settings import EdgeSettings
    from ..ports import EdgeNet
    from ..types import Matte

    Deep = NDArray[np.float32]

CRYPTOMATTE = "exr-cryptomatte"
PICTURES = {"png": ".png", "png16": ".png", "exr": ".exr", "exr-straight": ".exr", CRYPTOMATTE: ".exr"}
"""Kinds of picture files: 8-bit PNG, 16-bit PNG, half-float EXR with colours multiplied by alpha, or not, or multiplied
and with the objects as Cryptomatte."""
BITS = {"png": 8, "png16": 16, "exr": 32, "exr-straight": 32, CRYPTOMATTE: 32}
_LARGEST = float(np.finfo(np.float16).max)
_RESERVED = {"r", "g", "b", "a", "y", "z", "ry", "by", "u", "v"}


def over(image: Deep, matte: Matte, background: Deep) -> Deep:
    """Returns the cutout over a background, (H, W, 3) float32; like `composite.over`."""
    return np.asarray(background + matte[..., None] * (image - background), np.float32)


def refined(net: EdgeNet | None, image: Deep, matte: Matte, settings: EdgeSettings) -> tuple[Matte, Deep]:
    """Returns what `refine_edge` does, for a picture of floats: edges are found, and colours cleaned, in 8 bits."""
    small = np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
    alpha, clean = refine_edge(net, small, matte, settings)
    if clean is small:
        return alpha, image
    return alpha, np.asarray(image + (clean.astype(np.float32) - small) / np.float32(255), np.float32)


def rgba(image: Deep, matte: Matte) -> Deep:
    """Returns the picture with the matte as straight alpha: (H, W, 4) float32."""
    return np.asarray(np.dstack((image, matte)), np.float32)


def in_16_bits(picture: Deep) -> NDArray[np.uint16]:
    """Returns a picture with values from 0 to 1 in 16 bits; values beyond are clipped."""
    return np.asarray(np.rint(np.clip(picture, 0, 1) * np.float32(65535)), np.uint16)


def channel_names(objects: Mapping[str, object]) -> dict[str, str]:
    """Returns the name of each object's channel in an EXR: without dots, which would make it a layer.

    Raises:
        InputError: two objects have the same name.
    """
    names = {}
    for name in objects:
        plain = re.sub(r"[^\w -]", "_", name).strip() or "object"
        names[name] = f"{plain}_mask" if plain.lower() in _RESERVED else plain
    if len(set(names.values())) < len(names):
        raise InputError("Two objects have the same name, so their channels would too.", "Rename one of them.")
    return names


def exr_channels(picture: Deep, straight: bool, mattes: Mapping[str, Matte]) -> tuple[list[str], NDArray[np.float16]]:
    """Returns the names and the values (H, W, channels) of an EXR's channels.

    Args:
        picture: (H, W, 3) or, with straight alpha, (H, W, 4).
        straight: do not multiply colours by alpha.
        mattes: further channels by name.
    """
    light = from_srgb(picture[..., :3])
    if picture.shape[2] == 4 and not straight:
        light = light * picture[..., 3:]
    values = np.dstack([light, picture[..., 3:], *mattes.values()])
    return [*"RGBA"[: picture.shape[2]], *mattes], np.clip(values, -_LARGEST, _LARGEST).astype(np.float16)


def write_exr(
    part: Path,
    path: Path,
    names: list[str],
    values: NDArray[Any],
    aspect: float,
    note: str,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Writes an EXR (ZIP) to `part`, which is to become `path`, reads it again and compares every bit.

    Args:
        part: ends in .exr.
        path: for messages.
        names: of the channels.
        values: (H, W, channels), float16; or float32, of which channels without a dot in their name are halved.
        aspect: width of a pixel divided by its height.
        note: the file's comment.
        attributes: further entries of its header.

    Raises:
        StoreError: it cannot be written, or is not what was written; it is removed.
        EnvironmentMissing: the engine's Python lacks OpenImageIO.
    """
    oiio = library()
    spec = oiio.ImageSpec(values.shape[1], values.shape[0], values.shape[2], "half")
    spec.channelnames = tuple(names)
    if values.dtype == np.float32:
        spec.channelformats = tuple(map(oiio.TypeDesc, formats_of(names)))
    spec.attribute("compression", "zip")
    spec.attribute("PixelAspectRatio", float(aspect))
    for key, text in {"ImageDescription": note, **(attributes or {})}.items():
        spec.attribute(key, text)
    out: Any = oiio.ImageOutput.create("openexr")
    done = bool(out.open(str(part), spec)) and bool(out.write_image(np.ascontiguousarray(values))) and bool(out.close())
    if not done:
        reason = out.geterror().strip().splitlines()
        _remove(part)
        raise StoreError(
            f"The picture {path} cannot be written ({reason[-1] if reason else 'unknown reason'}).",
            "Free some space, or choose another place.",
        )
    check_exr(oiio, part, path, names, values)


def formats_of(names: Sequence[str]) -> list[str]:
    """Returns the type of each channel: floats for layers, whose names have a dot, half floats for others."""
    return ["float" if "." in name else "half" for name in names]


def check_exr(oiio: Any, part: Path, path: Path, names: list[str], values: NDArray[Any]) -> None:
    """Raises StoreError, and removes `part`, unless it holds exactly these channels; the message names `path`."""
    source = oiio.ImageInput.open(str(part))
    found = None
    if source is not None:
        spec = source.spec()
        if sorted(spec.channelnames) == sorted(names):
            kind = "float" if values.dtype == np.float32 else "half"
            pixels = source.read_image(0, 0, 0, len(names), kind)
            found = None if pixels is None else np.asarray(pixels)[..., [spec.channelnames.index(n) for n in names]]
        source.close()
    if found is None or found.shape != values.shape or not np.array_equal(found, values):
        _remove(part)
        raise StoreError(
            f"{path.name} was read again after writing, and it is not the picture that was written. It was not kept.",
            "Check the disk and write it again.",
        )


def _remove(part: Path) -> None:
    with suppress(OSError):
        part.unlink()


def in_floats(picture: NDArray[Any]) -> Deep:
    """Returns a picture of bytes as floats from 0 to 1; of floats those above 0, as enlarging may overshoot."""
    return np.asarray(picture / np.float32(255) if picture.dtype == np.uint8 else np.maximum(picture, 0), np.float32)
