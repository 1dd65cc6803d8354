"""What the loop needs of a network to train it, and the table of all networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .data import Pool
from .fusion import FusionTask
from .propagation import PropagationTask
from .recipe import NoRecipe, PropagationRecipe
from .scribble import ScribbleRecipe, ScribbleTask

Parts = dict[str, float]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is, 0 to 1, and the share of hardest pixels at that point."""

    fraction: float

    @property
    def hard_share(self) -> float:
        """All pixels at first, the hardest quarter from a fifth of the way on (STCN)."""
        return 1.0 - 0.75 * min(self.fraction / 0.2, 1.0)


class Task(Protocol):
    """What the loop needs of a network to train it."""

    network: nn.Module

    def batch(self, pool: Pool, rng: np.random.Generator, progress: Progress, device: torch.device) -> object:
        """Returns a batch."""

    def loss(self, batch: object, rng: np.random.Generator, progress: Progress) -> tuple[Tensor, Parts]:
        """Returns the scalar loss and its parts for the log."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A network's switches, a dataclass with a default for each, and how its task is made from them."""

    recipe: type
    make: Callable[[Any], Any]


TASKS: dict[str, Kind] = {
    "propagation": Kind(PropagationRecipe, PropagationTask),
    "scribble": Kind(ScribbleRecipe, lambda recipe: ScribbleTask(options=recipe)),
    "fusion": Kind(NoRecipe, lambda _: FusionTask()),
}
