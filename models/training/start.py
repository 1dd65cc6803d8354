"""Loads the weights that a new schedule starts from: a checkpoint's averaged ones, or an exported safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from .checkpoint import CheckpointError, architecture_of, open_checkpoint, refusal

SAFETENSORS = ".safetensors"


def start_weights(path: Path, wanted: str, device: torch.device | str = "cpu") -> tuple[dict[str, Tensor], str]:
    """Returns float32 weights by name, and the architecture that they belong to.

    Args:
        path: the last.pt of a run, or a file that `cutout train export` wrote.
        wanted: the network that it must hold.
        device: where the tensors go.

    Raises:
        CheckpointError: it is missing, is neither, or holds another network.
    """
    if path.suffix != SAFETENSORS:
        state = open_checkpoint(path, wanted, device)
        return dict(state["average"]), architecture_of(state)
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(f"There are no weights {path}.", "Give the last.pt of a run, or exported weights.")
    try:
        with safe_open(path, "pt", str(device)) as file:
            said = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a safetensors file.",
            "Give the last.pt of a run, or a file written by `cutout train export`.",
        ) from error
    network = said.get("network", wanted)
    architecture = said.get("architecture", network)
    if network != wanted:
        raise refusal(path, architecture, wanted)
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}, architecture
