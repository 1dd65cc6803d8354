"""One training step of the scribble and foreground network: draw rounds, run them, give the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..encoders import imagenet_weights
from ..scribble_to_mask import ScribbleToMask
from .data import Pool
from .losses import mask_loss, overlap
from .rounds import SIZES, RoundBatch, next_round, round_batch

if TYPE_CHECKING:
    from .tasks import Parts, Progress


class ScribbleTask:
    """A round at a time; half of the later rounds start from the network's own earlier answer."""

    pixels = 6 * 256 * 256

    def __init__(self, imagenet: bool = True) -> None:
        self.network = ScribbleToMask()
        if imagenet:
            self.network.encoder.load_imagenet(imagenet_weights())

    def batch(self, pool: Pool, rng: np.random.Generator, progress: Progress, device: torch.device) -> RoundBatch:
        """Returns rounds of every kind at one of the working shapes."""
        size = SIZES[int(rng.integers(len(SIZES)))]
        return round_batch(pool, rng, max(round(self.pixels / (size[0] * size[1])), 2), size, device)

    def loss(self, batch: RoundBatch, rng: np.random.Generator, progress: Progress) -> tuple[Tensor, Parts]:
        """Returns the mean loss of the last of one to three rounds."""
        rounds = int(rng.choice(3, p=[0.5, 0.35, 0.15])) if progress.fraction > 0.05 else 0
        with torch.no_grad():
            for _ in range(rounds):
                batch = next_round(batch, torch.sigmoid(self._logits(batch)), rng)
        logits = self._logits(batch)
        each = mask_loss(logits, batch.truth, progress.hard_share)
        parts: Parts = {
            f"round{rounds}": float(each.detach().mean()),
            "iou": overlap(torch.sigmoid(logits.detach()), batch.truth),
        }
        return (each * batch.weight).mean(), parts

    def _logits(self, batch: RoundBatch) -> Tensor:
        return self.network(
            batch.image.contiguous(memory_format=torch.channels_last), batch.previous, batch.keep, batch.remove
        )
