"""One training step of the scribble and foreground network: draws rounds, runs them, returns the loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ..networks.encoders import imagenet_weights
from ..networks.scribble_to_mask import ScribbleToMask
from .losses import mask_loss, overlap
from .samples.pool import Pool
from .samples.round_samples import SIZES, WHOLE_SIZES, RoundBatch, next_round, round_batch

if TYPE_CHECKING:
    from .task import Parts, TrainingProgress


@dataclass(frozen=True, slots=True)
class ScribbleRecipe:
    """Switches of this network's training.

    Attributes:
        foreground: share of batches without strokes: whole pictures and films at the engine's shapes, and second
            looks; 0 = only a fifth of the samples in mixed batches.
        again: share of such a batch that is a closer second look.
        frozen_norms: 1 = batch norms keep their running statistics, for weights that are already trained: batches of
            one kind must not be normalised by themselves.
        pasted: share of whole pictures that are a small object on another picture.
        hurried: share of strokes that are short, wavy and off the middle, and sometimes run across the border.
        closer: share of the close-ups of first rounds in batches with strokes.
        alternatives: how many alternative answers are trained (see `scribble_to_mask.Alternatives`), on looks without
            strokes: on the best one's loss, a little of the others', and the prediction of each one's IoU.
        pseudo: folder of pseudo-labelled pictures (see `samples.pseudo_labels`), "" = none.
        pseudo_share: share of batches without strokes that come from it.
    """

    foreground: float = 0.0
    again: float = 0.25
    frozen_norms: int = 0
    pasted: float = 0.0
    hurried: float = 0.0
    closer: float = 0.0
    alternatives: int = 0
    pseudo: str = ""
    pseudo_share: float = 0.1


class ScribbleTask:
    """Trains one round at a time; half of the later rounds start from the network's own earlier answer.

    Args:
        imagenet: start from ImageNet weights.
        options: the switches of training.
    """

    pixels = 6 * 256 * 256

    def __init__(self, imagenet: bool = True, options: ScribbleRecipe | None = None) -> None:
        self.options = options or ScribbleRecipe()
        self.network = ScribbleToMask(self.options.alternatives)
        self._pseudo = Pool(Path(self.options.pseudo)) if self.options.pseudo else None
        if imagenet:
            self.network.encoder.load_imagenet(imagenet_weights())

    def batch(
        self, pool: Pool, rng: np.random.Generator, progress: TrainingProgress, device: torch.device
    ) -> RoundBatch:
        """Returns rounds of every kind at one of the working shapes, or whole pictures without strokes."""
        if rng.random() < self.options.foreground:
            size = WHOLE_SIZES[int(rng.integers(len(WHOLE_SIZES)))]
            count = max(round(self.pixels / (size[0] * size[1])), 2)
            again = self.options.again
            taught = self._pseudo is not None and rng.random() < self.options.pseudo_share
            source = self._pseudo if taught and self._pseudo is not None else pool
            kinds, shares = ("whole", "again"), (1.0 - again, again)
            pasted = 0.0 if taught else self.options.pasted  # these contain no backgrounds
            return round_batch(source, rng, count, size, device, kinds, shares, pasted)
        size = SIZES[int(rng.integers(len(SIZES)))]
        count = max(round(self.pixels / (size[0] * size[1])), 2)
        closer, hurried = self.options.closer, self.options.hurried
        drawn = ("foreground", "first", "later", "closer")
        odds = (*(share * (1.0 - closer) for share in (0.2, 0.35, 0.45)), closer)
        return round_batch(pool, rng, count, size, device, drawn, odds, hurried=hurried)

    def loss(self, batch: RoundBatch, rng: np.random.Generator, progress: TrainingProgress) -> tuple[Tensor, Parts]:
        """Returns the mean loss of the last of one to three rounds; of the first answer when nothing is drawn."""
        if self.options.frozen_norms:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        drawn = bool((batch.keep.any() | batch.remove.any()).item())
        if self.options.foreground > 0 and not drawn:
            return self._look(batch, rng)
        rounds = int(rng.choice(3, p=[0.5, 0.35, 0.15])) if progress.fraction > 0.05 else 0
        with torch.no_grad():
            for _ in range(rounds):
                batch = next_round(batch, torch.sigmoid(self._logits(batch)), rng, self.options.hurried)
        logits = self._logits(batch)
        each = mask_loss(logits, batch.truth, progress.hard_share)
        parts: Parts = {
            f"round{rounds}": float(each.detach().mean()),
            "iou": overlap(torch.sigmoid(logits.detach()), batch.truth),
        }
        return (each * batch.weight).mean(), parts

    def _look(self, batch: RoundBatch, rng: np.random.Generator) -> tuple[Tensor, Parts]:
        """Returns the loss of a look without strokes; sometimes of a second look at the network's own answer."""
        if rng.random() < 0.25:
            with torch.no_grad():
                batch = replace(batch, previous=torch.sigmoid(self._logits(batch)))
        if self.network.auxiliary is not None:
            every, scores = self.network.every(*_inputs(batch))
            logits = every[:, :1]
            extra = _choice_loss(every, scores, batch.truth)
        else:
            logits = self._logits(batch)
            extra = torch.zeros(len(batch.truth), device=batch.truth.device)
        # Half of the pixels: with the hardest quarter, only wrong choices of object would be learnt from.
        each = mask_loss(logits, batch.truth, 0.5)
        iou = overlap(torch.sigmoid(logits.detach()), batch.truth)
        parts = {"look": float(each.detach().mean()), "look_iou": iou}
        if self.network.auxiliary is not None:
            parts["choice"] = float(extra.detach().mean())
        return ((each + extra) * batch.weight).mean(), parts

    def _logits(self, batch: RoundBatch) -> Tensor:
        return self.network(*_inputs(batch))


def _inputs(batch: RoundBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    image = batch.image.contiguous(memory_format=torch.channels_last)
    return image, batch.previous, batch.keep, batch.remove


def _choice_loss(every: Tensor, scores: Tensor, truth: Tensor) -> Tensor:
    """Returns the loss (B,) of answers (B, K, H, W) and scores (B, K): the best answer's, and that of the scores."""
    losses = torch.stack([mask_loss(every[:, k : k + 1], truth, 0.5) for k in range(every.shape[1])], dim=1)
    with torch.no_grad():
        found, wanted = every > 0, truth > 0.5
        iou = (found & wanted).sum(dim=(2, 3)) / (found | wanted).sum(dim=(2, 3)).clamp(min=1)
    wrong = (torch.sigmoid(scores) - iou).square().sum(dim=1)
    return 0.5 * losses.min(dim=1).values + 0.05 * losses.mean(dim=1) + wrong
