"""`cutout composite`: the cut-out over another background, or with transparency."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.colours import NAMES, parse_colour
from ..core.errors import InputError
from . import arguments, files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..core.types import FrameRange, Image
    from ..core.video import VideoSource
    from .context import Context


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "composite",
        run,
        "Lays the cut-out over another background, or keeps it alone with transparency. OUT without an ending is a "
        "folder of PNG by clip frame; .mp4 is H.264, .mkv lossless FFV1, .mov ProRes 4444. Sound is not copied.",
        "cutout composite shot.mp4 --masks masks --background '#00b140' --edge-shrink 1 --edge-feather 2 -o cut.mp4",
    )
    parser.add_argument("clip", type=Path, metavar="CLIP", help="movie file or folder of pictures")
    parser.add_argument("--masks", type=Path, required=True, metavar="DIR", help="masks 000000.png … by clip frame")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument(
        "--background", metavar="COLOUR|FILE",
        help="#rrggbb, a name such as white or green, a picture, a folder of pictures, or a movie, which is repeated; "
        "scaled to cover the frame",
    )  # fmt: skip
    kind.add_argument("--rgba", action="store_true", help="no background: the masks become the alpha channel")
    parser.add_argument(
        "--edge-shrink", type=float, default=0.0, metavar="PX", help="move the edge inwards (negative: outwards)"
    )
    parser.add_argument("--edge-feather", type=float, default=0.0, metavar="PX", help="make the edge softer")
    parser.add_argument("--range", type=arguments.span, metavar="A:B", help="frames A to B - 1 only")
    parser.add_argument(
        "--fps", type=float, metavar="RATE", help="of the movie (default the clip's own, 25 for pictures)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="folder, .mp4, .mkv or .mov")


def run(args: argparse.Namespace, context: Context) -> int:
    """Writes the composite."""
    from ..core.composite import Edge, over, rgba
    from ..core.video import open_clip

    edge = Edge(args.edge_shrink, args.edge_feather)
    to_movie = bool(args.output.suffix) and not args.output.is_dir()
    with ExitStack() as stack:
        clip = stack.enter_context(open_clip(args.clip))
        masks = files.MaskFolder(args.masks, clip.size)
        bounds = arguments.frame_range(args.range, len(clip))
        _check_complete(masks, bounds)
        background = None if args.rgba else _background(args.background, clip.size, stack)
        fps = _rate(args.fps, clip.fps)
        if to_movie:
            from ..core.movie_writer import SUFFIXES, MovieWriter, check_movie

            check_movie(args.output, args.rgba)
            files.prepare_file(args.output, SUFFIXES, args.clip)
            writer = stack.enter_context(MovieWriter(args.output, clip.size, fps, alpha=args.rgba))
        else:
            files.prepare_folder(args.output, args.clip)
            if args.output.samefile(args.masks):
                raise InputError(f"{args.output} is the folder of the masks.", "Give another folder for the result.")
        report = context.report
        report.event("start", frames=len(bounds), first=bounds.start, stop=bounds.stop)
        for frame in report.progress(bounds, len(bounds), "compositing"):
            image, matte = clip[frame], edge.apply(masks[frame])
            result = over(image, matte, background(frame)) if background else rgba(image, matte)
            if to_movie:
                writer.write(result)
                report.event("frame", frame=frame)
            else:
                path = args.output / files.mask_name(frame)
                files.write_bytes(path, _png(result))
                report.event("frame", frame=frame, path=str(path))
    report.event("done", frames=len(bounds), output=str(args.output))
    report.say(f"{args.output}: {len(bounds)} frames.")
    return 0


def _check_complete(masks: files.MaskFolder, bounds: FrameRange) -> None:
    missing = [frame for frame in bounds if frame not in masks]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(bounds)} frames have no mask in the folder, the first is frame {missing[0]}.",
            "Propagate through all frames, or give --range A:B.",
        )


def _background(text: str, size_hw: tuple[int, int], stack: ExitStack) -> Callable[[int], Image]:
    """A function from clip frame to background (H, W, 3) uint8."""
    import numpy as np

    from ..core.composite import cover
    from ..core.video import open_clip

    colour = parse_colour(text)
    if colour is not None:
        plain = np.full((*size_hw, 3), colour, np.uint8)
        return lambda frame: plain
    if not Path(text).exists():
        raise InputError(
            f"The background {text!r} is neither a colour nor a file.",
            f"Use #rrggbb, one of {', '.join(sorted(NAMES))}, or the path of a picture or movie.",
        )
    source = stack.enter_context(open_clip(text))
    if len(source) == 1:
        still = cover(source[0], size_hw)
        return lambda frame: still
    return lambda frame: cover(_repeated(source, frame), size_hw)


def _repeated(source: VideoSource, frame: int) -> Image:
    return source[frame % len(source)]


def _rate(wanted: float | None, own: float) -> float:
    if wanted is not None and not 0 < wanted <= 1000:
        raise InputError(f"The frame rate {wanted:g} is not sensible.", "Give frames per second, for instance 25.")
    return wanted or own or 25.0


def _png(picture: NDArray[np.uint8]) -> bytes:
    import cv2

    order = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, order), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return bytes(data.tobytes())
