"""Third-party networks to compare with: Cutie (Cheng et al., CVPR 2024), package `rf-cutie` (MIT), and U2-Net.

For Cutie only time and memory are compared: its networks have random weights, on which neither depends. The settings
are Cutie's own for DAVIS: memory of five frames, every fifth remembered, top 30, the picture at its own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..core.errors import EnvironmentMissing, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ..core.types import Image, Matte, Mattes
    from ..models.inference.cutie_network import Size


SIZES: tuple[Size, ...] = ("small", "base")
GAIN = 0.2
"""Gain of the norms: with random weights and a gain of one, the deeper network overflows."""


class Cutie:
    """A Cutie network that propagates objects through frames, given in order.

    Args:
        size: "small" or "base".
        device: cpu, cuda or mps.

    Raises:
        EnvironmentMissing: the package is not installed.
    """

    def __init__(self, size: Size, device: str = "cpu") -> None:
        try:
            from cutie.inference.inference_core import InferenceCore
        except ImportError as error:
            raise EnvironmentMissing(
                f"The package that --against cutie compares with cannot be loaded ({error}).",
                "Install it along with Blender Cutout: pip install rf-cutie",
            ) from error
        import torch

        from ..models.inference.cutie_network import make_network, settings

        self.name = f"Cutie {size}"
        torch.manual_seed(0)
        network = make_network(size).to(device)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.constant_(module.weight, GAIN)
        self._device = device
        self._core: Any = InferenceCore(network, cfg=settings(size))

    def begin(self, image: Image, mattes: Mattes) -> None:
        """Remembers the first frame (H, W, 3) uint8 RGB with the masks (N, H, W) of its objects."""
        import torch

        from ..models.inference.cutie_network import quiet

        masks = torch.from_numpy((mattes > 0.5).astype("float32")).to(self._device)
        with torch.inference_mode(), quiet():
            objects: Sequence[int] = range(1, len(masks) + 1)
            self._core.step(self._tensor(image), masks, objects=list(objects), idx_mask=False)

    def step(self, image: Image) -> Mattes:
        """Returns the mattes (N, H, W) float32 of the next frame (H, W, 3) uint8 RGB."""
        import torch

        from ..models.inference.cutie_network import quiet

        with torch.inference_mode(), quiet():
            answer: Mattes = self._core.step(self._tensor(image))[1:].float().cpu().numpy()
        return answer

    def _tensor(self, image: Image) -> Any:
        import torch

        return torch.from_numpy(image).to(self._device).permute(2, 0, 1).float() / 255.0


SIDE = 320
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


class OutsideNet:
    """A U2-Net in ONNX format.

    Args:
        path: the file.

    Raises:
        InputError: missing, or OpenCV cannot run it.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f"The network {path} does not exist.", "Give an ONNX file such as u2netp.onnx.")
        self.name = path.name
        try:
            self._net: Any = cv2.dnn.readNetFromONNX(np.fromfile(path, np.uint8))
            self._first = self._first_output()
        except cv2.error as error:
            raise InputError(
                f"OpenCV cannot run the network {path}.", "Give an ONNX file such as u2netp.onnx."
            ) from error

    def foreground(self, image: Image) -> Matte:
        """Returns the foreground (H, W) float32 in [0, 1] of a picture (H, W, 3) uint8 RGB.

        Preprocessed as by its authors: resized to 320 x 320, divided by the largest value, ImageNet's mean and
        deviation; the first output is stretched to [0, 1] and resized to the picture.
        """
        found = self._run(image)
        low, high = float(found.min()), float(found.max())
        found = (found - low) / max(high - low, 1e-6)
        return np.clip(cv2.resize(found, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0.0, 1.0)

    def _run(self, image: Image) -> NDArray[np.float32]:
        small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        normal = (small / max(float(small.max()), 1e-6) - _MEAN) / _STD
        self._net.setInput(np.ascontiguousarray(normal.transpose(2, 0, 1)[None]))
        return np.asarray(self._net.forward(self._first), np.float32).reshape(SIDE, SIDE)

    def _first_output(self) -> str:
        """Returns the name of the fused map: the first output by number; OpenCV lists them in an order of its own."""
        names = list(self._net.getUnconnectedOutLayersNames())
        return min(names, key=lambda name: (len(name), name)) if names else ""
