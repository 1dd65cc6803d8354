"""Encodes the mattes of several objects as Cryptomatte (specification 1.2.0), for EXR pictures.

Each pixel holds the ids of the objects that cover it and how much, largest first: Cryptomatte nodes get the mattes back
by name, at full float precision.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Matte

LAYER = "CryptoObject"
"""The name that Blender gives to its own."""
_MOST_RANKS = 6
"""Most objects kept at a pixel, as renderers do by default."""
_BITS = 0xFFFFFFFF


def channels(mattes: Mapping[str, Matte]) -> tuple[list[str], NDArray[np.float32]]:
    """Returns the names and the values (H, W, channels) float32 of the layer's channels: pairs of id and coverage.

    Args:
        mattes: of all objects by name, (H, W) float32 in [0, 1], at least one.
    """
    ids = np.array([_as_float(_id(name)) for name in mattes], np.float32)
    coverage = np.stack([np.asarray(matte, np.float32) for matte in mattes.values()], axis=-1)
    ranks = min(len(mattes), _MOST_RANKS)
    order = np.argsort(-coverage, axis=-1, kind="stable")[..., :ranks]
    covered = np.take_along_axis(coverage, order, axis=-1)
    pairs = np.stack([np.where(covered > 0, ids[order], np.float32(0)), covered], axis=-1)
    levels = (ranks + 1) // 2
    values = np.zeros((*coverage.shape[:2], 4 * levels), np.float32)
    values[..., : 2 * ranks] = pairs.reshape(*coverage.shape[:2], 2 * ranks)
    return [f"{LAYER}{level:02d}.{channel}" for level in range(levels) for channel in "rgba"], values


def attributes(names: Mapping[str, object]) -> dict[str, str]:
    """Returns the entries of an EXR's header that name the objects."""
    key = f"cryptomatte/{_hash(LAYER.encode()):08x}"[:-1]
    manifest = json.dumps({name: f"{_id(name):08x}" for name in names}, ensure_ascii=False, separators=(",", ":"))
    return {
        f"{key}/name": LAYER,
        f"{key}/hash": "MurmurHash3_32",
        f"{key}/conversion": "uint32_to_float32",
        f"{key}/manifest": manifest,
    }


def _id(name: str) -> int:
    """Returns an object's id: the hash of its name, changed by a bit where it would be no normal float."""
    value = _hash(name.encode())
    return value ^ 1 << 23 if value >> 23 & 255 in (0, 255) else value


def _as_float(value: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", value))[0])


def _hash(data: bytes) -> int:
    """Returns MurmurHash3 (x86, 32 bits, seed 0), which the specification demands."""
    value, whole = 0, len(data) - len(data) % 4
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        value ^= _mixed(block)
        value = (_turned(value, 13) * 5 + 0xE6546B64) & _BITS
    value ^= _mixed(int.from_bytes(data[whole:], "little")) ^ len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        value = ((value ^ value >> shift) * factor) & _BITS
    return value


def _mixed(block: int) -> int:
    return (_turned((block * 0xCC9E2D51) & _BITS, 15) * 0x1B873593) & _BITS


def _turned(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _BITS
