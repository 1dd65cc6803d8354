"""Converts HDR frames (PQ, HLG) for ordinary screens: BT.709 with highlights rolled off."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .planes import ONE_THREAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = {16: "PQ", 18: "HLG"}
"""Transfer characteristics (ITU-T H.273) that are converted."""
_PQ = 16
_WHITE = 203.0
"""Nits of a white sheet in HDR (ITU-R BT.2408), which becomes nearly white."""
_PEAK, _SYSTEM_GAMMA = 1000.0, 1.2
"""Peak brightness in nits and system gamma of a reference HLG display (ITU-R BT.2100)."""
_PQ_CONSTANTS = (2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128)
_HLG_CONSTANTS = (0.17883277, 0.28466892, 0.55991073)
_KNEE = 0.8
"""Share of white up to which light is kept as it is."""
_SCREEN_GAMMA = 2.4
"""ITU-R BT.1886."""
_LUMA = (0.2627, 0.6780, 0.0593)
_BT709, _P3 = 1, 12
_FROM_2020 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
"""ITU-R BT.2087."""
_FROM_P3 = ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979))


def tone_mapped(decoded: Any, transfer: int, matrix: int, deep: bool = False) -> NDArray[Any]:
    """Returns a decoded HDR frame as (H, W, 3) uint8 RGB in BT.709, or as float32 from 0 to 1.

    Args:
        decoded: PyAV's frame.
        transfer: one of `KINDS`.
        matrix: from its colours to RGB, PyAV's `Colorspace`.
        deep: floats are wanted.
    """
    rgb = {} if decoded.format.is_rgb else {"src_colorspace": matrix}
    signal = decoded.to_ndarray(format="rgb48le", **rgb, **ONE_THREAD)
    return map_tones(signal, transfer, int(getattr(decoded, "color_primaries", 0) or 0), deep)


def map_tones(signal: NDArray[np.uint16], transfer: int, primaries: int = 9, deep: bool = False) -> NDArray[Any]:
    """Returns HDR values (H, W, 3) uint16 RGB as uint8 RGB in BT.709, or as float32 from 0 to 1.

    Args:
        signal: full range.
        transfer: one of `KINDS`.
        primaries: by ITU-T H.273: 1 = BT.709, 12 = P3, any other = BT.2020.
        deep: floats are wanted.
    """
    light: NDArray[Any] = _linear(transfer)[signal]
    if transfer != _PQ:
        luma = cv2.transform(light, np.array([_LUMA], np.float32))
        light *= (_PEAK / _WHITE) * cv2.pow(luma, _SYSTEM_GAMMA - 1)[..., None]
    if primaries != _BT709:
        light = cv2.transform(light, np.array(_FROM_P3 if primaries == _P3 else _FROM_2020, np.float32))
    np.maximum(light, 0, out=light)
    red, green, blue = cv2.split(light)
    highest = np.maximum(cv2.max(cv2.max(red, green), blue), np.float32(_KNEE))
    room = np.float32(1 - _KNEE)
    light *= ((1 - room * cv2.exp((np.float32(_KNEE) - highest) / room)) / highest)[..., None]
    shown = cv2.pow(light, 1 / _SCREEN_GAMMA)
    return np.minimum(shown, 1) if deep else np.asarray(cv2.convertScaleAbs(shown, alpha=255.0), np.uint8)


def to_hdr(picture: NDArray[np.float32], transfer: int, primaries: int) -> NDArray[np.float32]:
    """Returns BT.709 values (H, W, 3) from 0 to 1 as HDR values from 0 to 1: the inverse of `map_tones` below its knee.

    Args:
        picture: float32 RGB.
        transfer: one of `KINDS`.
        primaries: see `map_tones`.
    """
    light: NDArray[Any] = np.power(np.clip(picture, 0, 1), np.float32(_SCREEN_GAMMA))
    if primaries != _BT709:
        back = np.linalg.inv(np.array(_FROM_P3 if primaries == _P3 else _FROM_2020))
        light = np.maximum(cv2.transform(light, back.astype(np.float32)), 0)
    if transfer == _PQ:
        m1, m2, c1, c2, c3 = _PQ_CONSTANTS
        power = np.power(light * (_WHITE / 10000), m1)
        return np.asarray(np.power((c1 + c2 * power) / (1 + c3 * power), m2), np.float32)
    light = light * np.float32(_WHITE / _PEAK)
    luma = np.maximum(light @ np.array(_LUMA, np.float32), 1e-9)
    scene = light * np.power(luma, (1 - _SYSTEM_GAMMA) / _SYSTEM_GAMMA)[..., None]
    a, b, c = _HLG_CONSTANTS
    bright = a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright), np.float32)


@lru_cache(maxsize=2)
def _linear(transfer: int) -> NDArray[np.float32]:
    """Returns the light for each 16-bit value: PQ as a share of white, HLG as scene light, 0 to 1 (ITU-R BT.2100)."""
    signal = np.arange(65536) / 65535.0
    if transfer == _PQ:
        m1, m2, c1, c2, c3 = _PQ_CONSTANTS
        root = signal ** (1 / m2)
        nits = 10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return np.asarray(nits / _WHITE, np.float32)
    a, b, c = _HLG_CONSTANTS
    return np.asarray(np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12), np.float32)
