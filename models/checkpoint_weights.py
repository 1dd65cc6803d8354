"""Reads weights that are not in the registry: a training checkpoint, or a file exported from one.

Used to evaluate weights before release. The file's own description is compared with the requested network: a checkpoint
of another architecture is refused with both names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import WeightsDamaged, WeightsMissing
from .networks.affinity import Similarity

UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointWeights:
    """Contents of a file: the network's name in training, its tensors, a hash of the file, its training recipe.

    `recipe` has all switches of the training run; empty if the file does not record it.
    """

    path: Path
    network: str
    state: dict[str, Tensor]
    sha256: str
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def similarity(self) -> Similarity:
        """Returns the key similarity a propagation network was trained with; keys for one mean nothing to the other."""
        return "dot" if self.recipe.get("all_switches", {}).get("similarity") == "dot" else "l2"


def read_checkpoint_weights(path: Path) -> CheckpointWeights:
    """Returns the averaged weights of a checkpoint (`last.pt`) or the tensors of a safetensors file.

    Raises:
        WeightsMissing: no such file.
        WeightsDamaged: it is neither.
    """
    if not path.is_file():
        raise WeightsMissing(f"The weight file {path} does not exist.", "Give a checkpoint or a .safetensors file.")
    try:
        name, state, recipe = _read_safetensors(path) if path.suffix == ".safetensors" else _read_checkpoint(path)
    except Exception as error:  # damaged pickles and headers can raise anything
        raise _not_weights(path) from error
    if not (isinstance(name, str) and is_state(state) and is_recipe(recipe)):
        raise _not_weights(path)
    return CheckpointWeights(path, name, dict(state), hashlib.sha256(path.read_bytes()).hexdigest(), recipe)


def is_state(value: Any) -> bool:
    """Returns True for a network's weights: named tensors of ordinary numbers, each as large in memory as it claims."""
    return isinstance(value, dict) and all(isinstance(name, str) and _is_plain(item) for name, item in value.items())


def is_recipe(value: Any) -> bool:
    """Returns True for a valid training recipe, as far as it is used: names, among them all switches."""
    return isinstance(value, dict) and isinstance(value.get("all_switches", {}), dict)


def _is_plain(value: Any) -> bool:
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_quantized or value.is_meta:
        return False
    held = value.untyped_storage().nbytes()  # a view can claim to be far larger than its storage
    return not value.is_complex() and value.numel() * value.element_size() <= held


def _read_safetensors(path: Path) -> tuple[Any, Any, Any]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        said = file.metadata() or {}
        state = {key: file.get_tensor(key) for key in file.keys()}
        return said.get("network", UNNAMED), state, json.loads(said.get("recipe", "{}"))


def _read_checkpoint(path: Path) -> tuple[Any, Any, Any]:
    record = torch.load(path, map_location="cpu", weights_only=True)
    return record["recipe"]["network"], record["average"], record["recipe"]


def fill(network: torch.nn.Module, wanted: str, loose: CheckpointWeights) -> None:
    """Loads the weights into `network`; skips parts that only training has.

    Args:
        network: of the requested architecture.
        wanted: its name in training.
        loose: from `read_checkpoint_weights`.

    Raises:
        WeightsDamaged: the file holds another architecture.
    """
    if loose.network not in (wanted, UNNAMED):
        raise WeightsDamaged(
            f"The file {loose.path} holds a network {loose.network!r}, not {wanted!r}.",
            f"Select it under its own name, or give a checkpoint of {wanted!r}.",
        )
    own = network.state_dict()
    state = {k: v for k, v in loose.state.items() if not k.startswith("auxiliary.")}
    lacking = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    unknown = [k for k in state if k not in own]
    unlike = [k for k in own if k in state and own[k].shape != state[k].shape]
    if lacking or unknown or unlike:
        raise WeightsDamaged(
            f"The file {loose.path} ({loose.network!r}) does not fit the network {wanted!r}: {len(lacking)} tensors "
            f"missing, {len(unknown)} unknown, {len(unlike)} of another shape.",
            "It belongs to another version or size of the network.",
        )
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, strict=False)


def _not_weights(path: Path) -> WeightsDamaged:
    return WeightsDamaged(
        f"The file {path} is neither a checkpoint of `cutout train` nor a safetensors file.",
        "Give OUT/last.pt of a training run, or a file that `cutout train export` wrote.",
    )
