"""The pixels of decoded frames: colours that are not RGB, and the alpha channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE_THREAD: dict[str, Any] = {"threads": 1} if "threads" in (av.VideoFrame.reformat.__doc__ or "") else {}
"""For `reformat`: with several threads, its default where supported, FFmpeg's scaler now and then writes some eight
wrong pixels at the seam of two threads, in alpha and colour (seen with PyAV 18.1: every third 480p frame from RGBA to
yuva444p10). RGB without alpha is unaffected."""


def rgb_of(decoded: Any, matrix: int, **options: Any) -> NDArray[np.uint8]:
    """Returns the colours (H, W, 3) uint8 RGB of a decoded frame that is not RGB.

    Of more than 8 bits by way of planes: straight from 4:2:0 or 4:2:2, FFmpeg's scaler loses up to 2 of 255.

    Args:
        decoded: PyAV's frame.
        matrix: from its colours to RGB, PyAV's `Colorspace`.
        options: of `reformat`.
    """
    if all(component.bits <= 8 for component in decoded.format.components):
        return np.asarray(decoded.to_ndarray(format="rgb24", src_colorspace=matrix, **options), np.uint8)
    planar = decoded.reformat(format="gbrp", src_colorspace=matrix, **options)
    green, blue, red = (
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: planar.height, : planar.width]
        for plane in planar.planes
    )
    return np.asarray(cv2.merge([red, green, blue]), np.uint8)


def has_alpha(layout: Any) -> bool:
    """Returns whether a pixel format has an alpha channel."""
    return layout is not None and any(component.is_alpha for component in layout.components)


def own_alpha(decoded: Any) -> NDArray[np.uint8] | None:
    """Returns the alpha (H, W) uint8 of a decoded frame that keeps it in a plane of its own; otherwise None."""
    for component in decoded.format.components:
        if component.is_alpha:
            shared = any(c.plane == component.plane and not c.is_alpha for c in decoded.format.components)
            return None if shared else _plane(decoded, component)
    return None


def alpha_of(decoded: Any) -> NDArray[np.uint8]:
    """Returns the alpha (H, W) uint8 of a decoded frame that has one."""
    plane = own_alpha(decoded)
    if plane is not None:
        return np.array(plane)
    return np.array(decoded.to_ndarray(format="rgba", **ONE_THREAD)[..., 3])


def _plane(decoded: Any, component: Any) -> NDArray[np.uint8]:
    """Returns the values (H, W) uint8 of a component that has a plane of its own and the picture's size."""
    plane = decoded.planes[component.plane]
    wide = component.bits > 8
    values = np.frombuffer(plane, (">u2" if decoded.format.is_big_endian else "<u2") if wide else np.uint8)
    values = values.reshape(-1, plane.line_size // (1 + wide))[: decoded.height, : decoded.width]
    if component.bits == 8:
        return values
    most = 2**component.bits - 1
    return np.asarray((values.astype(np.uint32) * 255 + most // 2) // most, np.uint8)
