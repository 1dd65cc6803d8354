"""Runs `cutout foreground` and `cutout refine`: makes the mask of one picture."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import atomic
from ..core.errors import InputError, StrokeError
from ..core.export import output_files
from ..core.types import AUTO_MODES, Paint, Stroke
from . import arguments, files

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.engine import Engine
    from ..core.types import Image, Matte
    from .context import Context

_MOST_POINTS, _MOST_BYTES = 100_000, 16 * 2**20
"""Maximum points in a stroke file: a pen gives a few hundred points per second."""


def add_parser(commands: Any) -> None:
    """Adds both sub-commands."""
    parser = arguments.command(
        commands,
        "foreground",
        run_foreground,
        "Proposes the mask of a picture without strokes: of its foreground object, of a person, of a head, of the sky, "
        "or of everything behind the people. Writes an 8-bit grey PNG.",
        "cutout foreground photo.jpg --mode person -o mask.png",
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="the picture")
    parser.add_argument(
        "--box", type=arguments.box, metavar="X0,Y0,X1,Y1", help="box drawn around the object, in picture pixels"
    )
    parser.add_argument("--mode", choices=AUTO_MODES, default=AUTO_MODES[0], help="what to find (default foreground)")
    parser.add_argument(
        "--at", type=arguments.point, metavar="X,Y", help="the person or head that is meant (default the largest)"
    )
    parser.add_argument(
        "--each", action="store_true", help="with --mode person: a mask of each, MASK-1.png for the largest and so on"
    )
    _add_output(parser)
    parser = arguments.command(
        commands,
        "refine",
        run_refine,
        "Makes or corrects the mask of a picture from strokes. Writes an 8-bit grey PNG. STROKES.json is "
        '{"strokes": [{"label": "keep", "radius": 6.0, "points": [[x, y], …]}, …]}, label "keep" or "remove", '
        "points and radius are in picture pixels, from the top left. A list "
        '"paint" of the same form sets exact pixels after the strokes: without a radius it fills the outline, '
        '"feather" is the width of a soft rim.',
        "cutout refine photo.jpg --strokes strokes.json --previous mask.png -o better.png",
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="the picture")
    parser.add_argument("--strokes", type=Path, required=True, metavar="STROKES.json", help="this round's strokes")
    parser.add_argument("--previous", type=Path, metavar="MASK.png", help="mask to correct (default none)")
    parser.add_argument(
        "--zoom", type=arguments.number(0.001, 1000), default=1.0, metavar="Z",
        help="magnification at which the strokes were drawn (default 1)",
    )  # fmt: skip
    _add_output(parser)


def run_foreground(args: argparse.Namespace, context: Context) -> int:
    """Writes the first guess."""
    from ..core.clips.picture import read_picture

    arguments.check_tier(args.tier)
    if args.mode != AUTO_MODES[0] and args.box is not None:
        raise InputError("A box is only for the foreground.", "Leave out --box, or --mode.")
    if args.each and (args.mode != "person" or args.at is not None):
        raise InputError("--each is for all people.", "Give --mode person, and leave out --at.")
    image = read_picture(args.image)
    files.prepare_file(args.output, (".png",), args.image)
    if args.each:
        return _write_each(args, image, context)
    matte, seconds = context.within_memory(
        args.tier, args.device, lambda engine: _timed(lambda: _found(engine, image, args))
    )
    _write(args.output, matte, seconds, context)
    return 0


def _write_each(args: argparse.Namespace, image: Image, context: Context) -> int:
    """Writes a mask of each person."""
    start = time.perf_counter()
    mattes = context.within_memory(args.tier, args.device, lambda engine: engine.each_person(image))
    seconds = time.perf_counter() - start
    for number, matte in enumerate(mattes, start=1):
        path = args.output.with_name(f"{args.output.stem}-{number}{args.output.suffix}")
        files.prepare_file(path, (".png",), args.image)
        _write(path, matte, seconds / len(mattes), context)
    if not mattes:
        context.report.say("No person was found: nothing was written.")
    return 0


def _found(engine: Engine, image: Image, args: argparse.Namespace) -> Matte:
    if args.mode == AUTO_MODES[0]:
        return engine.foreground(image, args.box)
    return engine.automatic(image, args.mode, args.at)


def run_refine(args: argparse.Namespace, context: Context) -> int:
    """Writes the mask after one round of strokes."""
    import numpy as np

    from ..core.clips.picture import read_picture
    from ..core.images.foreign_masks import read_resized
    from ..core.refinement.paint import paint
    from ..core.refinement.stroke_maps import strokes_inside

    arguments.check_tier(args.tier)
    image = read_picture(args.image)
    size = (image.shape[0], image.shape[1])
    strokes, shapes = read_strokes(args.strokes)
    if strokes or not shapes:
        strokes_inside(strokes, size)
    previous, note = read_resized(args.previous, size) if args.previous else (None, "")
    context.report.warn([note] if note else [])
    files.prepare_file(args.output, (".png",), args.image)
    if strokes:
        matte, seconds = context.within_memory(
            args.tier, args.device, lambda engine: _timed(lambda: engine.refine(image, strokes, previous, args.zoom))
        )
    else:
        matte, seconds = np.zeros(size, np.float32) if previous is None else previous, 0.0
    matte, painting = _timed(lambda: np.asarray(paint(matte, shapes), np.float32))
    _write(args.output, matte, seconds + painting, context)
    return 0


def read_strokes(path: Path) -> tuple[tuple[Stroke, ...], tuple[Paint, ...]]:
    """Returns the strokes and the painted shapes of a STROKES.json file.

    Raises:
        StrokeError: missing, not JSON, not a stroke file, or more strokes than anyone draws.
    """
    hint = 'It must be {"strokes": [{"label": "keep", "radius": 6.0, "points": [[x, y], …]}, …]}.'
    try:
        record = json.loads(atomic.read_regular(path, _MOST_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise StrokeError(
            f"The stroke file {path} cannot be read ({error.strerror or error}).", "Check its path."
        ) from error
    except (ValueError, RecursionError) as error:
        raise StrokeError(f"The stroke file {path} is not JSON ({error}).", hint) from error
    if not isinstance(record, dict) or not isinstance(record.get("strokes", record.get("paint")), list):
        raise StrokeError(f"The stroke file {path} has no list of strokes.", hint)
    strokes, shapes = record.get("strokes", []), record.get("paint", [])
    if not isinstance(shapes, list):
        raise StrokeError(f"The paint of the stroke file {path} is not a list.", hint)
    points = sum(_points(stroke) for stroke in [*strokes, *shapes])
    if points > _MOST_POINTS:
        raise StrokeError(
            f"The strokes of {path} have {points} points; the maximum is {_MOST_POINTS}.",
            "Give fewer strokes, or every tenth point of each.",
        )
    try:
        return tuple(map(Stroke.from_json, strokes)), tuple(map(Paint.from_json, shapes))
    except OverflowError as error:
        raise StrokeError(f"The stroke file {path} holds a number that is too large.", hint) from error


def _points(stroke: Any) -> int:
    points = stroke.get("points") if isinstance(stroke, dict) else None
    return len(points) if isinstance(points, (list, str, dict)) else 1


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MASK.png", help="file for the mask")
    arguments.add_engine(parser)


def _timed(work: Callable[[], Matte]) -> tuple[Matte, float]:
    """Returns the result of `work`, and the seconds that it took."""
    start = time.perf_counter()
    matte = work()
    return matte, time.perf_counter() - start


def _write(path: Path, matte: Matte, seconds: float, context: Context) -> None:
    from ..core.images.matte import to_png

    output_files.write_bytes(path, to_png(matte))
    share = float((matte > 0.5).mean())
    context.report.event("done", path=str(path), covered=round(share, 4), seconds=round(seconds, 4))
    note = "" if share else " It is empty: nothing was found."
    context.report.say(f"{path}: {100 * share:.1f} % of the picture in {seconds:.2f} s.{note}")
