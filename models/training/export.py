"""Exports a checkpoint's averaged weights as a safetensors file: half precision, without training-only parts."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor

from .checkpoint import TRAINING_ONLY, architecture_of, open_checkpoint
from .whole_files import replacing

_HALF_MAX = 60000.0


def export(checkpoint: Path, target: Path, wanted: str = "") -> dict[str, str]:
    """Writes `target` from `checkpoint` and returns the metadata stored in it.

    Args:
        checkpoint: of a training run.
        target: .safetensors file.
        wanted: the network that the checkpoint must hold; "" = any.

    Raises:
        CheckpointError: there is no such checkpoint, or it holds another network.
    """
    from safetensors.torch import save_file

    state = open_checkpoint(checkpoint, wanted)
    tensors: dict[str, Tensor] = {}
    for name, value in state["average"].items():
        if name.startswith(TRAINING_ONLY) or name.endswith("num_batches_tracked"):
            continue
        fits = value.is_floating_point() and float(value.abs().max()) < _HALF_MAX
        tensors[name] = (value.half() if fits else value).contiguous()
    recipe = state["recipe"]
    metadata = {
        "network": str(recipe["network"]),
        "architecture": architecture_of(state),
        "steps": str(state["step"]),
        "minutes": f"{state['spent']:.1f}",
        "core_minutes": f"{state.get('core', 0.0):.1f}",
        "recipe": json.dumps(recipe, sort_keys=True),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as part:
        save_file(tensors, part, metadata=metadata)
    return metadata
