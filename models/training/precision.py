"""Checks devices: whether one exists, and whether it has bfloat16. Training never uses half floats (fp16)."""

from __future__ import annotations

import torch

from ..errors import ModelError
from ..inference.packed import native_bfloat16

DEVICES = ("cpu", "cuda", "mps")


class DeviceMissing(ModelError):
    """Raised for a device that does not exist, or that this machine lacks."""


def check_device(name: str) -> None:
    """Raises DeviceMissing unless PyTorch can use a device.

    Raises:
        DeviceMissing: it cannot.
    """
    kind = name.split(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(kind, False):
        usable = [device for device in DEVICES if there[device]]
        raise DeviceMissing(
            f"This machine has no device {name!r} that PyTorch can use.", f"Give {' or '.join(usable)}."
        )
    try:
        torch.device(name)
    except RuntimeError as error:
        raise DeviceMissing(f"There is no device {name!r}.", "Give cpu, cuda, cuda:1 or mps.") from error


def can_bf16(name: str) -> bool:
    """Returns whether a device computes in bfloat16 natively."""
    if name.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if name.startswith("cpu"):
        return native_bfloat16()
    return True  # Apple's since its second generation
