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

Every error carries one clear sentence (`text`) and what to do about it (`hint`). Has no dependencies, so it may be
imported anywhere.
"""

from __future__ import annotations


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
    """The device has too little memory."""


class WorkerDied(CutoutError):
    """The engine process ended unexpectedly."""


class ProtocolError(CutoutError):
    """The two processes do not understand each other."""


def is_out_of_memory(error: BaseException) -> bool:
    """Returns True for MemoryError, for torch's out-of-memory errors on any device, and for `OutOfMemory`."""
    if isinstance(error, MemoryError | OutOfMemory) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
