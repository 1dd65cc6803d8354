"""Runs another build's engine in a process of its own, measured with this build's data, robots and scores.

So even a build that lacks these measures, such as an older release, is compared on exactly the same walks. It needs
only the public API: `load_engine`, and the engine's `propagate`, `refine` and `foreground`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ..core.errors import CutoutError, InputError, WorkerDied
from . import build_child

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..core.ports import SizedSource
    from ..core.types import Image, Matte, Mattes, Stroke


class BuildEngine:
    """The engine of another build; a context manager.

    Args:
        place: a checkout, run by this Python; or a Python that has another build installed.
        tier: the tier, in that build.
        device: the device to run on.
        whole_frame: propagate without the crop that follows the object.

    Attributes:
        tier, device, weights_id: see `Engine`.
        version: the build's version.

    Raises:
        InputError: there is no such build.
        WorkerDied: its process cannot be started, or has died.
    """

    def __init__(self, place: Path, tier: str, device: str, whole_frame: bool = False) -> None:
        python, checkout = find_build(place)
        self._place = place
        self._errors = tempfile.TemporaryFile()
        command = [python, "-I", "-X", "utf8", build_child.__file__, checkout]
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            self._errors.close()
            raise InputError(
                f"{place} cannot be started ({error.strerror}).", "Give a checkout or a Python."
            ) from error
        try:
            about, _ = self._ask({"do": "load", "tier": tier, "device": device, "whole_frame": whole_frame})
        except BaseException:
            self.close()
            raise
        self.tier, self.device = str(about["tier"]), str(about["device"])
        self.weights_id, self.version = str(about["weights"]), str(about["version"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin and self._process.stdout:
            try:
                self._process.stdin.close()
            except OSError:  # it is already gone
                pass
            self._process.stdout.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def foreground(self, image: Image) -> Matte:
        """See `Engine.foreground`."""
        matte: Matte = self._ask({"do": "foreground"}, image=image)[1]["matte"]
        return matte

    def refine(self, image: Image, strokes: Sequence[Stroke], previous: Matte | None = None) -> Matte:
        """See `Engine.refine`."""
        arrays = {"image": image} | ({} if previous is None else {"previous": previous})
        matte: Matte = self._ask({"do": "refine", "strokes": [s.to_json() for s in strokes]}, **arrays)[1]["matte"]
        return matte

    def propagate(
        self, frames: SizedSource, keyframes: Mapping[int, Mattes], frame_range: tuple[int, int], stability: float = 1.0
    ) -> Generator[tuple[int, Mattes], None, None]:
        """See `Engine.propagate`; takes one keyframe. The iterator must be exhausted."""
        ((given, mattes),) = keyframes.items()
        ask = {
            "do": "propagate", "given": given, "range": list(frame_range), "stability": stability,
            "length": len(frames), "size": list(frames.size),
        }  # fmt: skip
        record, arrays = self._ask(ask, mattes=mattes)
        while "end" not in record:
            if "want" in record:
                record, arrays = self._ask({}, image=self._read(frames, record["want"]))
            else:
                yield record["frame"], arrays["mattes"]
                record, arrays = self._receive()

    def _read(self, frames: SizedSource, number: int) -> Image:
        try:
            return frames[number]
        except CutoutError:
            # Without a picture the other engine fails too; then it waits for the next request.
            with suppress(InputError):
                while True:
                    self._ask({})
            raise

    def _ask(self, record: dict[str, Any], **arrays: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            build_child.send(cast("BinaryIO", self._process.stdin), record, **arrays)
        except OSError as error:
            raise self._died() from error
        return self._receive()

    def _receive(self) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            record, arrays = build_child.receive(cast("BinaryIO", self._process.stdout))
        except (EOFError, OSError) as error:
            raise self._died() from error
        if "error" in record:
            raise InputError(f"The build {self._place} says: {record['error']}", record["hint"])
        return record, arrays

    def _died(self) -> WorkerDied:
        self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        said = f" ({last[0]})" if last else ""
        return WorkerDied(f"The build {self._place} died{said}.", "Check that `load_engine` works there.")


def find_build(place: Path) -> tuple[str, str]:
    """Returns (Python, checkout) of a place; the checkout is "" if the build is installed in that Python.

    Raises:
        InputError: it is neither.
    """
    if place.is_dir() and (place / "blender_cutout" / "__init__.py").is_file():
        return sys.executable, str(place.absolute())
    if place.is_file():
        return str(place.absolute()), ""
    raise InputError(
        f"{place} is neither a tier nor a build nor results.", "Give a tier, a file of --save, or a checkout."
    )
