"""One training step of the automatic modes: people, heads and sky in whole pictures and close-ups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..networks.automatic_net import MODES, AutomaticNet
from ..networks.blocks import merged_norms
from ..networks.scribble_to_mask import ScribbleToMask
from ..registry import find_entry, load_weights
from .losses import mask_loss, overlap
from .recipe import RecipeError, TrainingSettings
from .samples.class_pool import open_class_pool
from .samples.class_samples import ClassBatch, class_batch
from .samples.clip_recipe import switch
from .samples.pool import Pool

if TYPE_CHECKING:
    from .task import Parts, TrainingProgress

BLOCKS = 16


@dataclass(frozen=True, slots=True)
class AutomaticRecipe:
    """Switches of this network's training."""

    clothing: str = switch(
        "", "folder of clothing co-parsing's class maps as PNG, named as its stills; they tell heads"
    )
    frozen: int = switch(3, "first blocks of the trunk that stay as they are, with its stem; 16 = the whole trunk")
    closer: float = switch(0.4, "share of close-ups")

    def __post_init__(self) -> None:
        if not 0 <= self.frozen <= BLOCKS or not 0 <= self.closer <= 1:
            raise RecipeError("frozen is a number of blocks, 0 to 16, closer a share, 0 to 1.")


class AutomaticTask:
    """Trains the answers on where each is known.

    Args:
        start: start from the released weights of the scribble network.
        recipe: the switches of training.
    """

    pixels = 6 * 256 * 256

    def __init__(self, start: bool = True, recipe: AutomaticRecipe | None = None) -> None:
        self.recipe = recipe or AutomaticRecipe()
        self.network = AutomaticNet()
        if start:
            scribble = ScribbleToMask()
            load_weights(find_entry("scribble"), scribble)
            self.network.start_from(scribble.state_dict())
        self.network.encoder.freeze(self.recipe.frozen)

    def batch(
        self, pool: Pool, rng: np.random.Generator, progress: TrainingProgress, device: torch.device
    ) -> ClassBatch:
        """Returns labelled views."""
        return class_batch(pool, rng, self.pixels, self.recipe.closer, device)

    def loss(self, batch: ClassBatch, rng: np.random.Generator, progress: TrainingProgress) -> tuple[Tensor, Parts]:
        """Returns the loss, the mean over the modes that are known, and each mode's overlap."""
        kind = batch.image.device.type
        half = torch.is_autocast_enabled(kind)
        with merged_norms(self.network, torch.get_autocast_dtype(kind) if half else torch.float32):
            logits = self.network(batch.image.contiguous(memory_format=torch.channels_last))
        share = max(progress.hard_share, 0.5)
        total, count = logits.new_zeros(()), logits.new_zeros(())
        parts: dict[str, float | Tensor] = {}
        for k, mode in enumerate(MODES):
            truth, known = batch.truth[:, k : k + 1], batch.known[:, k : k + 1]
            knows = known.mean(dim=(1, 2, 3)).sqrt()
            each = mask_loss(logits[:, k : k + 1], truth, share, known)
            total = total + (each * batch.weight * knows).sum()
            count = count + (batch.weight * knows).sum()
            with torch.no_grad():
                shows = (truth * known).flatten(1).any(dim=1)
                if bool(shows.any()):
                    parts[mode] = overlap(
                        torch.sigmoid(logits[shows, k : k + 1]) * known[shows], (truth * known)[shows]
                    )
        return total / count.clamp(min=1e-3), parts


def pool_of(settings: TrainingSettings) -> Pool:
    """Returns the labelled pictures that the settings name. Raises FileNotFoundError."""
    clothing = str(settings.switches.get("clothing", ""))
    return open_class_pool(Path(settings.data), Path(settings.cache), Path(clothing) if clothing else None)
