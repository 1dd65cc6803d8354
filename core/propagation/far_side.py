"""A stretch between a new keyframe and one that stays: walked from both, then fused with what was there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from ..types import MatteKind
from .plan import Pass

if TYPE_CHECKING:
    from ..types import Mattes
    from .walker import Fixed, Result, Walker
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from ..errors import StoreError
from ..images.matte import from_png, to_png

if TYPE_CHECKING:
    from ..types import Mattes


def walk_between(
    walker: Walker,
    step: Pass,
    keys: Sequence[int],
    keyframe: Callable[[int], Mattes],
    fixed: Fixed,
    before: Callable[[int], Mattes | None],
) -> Generator[Result, None, int | None]:
    """Yields the frames of the pass, fused, in walking order; returns the first beyond a cut, None = there is none.

    First the stretch is walked from the keyframe on its far side, with the new one in memory. Of that pass nothing is
    given out but that it goes on: frames of kind PENDING. It is held in a temporary file.

    Args:
        walker: does the walking.
        step: the pass from the new keyframe; `fuse_with` says where the far one is.
        keys: see `Walker.walk`.
        keyframe: see `Walker.walk`.
        fixed: see `Walker.walk`.
        before: see `Walker.walk`.

    Raises:
        StoreError: the temporary folder is full.
    """
    first = next((frame for frame in step.frames if fixed(frame, step.keep) is None), None)
    if step.fuse_with is None or first is None or before(first) is None:
        return (yield from walker.walk(step, keys, keyframe, fixed, before))
    back = -step.frames.step
    far = Pass(step.fuse_with, range(step.fuse_with + back, first + back, back))
    with MatteSpool() as spool:
        for frame, matte, _ in walker.walk(far, keys, keyframe, lambda frame, keep: None, before):
            if frame in step.frames:
                spool.add(frame, matte[None] if matte.ndim == 2 else matte)
            yield frame, matte, MatteKind.PENDING
        return (yield from walker.walk(step, keys, keyframe, fixed, before, spool.get))


class MatteSpool:
    """Frame -> mattes (N, H, W), rounded to 8 bits; gone when it is closed, or the process ends.

    Raises:
        StoreError: the temporary folder is full or cannot be written; from `add` too.
    """

    def __init__(self) -> None:
        try:
            self._file = tempfile.TemporaryFile()
        except OSError as error:
            raise _unwritable(error) from error
        self._places: dict[int, tuple[int, int, int]] = {}

    def __enter__(self) -> MatteSpool:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what a full disk did not take is not wanted any more
            self._file.close()

    def add(self, frame: int, mattes: Mattes) -> None:
        """Keeps the mattes (N, H, W) of a frame."""
        data = to_png(np.concatenate(list(mattes)))
        try:
            start = self._file.seek(0, 2)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise _unwritable(error) from error
        self._places[frame] = start, len(data), len(mattes)

    def get(self, frame: int) -> Mattes | None:
        """The mattes (N, H, W) float32 of a frame; None when there are none."""
        if frame not in self._places:
            return None
        start, length, count = self._places[frame]
        self._file.seek(start)
        return np.stack(np.split(from_png(self._file.read(length)), count))


def _unwritable(error: OSError) -> StoreError:
    return StoreError(
        f"Temporary files cannot be written: {error.strerror or error}.",
        "Make room in the folder for temporary files, and propagate again: what is finished is kept.",
    )
