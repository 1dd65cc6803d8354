"""A stretch between a new keyframe and an unchanged one: walked from both sides, then fused with the earlier result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from .outcome import MatteKind
from .plan import Pass

if TYPE_CHECKING:
    from ..types import Mattes
    from .hypotheses import Hypotheses
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
    walker: Walker | Hypotheses,
    step: Pass,
    keys: Sequence[int],
    keyframe: Callable[[int], Mattes],
    fixed: Fixed,
    before: Callable[[int], Mattes | None],
) -> Generator[Result, None, int | None]:
    """Yields the fused frames of the pass in walking order; returns the first beyond a cut, None = there is none.

    First the stretch is walked from the keyframe on its far side, with the new one in memory. That pass yields only
    PENDING frames, to show progress; its mattes are kept in a temporary file.

    Args:
        walker: walks the passes.
        step: the pass from the new keyframe; `fuse_with` is the far one.
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
    """Frame -> mattes (N, H, W), rounded to 8 bits; deleted when closed, or when the process ends.

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
        with suppress(OSError):  # what a full disk refused is no longer needed
            self._file.close()

    def add(self, frame: int, mattes: Mattes) -> None:
        """Stores the mattes (N, H, W) of a frame."""
        data = to_png(np.concatenate(list(mattes)))
        try:
            start = self._file.seek(0, 2)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise _unwritable(error) from error
        self._places[frame] = start, len(data), len(mattes)

    def get(self, frame: int) -> Mattes | None:
        """Returns the mattes (N, H, W) float32 of a frame; None when there are none."""
        if frame not in self._places:
            return None
        start, length, count = self._places[frame]
        self._file.seek(start)
        return np.stack(np.split(from_png(self._file.read(length)), count))


def _unwritable(error: OSError) -> StoreError:
    return StoreError(
        f"Temporary files cannot be written: {error.strerror or error}.",
        "Make room in the folder for temporary files, then propagate again: finished frames are kept.",
    )
