"""One training step of the edge network: patches with a known alpha, errors of alpha and of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..networks.edge_net import EdgeNet
from .recipe import RecipeError
from .samples.clip_recipe import switch
from .samples.edge_samples import EdgeBatch, edge_batch
from .samples.pool import Pool

if TYPE_CHECKING:
    from .task import Parts, TrainingProgress


@dataclass(frozen=True, slots=True)
class EdgeRecipe:
    """Switches of this network's training."""

    patches: int = switch(8, "patches per batch")
    side: int = switch(128, "side of a patch in pixels, a multiple of 8")
    gradient: float = switch(1.0, "weight of the error of alpha's gradient")

    def __post_init__(self) -> None:
        if self.patches < 1 or self.side < 32 or self.side % 8 or self.gradient < 0:
            raise RecipeError("patches must be at least 1, side a multiple of 8 and at least 32, gradient at least 0.")


class EdgeTask:
    """Trains the network on synthetic edges with known alpha.

    Args:
        options: the switches of training.
    """

    def __init__(self, options: EdgeRecipe | None = None) -> None:
        self.options = options or EdgeRecipe()
        self.network = EdgeNet()

    def batch(
        self, pool: Pool, rng: np.random.Generator, progress: TrainingProgress, device: torch.device
    ) -> EdgeBatch:
        """Returns patches."""
        return edge_batch(pool, rng, self.options.patches, self.options.side, device)

    def loss(self, batch: EdgeBatch, rng: np.random.Generator, progress: TrainingProgress) -> tuple[Tensor, Parts]:
        """Returns the loss, and the errors in the band of the network's alpha and of the matte it was given."""
        alpha = torch.sigmoid(self.network(batch.image, batch.matte))
        error = band_mean((alpha - batch.alpha).abs(), batch.band)
        steep = gradient_error(alpha, batch.alpha, batch.band)
        raw = band_mean((batch.matte - batch.alpha).abs(), batch.band)
        parts = {"alpha": error.detach(), "gradient": steep.detach(), "matte": raw}
        return error + self.options.gradient * steep, parts


def band_mean(error: Tensor, band: Tensor) -> Tensor:
    """Returns the mean of an error (B, 1, H, W) weighted by the band, a scalar."""
    return (error * band).sum() / band.sum().clamp(min=1.0)


def gradient_error(alpha: Tensor, truth: Tensor, band: Tensor) -> Tensor:
    """Returns the mean error of the differences between neighbours, over two scales, weighted by the band."""
    difference = alpha - truth
    total = difference.new_zeros(())
    for step in (1, 2):
        across = (difference[..., step:] - difference[..., :-step]).abs()
        down = (difference[..., step:, :] - difference[..., :-step, :]).abs()
        total = total + band_mean(across, band[..., step:]) + band_mean(down, band[..., step:, :])
    return total / 4.0
