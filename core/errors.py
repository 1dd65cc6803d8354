"""All errors, as one small tree.

    CutoutError                 any error shown to the user
    ├── InputError              the user's input cannot work (exit code 2)
    │   ├── FrameReadError      clip missing, empty, truncated, not a video, frame not readable
    │   ├── SizeMismatch        mask and picture differ in size
    │   ├── StrokeError         no strokes, strokes outside the picture, wrong stroke file
    │   └── StripError          strip without a file, or of a kind that cannot be cut out
    ├── StoreError              folder full, read-only, damaged journal, lock held by another process
    ├── WeightsError            weights missing or damaged
    ├── EnvironmentMissing      the engine's Python environment is missing or incomplete
    ├── OutOfMemory             the device has too little memory
    ├── WorkerDied              the engine process ended unexpectedly
    └── ProtocolError           the two processes do not understand each other

Every error carries one clear sentence (`text`) and what to do about it (`hint`). Errors of libraries and of the disk
become these in `translate` and `store_errors`. Needs only the standard library, so it may be imported anywhere.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class CutoutError(Exception):
    """An error shown to the user: `text` says what is wrong, `hint` what to do."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text, hint)
        self.text = text
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.text} {self.hint}".strip()

    @property
    def code(self) -> str:
        """Returns the class name, sent between the processes as `code`."""
        return type(self).__name__


class InputError(CutoutError):
    """The user's input cannot work."""


class FrameReadError(InputError):
    """A clip or one of its frames cannot be read."""


class SizeMismatch(InputError):
    """A mask and its picture differ in size."""


class StrokeError(InputError):
    """Strokes are missing, outside the picture, or not understood."""


class StripError(InputError):
    """A strip has no file, or is of a kind that cannot be cut out."""


class StoreError(CutoutError):
    """Something on disk cannot be written, read or locked."""


class WeightsError(CutoutError):
    """Weights are missing or damaged."""


class EnvironmentMissing(CutoutError):
    """The engine's own Python environment is missing or incomplete."""


class OutOfMemory(CutoutError):
    """The device does not have enough memory."""


class WorkerDied(CutoutError):
    """The engine process ended unexpectedly."""


class ProtocolError(CutoutError):
    """The two processes do not understand each other."""


FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def translate(error: BaseException) -> CutoutError | None:
    """Returns the error that users see for one of any library or of the disk; None = a bug in the program.

    A CutoutError is returned as it is. Recognises the errors of libraries without importing them.
    """
    if isinstance(error, CutoutError):
        return error
    if is_out_of_memory(error):
        return OutOfMemory("There is not enough memory.", "Choose a smaller tier, or close other programs.")
    if isinstance(error, OSError) and error.errno in FULL | DENIED:
        return _store_error(error, "", HINTS)
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Returns True if memory ran out: in Python, NumPy, PyAV, OpenCV, the system, or torch on any device."""
    if isinstance(error, MemoryError | OutOfMemory) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error).lower()
    if type(error).__module__ == "cv2":
        return "insufficient memory" in text
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


class DiskHints(NamedTuple):
    """What to do when a file cannot be written, by the reason."""

    full: str
    denied: str
    other: str


HINTS = DiskHints(
    "Free some space and try again: finished work is kept.",
    "Make the folder writable, or save the project in another place.",
    "Check the disk, then try again.",
)


@contextmanager
def store_errors(path: str | os.PathLike[str], hints: DiskHints = HINTS) -> Iterator[None]:
    """Turns OSErrors inside the block into a StoreError that names the file, else `path`, and says what to do."""
    try:
        yield
    except OSError as error:
        raise _store_error(error, path, hints) from error


def _store_error(error: OSError, path: str | os.PathLike[str], hints: DiskHints) -> StoreError:
    if error.errno in FULL:
        text, hint = "The disk is full", hints.full
    elif error.errno in DENIED:
        text, hint = "No permission to write", hints.denied
    else:
        text, hint = error.strerror or type(error).__name__, hints.other
    place = os.fspath(error.filename or path)
    return StoreError(f"{text}: {place}." if place else f"{text}.", hint)
