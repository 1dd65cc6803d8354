"""Published networks behind the engine's ports: one builder for each, by the name in the list of published networks.

A weight file is read as tensors only and never runs code; whether it is its authors' is checked before it comes here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Protocol

import torch
from torch import Tensor

from ..checkpoint_weights import is_state
from ..errors import WeightsDamaged
from . import cutie


class Builder(Protocol):
    """Makes the predictor of one published network."""

    def __call__(self, state: Mapping[str, Tensor], device: str) -> Any:
        """Returns a predictor that implements `PropagationNet` of `core.ports`, and `RecurrentNet` if it has a state.

        Raises:
            ImportError: the network's package is not installed.
            WeightsDamaged: the weights belong to another network.
        """
        ...


BUILDERS: dict[str, Builder] = {cutie.NAME: cutie.build}


def load_published(name: str, file: IO[bytes], device: str = "cpu") -> Any:
    """Returns the predictor of a published network with the weights of an open file.

    Args:
        name: of the network, a key of `BUILDERS`.
        file: a checkpoint of named tensors, as `torch.save` writes it.
        device: cpu, cuda or mps.

    Raises:
        ImportError: the network's package is not installed.
        WeightsDamaged: the file holds anything but tensors, or those of another network.
    """
    return BUILDERS[name](read_state(file, name), device)


def read_state(file: IO[bytes], name: str) -> dict[str, Tensor]:
    """Returns the tensors of an open checkpoint by their names. Raises WeightsDamaged."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged archives and pickles can raise anything
        raise _not_weights(name) from error
    if not is_state(state):
        raise _not_weights(name)
    return dict(state)


def _not_weights(name: str) -> WeightsDamaged:
    return WeightsDamaged(
        f"The weight file of {name} does not hold the tensors of a network, and nothing else.",
        f"Press Download under Published Networks, below the tiers, or run: cutout weights fetch {name}.",
    )
