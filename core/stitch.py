"""A refined crop laid back over the matte that it was cut from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .crop import Crop, intersection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .types import Matte


def stitch(matte_full: Matte, refined_crop: Matte, crop: Crop, feather_px: float) -> Matte:
    """The refined crop laid over the matte, faded over `feather_px` source pixels at its rim so that no seam shows.

    Rims on the picture's own edge are not faded. Outside the box the result equals `matte_full` bit for bit.

    Args:
        matte_full: (H, W) float32.
        refined_crop: (h, w) float32 in crop space.
        crop: where it lies.
        feather_px: width of the fade, in source pixels; 0 = none.
    """
    height, width = matte_full.shape
    inner = intersection(crop.box, height, width)
    out: Matte = np.array(matte_full)
    if inner is None:
        return out
    weight = np.minimum(
        _ramp(inner.y0, inner.y1, height, feather_px)[:, None], _ramp(inner.x0, inner.x1, width, feather_px)[None]
    )
    place = np.s_[inner.y0 : inner.y1, inner.x0 : inner.x1]
    # Only the box: a whole picture of 4K, of which most is thrown away, takes three times as long.
    out[place] += weight * (crop.inside(refined_crop, inner) - out[place])
    np.clip(out[place], 0.0, 1.0, out=out[place])
    return out


def _ramp(start: int, stop: int, limit: int, feather: float) -> NDArray[np.float32]:
    """Weights of the pixels start ... stop - 1: rising from the rim inwards, but 1 at the picture's own edge."""
    place = np.arange(start, stop, dtype=np.float32) + 0.5
    width = max(feather, 1e-3)
    low = np.clip((place - start) / width, 0, 1) if start > 0 else np.ones_like(place)
    high = np.clip((stop - place) / width, 0, 1) if stop < limit else np.ones_like(place)
    return np.asarray(np.minimum(low, high), np.float32)
