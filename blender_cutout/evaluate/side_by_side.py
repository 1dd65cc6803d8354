"""Puts up to four clips side by side in one picture: distant objects with known masks."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..core.clips.opening import open_clip
from ..core.errors import InputError
from .data import frame_truth

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from ..core.types import Image, Mattes
    from .data import Sequence


class SideBySide:
    """Frames (H, W, 3) uint8 with a clip in each quarter; a `FrameSource`, and a context manager.

    Args:
        sequences: one to four, with masks on every frame in use.
        start: the frame of each clip to start at.
        frames: number of frames.
        size: (height, width) of the picture.

    Raises:
        InputError: too many clips, or one that is too short.
    """

    def __init__(
        self, sequences: Several[Sequence], start: int, frames: int, size: tuple[int, int] = (480, 854)
    ) -> None:
        if not 1 <= len(sequences) <= 4:
            raise InputError(f"{len(sequences)} clips do not fit side by side.", "Choose 1 to 4.")
        short = [s.name for s in sequences if len(s.clip.files) < start + frames]
        if short:
            raise InputError(f"The clip {short[0]} has fewer than {start + frames} frames.", "Use fewer --frames.")
        self.size = size
        self._sequences, self._start, self._frames = sequences, start, frames
        self._clips = [open_clip(s.clip, strict=True) for s in sequences]

    def __len__(self) -> int:
        return self._frames

    def __getitem__(self, frame: int) -> Image:
        """Returns the frame."""
        picture = np.zeros((*self.size, 3), np.uint8)
        for n, clip in enumerate(self._clips):
            part = picture[self._quarter(n)]
            part[:] = _shrunk(clip[self._start + frame], (part.shape[0], part.shape[1]))
        return picture

    def mattes(self, frame: int) -> Mattes:
        """Returns the true mattes (N, H, W) float32."""
        out = np.zeros((len(self._sequences), *self.size), np.float32)
        for n, sequence in enumerate(self._sequences):
            part = out[n][self._quarter(n)]
            truth = frame_truth(sequence, self._start + frame).astype(np.float32)
            part[:] = _shrunk(truth, (part.shape[0], part.shape[1])) > 0.5
        return out

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for clip in self._clips:
            clip.close()

    def _quarter(self, n: int) -> tuple[slice, slice]:
        height, width = self.size[0] // 2, self.size[1] // 2
        row, column = divmod(n, 2)
        return slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)


def _shrunk(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    return np.asarray(cv2.resize(array, size[::-1], interpolation=cv2.INTER_AREA))
