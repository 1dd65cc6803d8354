"""Trains the fusion network on samples made once; see `samples.fusion`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..inference.predictors import load_propagation
from ..networks.fusion_net import FusionNet, formula_share, mix
from ..registry import find_entry
from .losses import dice, overlap
from .samples.fusion_samples import make_samples, open_samples
from .samples.pool import Pool, open_pool

if TYPE_CHECKING:
    from .recipe import TrainingSettings
    from .task import Parts, TrainingProgress

_LOG = logging.getLogger(__name__)

FOLDER = "fusion"
"""Folder of the samples, within the cache."""


def prepare(settings: TrainingSettings, count: int) -> None:
    """Makes the samples that a run needs and that are missing; may be interrupted at any time.

    Args:
        settings: of the run.
        count: number of samples required.
    """
    torch.set_num_threads(settings.threads)
    pool = open_pool(Path(settings.data), Path(settings.cache))

    def told(made: int) -> None:
        _LOG.info("%d of %d samples", made, count)

    released = find_entry("propagation")
    net = load_propagation(released, settings.device, "fp32")
    make_samples(pool, net, pool.folder / FOLDER, count, weights=released.sha256, told=told)


@dataclass(frozen=True, slots=True)
class FusionBatch:
    """image (B, 3, H, W) in [0, 255]; old, new, truth (B, 1, H, W), changes (B, 2, H, W) in [0, 1]; weight (B,)."""

    image: Tensor
    old: Tensor
    new: Tensor
    changes: Tensor
    weight: Tensor
    truth: Tensor


class FusionTask:
    """Teaches the network to lean towards the right one of two results where they differ."""

    count = 16
    size = 192

    def __init__(self) -> None:
        self.network = FusionNet()
        self._samples: NDArray[np.void] | None = None

    def batch(
        self, pool: Pool, rng: np.random.Generator, progress: TrainingProgress, device: torch.device
    ) -> FusionBatch:
        """Returns samples, cropped and mirrored at random.

        Raises:
            FileNotFoundError: no samples were made.
        """
        if self._samples is None:
            self._samples = open_samples(pool.folder / FOLDER)
        return fusion_batch(self._samples, rng.integers(0, len(self._samples), self.count), device, rng, self.size)

    def loss(self, batch: FusionBatch, rng: np.random.Generator, progress: TrainingProgress) -> tuple[Tensor, Parts]:
        """Returns the loss of the fused mattes, and their overlap with the truth next to the formula's."""
        share = formula_share(batch.old, batch.new, batch.changes, batch.weight)
        lean = self.network(batch.image, batch.old, batch.new, batch.changes, batch.weight)
        fused = mix(batch.old, batch.new, share, lean)
        parts = {
            "iou": overlap(fused.detach(), batch.truth),
            "iou_formula": overlap(mix(batch.old, batch.new, share, torch.zeros_like(lean)), batch.truth),
        }
        return fusion_loss(fused, batch).mean(), parts


def fusion_loss(fused: Tensor, batch: FusionBatch) -> Tensor:
    """Returns the loss of fused mattes (B, 1, H, W), (B,): cross-entropy where old and new differ, and Dice overlap.

    The cross-entropy is normalised by the objects' areas, as the overlap is: choices about large parts weigh more.
    """
    differ = (batch.new - batch.old).abs()
    probability = fused.float().clamp(1e-3, 1 - 1e-3)
    with torch.autocast(fused.device.type, enabled=False):
        entropy = F.binary_cross_entropy(probability, batch.truth, reduction="none")
    area = batch.truth.sum(dim=(1, 2, 3)) + 0.01 * batch.truth[0].numel()
    return (entropy * differ).sum(dim=(1, 2, 3)) / area + dice(fused, batch.truth)


def fusion_batch(
    samples: NDArray[np.void],
    which: NDArray[np.int64],
    device: torch.device,
    rng: np.random.Generator | None = None,
    size: int = 0,
) -> FusionBatch:
    """Returns the chosen samples as a batch; with `rng` mirrored at random, tinted, and cropped to `size`."""
    rows = samples[np.sort(which)]
    image = torch.from_numpy(rows["image"]).to(device).permute(0, 3, 1, 2).float()
    old, new, truth = (
        torch.from_numpy(rows[name]).to(device)[:, None].float() / 255 for name in ("old", "new", "truth")
    )
    changes = torch.from_numpy(rows["changes"]).to(device).float() / 255
    changes = F.interpolate(changes, size=image.shape[-2:], mode="bilinear", align_corners=False)
    planes = torch.cat((image, old, new, truth, changes), dim=1)
    if rng is not None:
        if rng.random() < 0.5:
            planes = planes.flip(3)
        spare = planes.shape[-1] - size
        y, x = (int(v) for v in rng.integers(0, spare + 1, 2))
        planes = planes[..., y : y + size, x : x + size]
        gain = torch.from_numpy(rng.uniform(0.8, 1.2, (len(planes), 3, 1, 1))).to(planes)
        planes = torch.cat(((planes[:, :3] * gain).clamp(0, 255), planes[:, 3:]), dim=1)
    image, old, new, truth, changes = planes.split((3, 1, 1, 1, 2), dim=1)
    weight = torch.from_numpy(rows["weight"].copy()).to(device)
    return FusionBatch(image, old, new, changes, weight, truth)
