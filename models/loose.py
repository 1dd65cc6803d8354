"""Weights of a file that is not in the registry: a training checkpoint, or what was exported from one.

To measure weights before they are released. What the file says it holds is compared with what is wanted: a checkpoint
of another architecture is refused with both names.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .affinity import Similarity
from .errors import WeightsDamaged, WeightsMissing

UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True, eq=False)
class LooseWeights:
    """What a file holds: its network's name as training knows it, its tensors, a hash of the file, how it was trained.

    `recipe` has all switches of the training run; empty where the file does not tell.
    """

    path: Path
    network: str
    state: dict[str, Tensor]
    sha256: str
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def similarity(self) -> Similarity:
        """Which similarity of keys a propagation network was trained with: keys for one mean nothing to the other."""
        return "dot" if self.recipe.get("all_switches", {}).get("similarity") == "dot" else "l2"


def read_loose(path: Path) -> LooseWeights:
    """The averaged weights of a checkpoint (`last.pt`) or the tensors of a safetensors file.

    Raises:
        WeightsMissing: no such file.
        WeightsDamaged: it is neither.
    """
    if not path.is_file():
        raise WeightsMissing(f"The weight file {path} does not exist.", "Give a checkpoint or a .safetensors file.")
    try:
        if path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(path, "pt") as file:
                told = file.metadata() or {}
                name, recipe = told.get("network", UNNAMED), json.loads(told.get("recipe", "{}"))
                state = {key: file.get_tensor(key) for key in file.keys()}
        else:
            record = torch.load(path, map_location="cpu", weights_only=True)
            recipe = record["recipe"]
            name, state = str(recipe["network"]), dict(record["average"])
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise _not_weights(path) from error
    except Exception as error:  # safetensors has an exception of its own that shares no base with these
        if type(error).__name__ != "SafetensorError":
            raise
        raise _not_weights(path) from error
    return LooseWeights(path, name, state, hashlib.sha256(path.read_bytes()).hexdigest(), recipe)


def fill(network: torch.nn.Module, wanted: str, loose: LooseWeights) -> None:
    """Puts the weights into `network`; parts that only training has are passed over.

    Args:
        network: of the architecture that is wanted.
        wanted: its name in training.
        loose: from `read_loose`.

    Raises:
        WeightsDamaged: the file holds another architecture.
    """
    if loose.network not in (wanted, UNNAMED):
        raise WeightsDamaged(
            f"The file {loose.path} holds a network {loose.network!r}, but {wanted!r} is wanted.",
            f"Name it for what it is, or give a checkpoint of {wanted!r}.",
        )
    own = network.state_dict()
    state = {k: v.float() if v.is_floating_point() else v for k, v in loose.state.items()}
    state = {k: v for k, v in state.items() if not k.startswith("auxiliary.")}
    lacking = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    unknown = [k for k in state if k not in own]
    unlike = [k for k in own if k in state and own[k].shape != state[k].shape]
    if lacking or unknown or unlike:
        raise WeightsDamaged(
            f"The file {loose.path} ({loose.network!r}) does not fit the network {wanted!r}: {len(lacking)} tensors "
            f"missing, {len(unknown)} unknown, {len(unlike)} of another shape.",
            "It is of another version or size of the network.",
        )
    network.load_state_dict(state, strict=False)


def _not_weights(path: Path) -> WeightsDamaged:
    return WeightsDamaged(
        f"The file {path} is neither a checkpoint of `cutout train` nor a safetensors file.",
        "Give OUT/last.pt of a training run, or what `cutout train export` wrote.",
    )
