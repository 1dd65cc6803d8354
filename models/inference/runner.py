"""Runs a network on a device at a precision: converts pictures and maps on the way in, reports lack of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[np.uint8]
Array = NDArray[np.float32]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
STRIDE = 16
Network = TypeVar("Network", bound=torch.nn.Module)


class Runner:
    """Device, precision and out-of-memory handling shared by the predictors.

    With "fp16" the whole network is in 16 bits: autocast would convert all its weights to 16 bits again at every call,
    which costs a graphics card a launch for each of them. Keys are compared, and answers given, in 32 bits.
    """

    def __init__(self, device: str, precision: Precision) -> None:
        self.device = torch.device(device)
        self.precision: Precision = chosen_precision(self.device, precision)
        self.dtype = torch.float16 if self.precision == "fp16" else torch.float32

    def place(self, network: Network) -> Network:
        """Returns the network on the device, for inference."""
        network.eval()
        return network.to(self.device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Computes the block as configured."""
        mixed = self.precision == "bf16"
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
            yield

    def image(self, image: Image) -> Tensor:
        """Returns (h, w, 3) uint8 as (1, 3, H, W) in [0, 255] on the device, padded by repeating the edge."""
        tensor = self._sent(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(self.dtype)
        return padded(tensor, "replicate").contiguous(memory_format=torch.channels_last)

    def maps(self, maps: Array, padding: str = "constant") -> Tensor:
        """Returns (N, h, w) float32 as (1, N, H, W) on the device, padded with zeros or as `padding` says."""
        return padded(self._sent(np.ascontiguousarray(maps, dtype=np.float32))[None].to(self.dtype), padding)

    def _sent(self, array: NDArray[np.generic]) -> Tensor:
        """Returns the array on the device; from pinned memory a graphics card copies it while the program goes on."""
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


def chosen_precision(device: torch.device, precision: Precision) -> Precision:
    """Returns what "auto" means on a device: 16 bits on NVIDIA and AMD cards, 32 elsewhere."""
    if precision == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    return precision


def padded(x: Tensor, mode: str) -> Tensor:
    """Returns maps (B, C, H, W) padded at the right and the bottom to multiples of the stride."""
    down, right = -x.shape[-2] % STRIDE, -x.shape[-1] % STRIDE
    return F.pad(x, (0, right, 0, down), mode=mode) if down or right else x


def to_numpy(x: Tensor, size_hw: tuple[int, int]) -> Array:
    """Returns maps (..., H, W) as float32 arrays (..., h, w) without the padding."""
    return np.ascontiguousarray(x[..., : size_hw[0], : size_hw[1]].float().cpu().numpy())
