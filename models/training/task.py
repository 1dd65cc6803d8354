"""The interface that a network's training must provide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .samples.pool import Pool

Parts = Mapping[str, float | Tensor]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Progress of training, 0 to 1, and the share of hardest pixels that counts at the end; 1 = all, always."""

    fraction: float
    hardest: float = 0.25

    @property
    def hard_share(self) -> float:
        """Returns the share of pixels that count: all at first, the hardest from a fifth of the way on (STCN)."""
        return 1.0 - (1.0 - self.hardest) * min(self.fraction / 0.2, 1.0)


class Task(Protocol):
    """What the loop needs from a network to train it.

    A task may have an `architecture`, a more specific name than the network's; checkpoints of another are refused.
    """

    network: nn.Module

    def batch(self, pool: Pool, rng: np.random.Generator, progress: TrainingProgress, device: torch.device) -> object:
        """Returns a batch."""

    def loss(self, batch: object, rng: np.random.Generator, progress: TrainingProgress) -> tuple[Tensor, Parts]:
        """Returns the scalar loss and its parts for the log."""
