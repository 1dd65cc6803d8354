"""Reads OpenEXR, DPX, Targa and Radiance pictures with OpenImageIO, and shows them as Blender's sequencer does.

Blender takes EXR, DPX and HDR as linear Rec.709 multiplied by alpha, whatever their headers say, and TGA as sRGB with
straight alpha. It shows an EXR's data window, and if there are several layers or parts, the one named Combined or the
first that has colours (4.5 to 5.2; 4.2 shows none of them).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import atomic
from ..errors import EnvironmentMissing, InputError
from .picture_files import MOST_PIXELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Image, Matte

SUFFIXES = frozenset({".exr", ".dpx", ".tga", ".hdr"})
_FORMATS = {".exr": "openexr", ".dpx": "dpx", ".tga": "targa", ".hdr": "hdr"}
_SIGNATURES = {".exr": (b"v/1\x01",), ".dpx": (b"SDPX", b"XPDS"), ".hdr": (b"#?",)}
_TGA_COLOUR_MAPS, _TGA_KINDS, _TGA_DEPTHS = (0, 1), (1, 2, 3, 9, 10, 11), (8, 15, 16, 24, 32)
_MOST_PARTS, _MOST_CHANNELS = 256, 1024
_COLOURS, _GREY, _CHROMA = ("r", "g", "b"), ("y",), {"ry", "by"}
_DAMAGED = "Copy or render it again."


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file.

    Attributes:
        size: (height, width) of the pixels, an EXR's data window.
        whole: (height, width) of the whole picture, an EXR's display window.
        layer: name of the layer or part with the colours; "" = it has none.
        others: how many more layers and parts with colours there are.
        bits: of a channel; 16 and 32 for floats.
        part: number of the part.
        channels: numbers of red, green, blue or grey in it, and of alpha if there is one.
        has_alpha: the last of `channels` is alpha.
    """

    size: tuple[int, int]
    whole: tuple[int, int]
    layer: str
    others: int
    bits: int
    part: int
    channels: tuple[int, ...]
    has_alpha: bool


def is_ours(path: Path) -> bool:
    """Returns whether this module reads files with that extension."""
    return path.suffix.lower() in SUFFIXES


def read_header(path: Path, what: str, lone: bool = False) -> Header:
    """Returns a file's header.

    Args:
        path: the file.
        what: its name in messages.
        lone: a single channel counts as grey, whatever its name, as in masks.

    Raises:
        InputError: it is empty, damaged, not what its name says, too large, or without colours.
        EnvironmentMissing: the engine's Python lacks OpenImageIO. OSError: it cannot be opened.
    """
    with _opened(path, what, lone) as (_, header):
        return header


def read_channels(path: Path, what: str, lone: bool = False) -> tuple[NDArray[np.float32], bool]:
    """Returns (values, alpha): values (H, W, 1 to 4) float32 as stored: grey or red, green, blue, and alpha.

    See `read_header` for arguments and errors.
    """
    with _opened(path, what, lone) as (source, header):
        first, last = min(header.channels), max(header.channels)
        values = source.read_image(header.part, 0, first, last + 1, "float")
        if values is None or source.has_error:
            _forget(source)
            raise InputError(f"{what} is damaged or cut off.", _DAMAGED)
    values = np.asarray(values, np.float32).reshape(*header.size, last + 1 - first)
    order = [channel - first for channel in header.channels]
    if order != list(range(values.shape[2])):
        values = values[..., order]
    return values, header.has_alpha


def read_light(path: Path, what: str) -> tuple[NDArray[np.float32], Matte | None]:
    """Returns the colours (H, W, 3) float32, without alpha multiplied in, and the alpha (H, W) in [0, 1] or None.

    Colours of TGA are sRGB, all others linear light, which may exceed 1; non-finite values become 0.

    Raises:
        What `read_header` raises.
    """
    values, has_alpha = read_channels(path, what)
    colours: NDArray[Any] = values[..., :-1] if has_alpha else values
    colours = np.repeat(colours, 3, axis=2) if colours.shape[2] == 1 else colours
    colours = np.nan_to_num(colours, nan=0.0, posinf=np.finfo(np.float16).max, neginf=0.0)
    if not has_alpha:
        return np.asarray(colours, np.float32), None
    alpha = np.nan_to_num(values[..., -1])
    if not is_srgb(path):
        colours = colours / np.where(alpha > 0, alpha, 1)[..., None]
    return np.asarray(colours, np.float32), np.asarray(np.clip(alpha, 0, 1), np.float32)


def read_colours(path: Path, what: str) -> Image:
    """Returns the picture (H, W, 3) uint8 RGB as Blender shows it with the view transform Standard.

    Raises:
        What `read_header` raises.
    """
    colours, _ = read_light(path, what)
    if is_srgb(path):
        return np.asarray(np.rint(np.clip(colours, 0, 1) * 255), np.uint8)
    return np.asarray(_table()[np.rint(np.clip(colours, 0, 1) * np.float32(65535)).astype(np.uint16)], np.uint8)


def is_srgb(path: Path) -> bool:
    """Returns whether a file's colours are taken as sRGB instead of linear light."""
    return path.suffix.lower() == ".tga"


def to_srgb(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns linear light as sRGB values; the curve continues above 1 and, mirrored, below 0."""
    size = np.abs(light)
    curve = 1.055 * np.power(np.maximum(size, 0.0031308), 1 / 2.4) - 0.055
    return np.asarray(np.copysign(np.where(size <= 0.0031308, 12.92 * size, curve), light), np.float32)


def from_srgb(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns sRGB values as linear light: the inverse of `to_srgb`."""
    size = np.abs(values)
    curve = np.power((np.maximum(size, 0.04045) + 0.055) / 1.055, 2.4)
    return np.asarray(np.copysign(np.where(size <= 0.04045, size / 12.92, curve), values), np.float32)


def library() -> Any:
    """Returns the module OpenImageIO. Raises EnvironmentMissing."""
    try:
        import OpenImageIO
    except ImportError as error:
        raise EnvironmentMissing(
            "The engine's Python lacks OpenImageIO, which reads and writes EXR, DPX, TGA and HDR pictures.",
            "Press Set Up Engine in the add-on's preferences, or run `python install.py` in a checkout.",
        ) from error
    return OpenImageIO


@contextmanager
def _opened(path: Path, what: str, lone: bool = False) -> Iterator[tuple[Any, Header]]:
    """Opens a file and checks its header, without decoding any pixel."""
    suffix = path.suffix.lower()
    with os.fdopen(atomic.open_regular(path), "rb") as file:
        head = file.read(18)
    if not head:
        raise InputError(f"{what} is an empty file.", _DAMAGED)
    if not _is_kind(suffix, head):
        raise InputError(f"{what} is damaged, or not {suffix} but another kind of file.", _DAMAGED)
    oiio = library()
    settings = oiio.ImageSpec()
    settings.attribute("oiio:UnassociatedAlpha", 1)  # straight alpha stays as it is
    try:
        source = oiio.ImageInput.open(str(path), settings)
    except UnicodeError:  # in the file's own name
        source = None
    if source is None:
        _forget(oiio)
        raise InputError(f"{what} is damaged or cut off.", _DAMAGED)
    try:
        if source.format_name() != _FORMATS[suffix]:
            raise InputError(f"{what} is damaged, or not {suffix} but another kind of file.", _DAMAGED)
        try:
            header = _header(source, what, lone)
        except UnicodeError as error:
            raise InputError(
                f"{what} is damaged, or its channels have names that are not Unicode.", _DAMAGED
            ) from error
        yield source, header
    finally:
        source.close()


def _forget(owner: Any) -> None:
    """Clears the library's error, which it keeps otherwise; its text may hold any bytes."""
    with suppress(UnicodeError):
        owner.geterror()


def _is_kind(suffix: str, head: bytes) -> bool:
    if suffix != ".tga":  # which has no signature
        return head.startswith(_SIGNATURES[suffix])
    return len(head) == 18 and head[1] in _TGA_COLOUR_MAPS and head[2] in _TGA_KINDS and head[16] in _TGA_DEPTHS


def _header(source: Any, what: str, lone: bool) -> Header:
    colours: list[tuple[str, int, tuple[int, ...], bool]] = []
    greys: list[tuple[str, int, tuple[int, ...], bool]] = []
    for part in range(_MOST_PARTS):
        spec = source.spec(part, 0)
        if not spec.width:
            break
        name, names = spec.get_string_attribute("oiio:subimagename"), spec.channelnames[:_MOST_CHANNELS]
        if len(names) == 1 and lone:
            names = ("Y",)
        if len(names) == 2 and source.format_name() == _FORMATS[".tga"]:
            names = ("Y", "A")  # grey with alpha, which OpenImageIO calls R and G
        colours += [(layer or name, part, numbers, clear) for layer, numbers, clear in _layers(names, _COLOURS)]
        greys += [(name, part, numbers, clear) for layer, numbers, clear in _layers(names, _GREY) if not layer]
    found = colours or greys
    if not found:
        raise InputError(f"{what} has no colour channels.", "Save it with channels R, G and B, or Y.")
    chosen = next((entry for entry in found if entry[0].split(".")[-1] == "Combined"), found[0])
    layer, part, channels, has_alpha = chosen
    layer = layer.encode("utf-8", "replace").decode()  # names of other encodings come as lone surrogates
    spec = source.spec(part, 0)
    if spec.deep:
        raise InputError(f"{what} is a deep EXR, which has no flat picture.", "Flatten it first.")
    if spec.width * spec.height > MOST_PIXELS:
        raise InputError(
            f"{what} is {spec.width} x {spec.height} pixels: the limit is {MOST_PIXELS // 10**6} million.",
            "Export it at a smaller size.",
        )
    size, whole = (spec.height, spec.width), (spec.full_height, spec.full_width)
    bits = spec.get_int_attribute("oiio:BitsPerSample") or 8 * spec.format.size()
    return Header(size, whole, layer, len(found) - 1, bits, part, channels, has_alpha)


def _layers(names: tuple[str, ...], wanted: tuple[str, ...]) -> Iterator[tuple[str, tuple[int, ...], bool]]:
    """Yields (layer, numbers of the wanted channels and alpha, whether it has alpha) of layers that have them."""
    layers: dict[str, dict[str, int]] = {}
    for number, name in enumerate(names):
        layer, _, channel = name.rpartition(".")
        layers.setdefault(layer, {}).setdefault(channel.lower(), number)
    for layer, channels in sorted(layers.items(), key=lambda item: item[0] != ""):  # those without a name first
        if set(wanted) <= channels.keys() and not _CHROMA & channels.keys():
            alpha = (channels["a"],) if "a" in channels else ()
            yield layer, (*(channels[name] for name in wanted), *alpha), bool(alpha)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint8]:
    """Returns the 8-bit sRGB value for each 16-bit value of linear light."""
    light = np.arange(65536, dtype=np.float32) / np.float32(65535)
    return np.asarray(np.rint(to_srgb(light) * 255), np.uint8)
