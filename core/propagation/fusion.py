"""Results of a frame between two keyframes, fused: of the earlier run, and of the new one from either keyframe."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Mattes

NEAR = 4.0
"""So many frames from a new keyframe its own result still counts 1/e by nearness alone."""


def nearness(frame: int, keyframe: int) -> float:
    """How far a frame's result from a keyframe is to be believed for being near to it: (0, 1], 1 on the keyframe."""
    return exp(-abs(frame - keyframe) / NEAR)


def difference(old: Mattes, new: Mattes) -> Mattes:
    """What the artist changed on a keyframe: (2N, H, W), the N objects' gains, then their losses, each in [0, 1]."""
    return np.asarray(np.concatenate((np.maximum(new - old, 0), np.maximum(old - new, 0))), np.float32)


def middle(old: Mattes, new: Mattes, far: Mattes) -> Mattes:
    """The median of three mattes (N, H, W) at each place: what two of them say, without a ghost of the third."""
    return np.asarray(np.maximum(np.minimum(old, new), np.minimum(np.maximum(old, new), far)), np.float32)


def fuse(
    old: Mattes,
    new: Mattes,
    far: Mattes,
    carried: Mattes,
    near: float | NDArray[np.float32],
    lean: Mattes | None = None,
) -> Mattes:
    """The fused mattes (N, H, W) float32.

    Two out of three decide: the earlier run, which knew nothing of the new keyframe; the new run that comes from it;
    and the new run that comes from the unchanged keyframe on the other side (`far`), with both keyframes in memory.
    The new result alone decides close to its keyframe, and where a change of the artist was carried to (by the affinity
    between keyframe and frame), as far as it changes the same way: gains for pixels that it adds, losses for those that
    it takes away.

    MiVOS (2103.07941, 3.3) has the first two only, and lets a trained network draw the matte from them, the carried
    change and linear time weights. A keyframe is drawn where the clip is hard, so the run from it often fails where the
    earlier one was right, and then a mean of the two spoils good frames: docs/experiments.md, "Corrections".

    Args:
        old: (N, H, W) of the earlier run.
        new: (N, H, W) of this run, from the new keyframe.
        far: (N, H, W) of this run, from the keyframe on the other side.
        carried: (2N, H, W) from `difference`, carried to this frame.
        near: from `nearness`, one number or (N,).
        lean: (N, H, W) in [-1, 1], from a `FusionNet`: 1 takes all of the new result, -1 none of it by itself;
            None = 0.
    """
    middles = middle(old, new, far)
    gains, losses = np.split(np.clip(carried, 0, 1), 2)
    support = np.where(new >= middles, gains, losses)
    base = np.asarray(near, np.float32).reshape(-1, 1, 1)
    share = base + (1 - base) * support
    if lean is not None:
        share = share + lean * np.where(lean >= 0, 1 - share, share)
    return np.asarray(np.clip(middles + share * (new - middles), 0, 1), np.float32)
