"""Arguments that several sub-commands share, and how their text is read."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.types import FrameRange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .context import Context

EXIT_CODES = "exit codes: 0 done, 2 wrong input, 130 interrupted (what was finished stays)"


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
    parser.add_argument("--json", action="store_true", help="one JSON record for each event on standard output")
    return parser


def add_engine(parser: argparse.ArgumentParser, tier: str = "auto") -> None:
    """Adds `--tier` and `--device`. What measures has another default than auto, which differs between machines."""
    parser.add_argument(
        "--tier", default=tier, help=f"quality against time: a name from `cutout tiers` (default {tier})"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default auto)")


def keyframe(text: str) -> tuple[int, Path]:
    """FRAME=MASK.png as (frame, path). Raises ArgumentTypeError."""
    number, separator, path = text.partition("=")
    if not separator or not path or not number.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not FRAME=MASK.png, for instance 0=first.png")
    return int(number), Path(path)


def weight_file(text: str) -> tuple[str, Path]:
    """NAME=FILE as (name, path). Raises ArgumentTypeError."""
    name, separator, path = text.partition("=")
    if not separator or not path or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE, for instance scribble=out/last.pt")
    return name, Path(path)


def weights_by_kind(pairs: Iterable[tuple[str, Path]] | None) -> dict[str, list[Path]]:
    """What weights are for -> the files given for it, in their order."""
    out: dict[str, list[Path]] = {}
    for name, path in pairs or ():
        out.setdefault(name, []).append(path)
    return out


def frame_number(text: str) -> int:
    """A clip frame, from 0. Raises ArgumentTypeError."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame number (0, 1, 2, …)")
    return int(text)


def span(text: str) -> tuple[int | None, int | None]:
    """A:B as (A, B), half-open; either may be left out. Raises ArgumentTypeError."""
    first, separator, last = text.partition(":")
    if not separator or not all(part.strip().isdecimal() or not part.strip() for part in (first, last)):
        raise argparse.ArgumentTypeError(f"{text!r} is not A:B, for instance 10:20 for the frames 10 to 19")
    return (int(first) if first.strip() else None, int(last) if last.strip() else None)


def frames(text: str) -> range:
    """FRAME or A:B as the frames it means. Raises ArgumentTypeError."""
    if ":" not in text:
        number = frame_number(text)
        return range(number, number + 1)
    start, stop = span(text)
    if start is None or stop is None or stop <= start:
        raise argparse.ArgumentTypeError(f"{text!r} is not FRAME or A:B, for instance 10:20 for the frames 10 to 19")
    return range(start, stop)


def share(text: str) -> float:
    """A number from 0 to 1. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def positive(text: str) -> int:
    """A whole number above 0. Raises ArgumentTypeError."""
    if not text.strip().isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def size(text: str) -> int:
    """Bytes of "500M", "2G", "1.5 GB" or a plain number. Raises ArgumentTypeError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*", text, re.IGNORECASE)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, for instance 500M or 2G")
    return int(float(found[1]) * 1000 ** " kmgt".index(found[2].lower() or " "))


def frame_range(value: tuple[int | None, int | None] | None, length: int) -> FrameRange:
    """The range of a clip of `length` frames that `span` read; None = all of it.

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
    """Raises InputError for an unknown tier, before anything slow is done."""
    from ..core.tiers import find_tier

    find_tier(name)


def check_frames(frames: Mapping[int, Any], length: int, what: str) -> None:
    """Raises InputError when a frame lies outside a clip of `length` frames."""
    for frame in frames:
        if frame >= length:
            raise InputError(
                f"{what} {frame} lies outside the clip, which has {length} frames.",
                f"Frames are counted from 0 to {length - 1}.",
            )
