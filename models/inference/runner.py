"""Where a network runs and in which precision: pictures and maps on the way in, memory that does not suffice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..errors import OutOfMemory

Image = NDArray[np.uint8]
Array = NDArray[np.float32]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
STRIDE = 16
Network = TypeVar("Network", bound=torch.nn.Module)


class Runner:
    """Device, precision and out-of-memory handling shared by the predictors.

    With "fp16" the whole network is in 16 bits: autocast would turn all its weights into 16 bits again at every call,
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
        """What runs inside computes as chosen; raises OutOfMemory where the device's memory does not suffice."""
        mixed = self.precision == "bf16"
        try:
            with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
                yield
        except torch.OutOfMemoryError as error:
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            raise OutOfMemory("The device's memory does not suffice.", "Choose a smaller tier, or the CPU.") from error

    def image(self, image: Image) -> Tensor:
        """(h, w, 3) uint8 -> (1, 3, H, W) in [0, 255] on the device, padded by repeating the edge."""
        tensor = self._sent(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(self.dtype)
        return padded(tensor, "replicate").contiguous(memory_format=torch.channels_last)

    def maps(self, maps: Array) -> Tensor:
        """(N, h, w) float32 -> (1, N, H, W) on the device, padded with zeros."""
        return padded(self._sent(np.ascontiguousarray(maps, dtype=np.float32))[None].to(self.dtype), "constant")

    def _sent(self, array: NDArray[np.generic]) -> Tensor:
        """The array on the device. From pinned memory a graphics card fetches it while the program goes on."""
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
    """Returns maps (B, C, H, W) made larger at the right and the bottom, to multiples of the stride."""
    down, right = -x.shape[-2] % STRIDE, -x.shape[-1] % STRIDE
    return F.pad(x, (0, right, 0, down), mode=mode) if down or right else x


def to_numpy(x: Tensor, size_hw: tuple[int, int]) -> Array:
    """Returns maps (..., H, W) as float32 arrays (..., h, w) without what was padded."""
    return np.ascontiguousarray(x[..., : size_hw[0], : size_hw[1]].float().cpu().numpy())
