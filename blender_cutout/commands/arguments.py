"""Defines and parses the arguments that several sub-commands share."""

from __future__ import annotations

import argparse
import math
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, StrokeError
from ..core.types import Box, Clip, FrameRange, box_of
from ..environment.network_library import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context

MOST = 10**7
"""The largest integer that an argument may be: more frames than any clip has."""
_MOST_BYTES = 10**18
EXIT_CODES = "exit codes: 0 done, 2 wrong input, 130 interrupted (finished work stays)"


def command(
    commands: Any, name: str, run: Callable[[argparse.Namespace, Context], int], text: str, example: str
) -> argparse.ArgumentParser:
    """Adds a sub-command with its help, its example and `--json`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=re.split(r"[.:] ", text)[0].rstrip("."),
        description=textwrap.fill(text, 100),
        epilog=f"example:\n  {example}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON record per event on standard output")
    return parser


def add_engine(parser: argparse.ArgumentParser, tier: str = "auto") -> None:
    """Adds `--tier`, `--device` and `--engine`.

    Commands that measure do not default to the tier auto, which differs between machines.
    """
    parser.add_argument(
        "--tier", default=tier, help=f"quality against speed: a name from `cutout tiers` (default {tier})"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default auto)")
    parser.add_argument(
        "--engine",
        default="auto",
        choices=NAMES,
        help="what runs the networks: torch, or onnx on the processor (default auto: torch if installed)",
    )


def add_clip(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Adds the clip."""
    parser.add_argument(
        "clip", type=Path, metavar="CLIP", nargs="?" if optional else None, help="movie file or folder of pictures"
    )
    parser.set_defaults(files=())  # job files may name the pictures one by one


def clip_of(args: argparse.Namespace) -> Clip:
    """Returns the clip that `add_clip` parsed."""
    return Clip(str(args.clip), args.files)


def add_object(parser: argparse.ArgumentParser) -> None:
    """Adds `--object`."""
    parser.add_argument(
        "--object", type=positive, metavar="N", help="take object N of masks that hold several by number or palette"
    )


def keyframe(text: str) -> tuple[int, Path]:
    """Parses FRAME=MASK.png into (frame, path). Raises ArgumentTypeError."""
    frame, separator, path = text.partition("=")
    what = "FRAME=MASK.png, for instance 0=first.png"
    if not separator or not path:
        raise argparse.ArgumentTypeError(f"{_short(text)} is not {what}")
    return _whole(frame, what), Path(path)


def weight_file(text: str) -> tuple[str, Path]:
    """Parses NAME=FILE into (name, path). Raises ArgumentTypeError."""
    name, separator, path = text.partition("=")
    if not separator or not path or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE, for instance scribble=out/last.pt")
    return name, Path(path)


def weights_by_kind(pairs: Iterable[tuple[str, Path]] | None) -> dict[str, Path]:
    """Returns kind of weights -> file. Raises InputError if a kind has two files."""
    out: dict[str, Path] = {}
    for name, path in pairs or ():
        if name in out:
            raise InputError(f"There can be only one file for {name}.", f"Give --weights {name}=FILE once.")
        out[name] = path
    return out


def frame_number(text: str) -> int:
    """Parses a clip frame, from 0. Raises ArgumentTypeError."""
    return _whole(text, "a frame number (0, 1, 2, …)")


def span(text: str) -> tuple[int | None, int | None]:
    """Parses A:B into (A, B), half-open; either may be left out. Raises ArgumentTypeError."""
    first, separator, last = text.partition(":")
    what = "A:B, for instance 10:20 for the frames 10 to 19"
    if not separator:
        raise argparse.ArgumentTypeError(f"{_short(text)} is not {what}")
    start, stop = (_whole(part, what) if part.strip() else None for part in (first, last))
    return start, stop


def frames(text: str) -> range:
    """Parses FRAME or A:B into a range of frames. Raises ArgumentTypeError."""
    if ":" not in text:
        frame = frame_number(text)
        return range(frame, frame + 1)
    start, stop = span(text)
    if start is None or stop is None or stop <= start:
        raise argparse.ArgumentTypeError(f"{text!r} is not FRAME or A:B, for instance 10:20 for frames 10 to 19")
    return range(start, stop)


def box(text: str) -> Box:
    """Parses X0,Y0,X1,Y1 into the pixels of a box. Raises ArgumentTypeError."""
    try:
        return box_of([float(part) for part in text.split(",")])
    except (ValueError, StrokeError) as error:
        raise argparse.ArgumentTypeError(f"{_short(text)} is not a box X0,Y0,X1,Y1, such as 10,20,200,150") from error


def point(text: str) -> tuple[float, float]:
    """Parses X,Y. Raises ArgumentTypeError."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise argparse.ArgumentTypeError(f"{_short(text)} is not a point X,Y, such as 320,180")
    return x, y


def number(least: float, most: float) -> Callable[[str], float]:
    """Returns a parser for a number within bounds. It raises ArgumentTypeError, for NaN too."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{_short(text)} is not a number from {least:g} to {most:g}")
        return value

    return read


share = number(0, 1)


def positive(text: str) -> int:
    """Parses an integer above 0. Raises ArgumentTypeError."""
    what = "a whole number above 0"
    value = _whole(text, what)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{_short(text)} is not {what}")
    return value


def picture_size(text: str) -> tuple[int, int]:
    """Parses WIDTHxHEIGHT into (height, width), 64 to 16384 pixels per side. Raises ArgumentTypeError."""
    what = "WIDTHxHEIGHT of 64x64 to 16384x16384, for instance 854x480"
    width, _, height = text.lower().partition("x")
    sides = _whole(height, what), _whole(width, what)
    if not all(64 <= side <= 16384 for side in sides):
        raise argparse.ArgumentTypeError(f"{_short(text)} is not {what}")
    return sides


def size(text: str) -> int:
    """Parses "500M", "2G", "1.5 GB" or a plain number into bytes. Raises ArgumentTypeError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*", text, re.IGNORECASE)
    value = float(found[1]) * 1000 ** " kmgt".index(found[2].lower() or " ") if found else math.inf
    if value > _MOST_BYTES:
        raise argparse.ArgumentTypeError(f"{_short(text)} is not a size, for instance 500M or 2G")
    return int(value)


def _whole(text: str, what: str) -> int:
    """Parses an integer from 0 to `MOST`. Raises ArgumentTypeError that names `what` it should be."""
    text = text.strip()
    if not text.isdecimal() or len(text) > 100 or int(text) > MOST:
        raise argparse.ArgumentTypeError(f"{_short(text)} is not {what}")
    return int(text)


def _short(text: str) -> str:
    """Returns the given text in quotes, shortened for a message."""
    return repr(text if len(text) <= 40 else text[:40] + "…")


def frame_range(value: tuple[int | None, int | None] | None, length: int) -> FrameRange:
    """Returns the range that `span` parsed, within a clip of `length` frames; None = the whole clip.

    Raises:
        InputError: empty, or beyond the clip.
    """
    start, stop = value or (None, None)
    bounds = FrameRange(start or 0, length if stop is None else stop)
    if bounds.stop > length:
        raise InputError(
            f"The range {bounds.start}:{bounds.stop} goes beyond the clip's {length} frames.",
            f"Frames are counted from 0; the range may end at {length}.",
        )
    return bounds


def check_tier(name: str) -> None:
    """Raises InputError for an unknown tier, before any slow work."""
    from ..core.tiers.table import find_tier

    find_tier(name)


def check_frames(frames: Iterable[int], length: int, what: str) -> None:
    """Raises InputError if a frame lies outside a clip of `length` frames."""
    for frame in frames:
        if frame >= length:
            raise InputError(
                f"{what} {frame} lies outside the clip, which has {length} frames.",
                f"Frames are counted from 0 to {length - 1}.",
            )
