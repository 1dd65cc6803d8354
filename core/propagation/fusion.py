"""Fuses results of a frame between two keyframes: the earlier run's, and the new ones from either keyframe."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..types import Mattes

NEAR = 4.0
"""Distance from a new keyframe, in frames, at which its own result still counts 1/e by nearness alone."""

BAND = 128
"""Rows that are fused at a time, so that large pictures take little memory."""


def nearness(frame: int, keyframe: int) -> float:
    """Returns how far to trust a frame's result for being near its keyframe: (0, 1], 1 on the keyframe."""
    return exp(-abs(frame - keyframe) / NEAR)


def difference(old: Mattes, new: Mattes) -> Mattes:
    """Returns what the artist changed on a keyframe: (2N, H, W), the N objects' gains, then their losses, in [0, 1]."""
    return np.asarray(np.concatenate((np.maximum(new - old, 0), np.maximum(old - new, 0))), np.float32)


def middle(old: Mattes, new: Mattes, far: Mattes) -> Mattes:
    """Returns the pixelwise median of three mattes (N, H, W): what two of them agree on, and no ghost of the third."""
    return np.asarray(np.maximum(np.minimum(old, new), np.minimum(np.maximum(old, new), far)), np.float32)


def fuse(old: Mattes, new: Mattes, far: Mattes, carried: Mattes, near: float) -> Mattes:
    """Returns the fused mattes (N, H, W) float32.

    Two out of three decide: the earlier run, which did not know the new keyframe; the new run from that keyframe; and
    the new run from the unchanged keyframe on the other side (`far`), with both keyframes in memory. The new result
    alone decides close to its keyframe, and where a change by the artist was carried to (by the affinity between
    keyframe and frame), as long as it changes in the same direction: gains for pixels that it adds, losses for those
    that it removes.

    MiVOS (2103.07941, 3.3) has the first two only, and lets a trained network draw the matte from them, the carried
    change and linear time weights. Artists draw keyframes where the clip is hard, so the run from one often fails where
    the earlier one was right, and then a mean of the two spoils good frames: docs/experiments.md, "Corrections".

    Args:
        old: (N, H, W) of the earlier run.
        new: (N, H, W) of this run, from the new keyframe.
        far: (N, H, W) of this run, from the keyframe on the other side.
        carried: (2N, H, W) from `difference`, carried to this frame.
        near: from `nearness`.
    """
    out = np.empty(new.shape, np.float32)
    for start in range(0, new.shape[1], BAND):
        band = np.s_[:, start : start + BAND]
        out[band] = _fused(old[band], new[band], far[band], carried[band], np.float32(near))
    return out


def _fused(old: Mattes, new: Mattes, far: Mattes, carried: Mattes, near: np.float32) -> Mattes:
    middles = middle(old, new, far)
    gains, losses = np.split(np.clip(carried, 0, 1), 2)
    support = np.where(new >= middles, gains, losses)
    share = near + (1 - near) * support
    return np.asarray(np.clip(middles + share * (new - middles), 0, 1), np.float32)
