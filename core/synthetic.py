"""A synthetic clip of any length for timing: a textured shape moves over a textured background. Nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import FrameReadError

if TYPE_CHECKING:
    from .types import Image, Matte, Mattes


class MovingShape:
    """Frames (H, W, 3) uint8 with known mattes; a `FrameSource`.

    Args:
        frames: number of frames.
        size: (height, width).

    Attributes:
        background: (H, W, 3) uint8.
    """

    def __init__(self, frames: int = 60, size: tuple[int, int] = (480, 854)) -> None:
        self.size = size
        self._frames = frames
        rng = np.random.default_rng(1)
        height, width = size
        coarse = rng.integers(30, 200, (height // 24 + 2, width // 24 + 2, 3), np.uint8)
        self.background = np.kron(coarse, np.ones((24, 24, 1), np.uint8))[:height, :width]
        side = height // 3
        texture = rng.integers(90, 255, (side // 12 + 2, side // 12 + 2, 3), np.uint8)
        self._texture = np.kron(texture, np.ones((12, 12, 1), np.uint8))[:side, :side]
        y, x = np.mgrid[:side, :side] / (side - 1) * 2 - 1
        self._shape = x**2 + y**2 * (1.2 + 0.6 * x) < 0.9

    def __len__(self) -> int:
        return self._frames

    def __getitem__(self, frame: int) -> Image:
        """Returns frame (H, W, 3) uint8 RGB. Raises FrameReadError outside the clip."""
        if not 0 <= frame < self._frames:
            raise FrameReadError(f"Frame {frame} lies outside the clip.", f"It has {self._frames} frames.")
        image = np.roll(self.background, frame, axis=1)
        top, left = self._place(frame)
        side = len(self._shape)
        part = image[top : top + side, left : left + side]
        part[self._shape] = self._texture[self._shape]
        return image

    def matte(self, frame: int) -> Matte:
        """Returns the true matte (H, W) float32."""
        matte = np.zeros(self.size, np.float32)
        top, left = self._place(frame)
        side = len(self._shape)
        matte[top : top + side, left : left + side][self._shape] = 1.0
        return matte

    def _place(self, frame: int) -> tuple[int, int]:
        room = np.subtract(self.size, len(self._shape))
        share = 0.5 + 0.45 * np.sin([frame / 31, frame / 47 + 1])
        top, left = (room * share).astype(int)
        return int(top), int(left)


class MovingShapes:
    """Frames (H, W, 3) uint8 with several objects that never touch, each in its own area; a `FrameSource`.

    Args:
        frames: number of frames.
        size: (height, width).
        objects: 1 to 8.
    """

    COLUMNS, ROWS = 4, 2

    def __init__(self, frames: int, size: tuple[int, int], objects: int) -> None:
        self.size = size
        self.objects = objects
        self._clip = MovingShape(frames, size)
        self._side = size[0] // 4
        rng = np.random.default_rng(2)
        y, x = np.mgrid[: self._side, : self._side] / (self._side - 1) * 2 - 1
        self._shape = x**2 + y**2 < 0.9
        self._colours = rng.integers(60, 255, (objects, 1, 1, 3), np.uint8)

    def __len__(self) -> int:
        return len(self._clip)

    def __getitem__(self, frame: int) -> Image:
        """Returns frame (H, W, 3) uint8 RGB. Raises FrameReadError outside the clip."""
        image = np.roll(self._clip.background, frame, axis=1)
        for n in range(self.objects):
            top, left = self._place(frame, n)
            part = image[top : top + self._side, left : left + self._side]
            part[self._shape] = self._colours[n, 0, 0]
        return image

    def mattes(self, frame: int) -> Mattes:
        """Returns the true mattes (N, H, W) float32."""
        out = np.zeros((self.objects, *self.size), np.float32)
        for n in range(self.objects):
            top, left = self._place(frame, n)
            out[n, top : top + self._side, left : left + self._side][self._shape] = 1.0
        return out

    def _place(self, frame: int, n: int) -> tuple[int, int]:
        column, row = divmod(n, self.ROWS)
        room = np.subtract((self.size[0] / self.ROWS, self.size[1] / self.COLUMNS), self._side)
        share = 0.5 + 0.45 * np.sin([frame / 31 + n, frame / 47 + 1 + n])
        corner = (row * self.size[0] / self.ROWS, column * self.size[1] / self.COLUMNS)
        top, left = (np.array(corner) + room * share).astype(int)
        return int(top), int(left)
