"""Checkpoints: written whole or not at all, and refused with one clear line where they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoint_weights import is_recipe, is_state
from ..errors import ModelError
from .whole_files import replacing

CHECKPOINT = "last.pt"
TRAINING_ONLY = "auxiliary."
_MOST = 2**53
_PARTS = ("network", "optimiser", "average", "step", "spent", "recipe")


class CheckpointError(ModelError):
    """Raised for a file that is not a checkpoint, or holds another network."""


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a checkpoint; a run killed meanwhile keeps the one before.

    Raises:
        CheckpointError: it cannot be written.
    """
    try:
        with replacing(path) as part:
            torch.save(dict(state), part)
    except (RuntimeError, OSError) as error:  # PyTorch's own writer reports a full disk with the former
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} cannot be written ({reason}).", "Free some space, then use --resume.") from error


def architecture_of(state: Mapping[str, Any]) -> str:
    """Returns the name of a checkpoint's architecture, such as `propagation large`."""
    if "architecture" in state:
        return str(state["architecture"])
    # The first runs did not store it; only the large propagation network has a context layer.
    large = any(name.startswith("context.") for name in state["network"])
    return str(state["recipe"]["network"]) + (" large" if large else "")


def open_checkpoint(path: Path, wanted: str = "", device: torch.device | str = "cpu") -> dict[str, Any]:
    """Returns the state of a checkpoint.

    Args:
        path: of the file.
        wanted: the network that it must hold; "" = any.
        device: where its tensors go.

    Raises:
        CheckpointError: it is missing, is no checkpoint, or holds another network.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}.", "Give the last.pt of a run.")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        raise _no_checkpoint(path) from error
    if not _is_whole(state):
        raise _no_checkpoint(path)
    if wanted and state["recipe"]["network"] != wanted:
        raise refusal(path, architecture_of(state), wanted)
    return dict(state)


def _is_whole(state: Any) -> bool:
    """Returns True when a checkpoint has all its parts, each of the type that training expects."""
    if not isinstance(state, dict) or any(name not in state for name in _PARTS):
        return False
    numbers = all(isinstance(state[name], (int, float)) and 0 <= state[name] < _MOST for name in ("step", "spent"))
    return (
        numbers
        and is_state(state["network"])
        and is_state(state["average"])
        and isinstance(state["optimiser"], dict)
        and is_recipe(state["recipe"])
        and isinstance(state["recipe"].get("network"), str)
    )


def _no_checkpoint(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} is not a checkpoint of a training run.", "Give the last.pt of a run.")


def refusal(path: Path, held: str, wanted: str) -> CheckpointError:
    """Returns the error that names both architectures."""
    return CheckpointError(f"{path} holds `{held}`, not `{wanted}`.", "Give a checkpoint of that network.")


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, held: str, wanted: str) -> None:
    """Loads weights into a network; parts of it that the weights lack stay as they are.

    Raises:
        CheckpointError: the weights have parts that the network lacks, or of another shape.
    """
    own = network.state_dict()
    known = {name: value for name, value in tensors.items() if name in own or not name.startswith(TRAINING_ONLY)}
    if any(name not in own or own[name].shape != value.shape for name, value in known.items()):
        raise refusal(path, held, wanted)
    network.load_state_dict({**own, **known})
