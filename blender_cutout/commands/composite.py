"""Runs `cutout composite`: puts the cutout over another background, or exports it with transparency."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.edges.settings import UNCHANGED
from ..core.errors import InputError
from ..core.export import output_files
from . import arguments, edge_flags, files

if TYPE_CHECKING:
    from ..core.clips.foreign_mask_sequence import MasksByFrame
    from ..core.clips.source import VideoSource
    from ..core.types import FrameRange
    from .context import Context


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "composite",
        run,
        "Puts the cutout over another background, or exports it with transparency. OUT without an extension is a "
        "folder of pictures numbered by clip frame; .mp4 is H.264, .mkv lossless FFV1, .mov ProRes 4444. Of clips with "
        "more than 8 bits .mov and .mp4 (then HEVC) keep 10 and .mkv with a background 16. A movie's sound is copied "
        "if the format allows it. The result is read back and compared.",
        "cutout composite shot.mp4 --masks masks --background '#00b140' --edge-shrink 1 --edge-feather 2 -o cut.mp4",
    )
    arguments.add_clip(parser)
    parser.add_argument(
        "--masks", type=Path, required=True, action="append", metavar="MASKS",
        help="folder of masks named by clip frame (000000.png …), or as many as the clip has frames; a movie or a "
        "picture; give it once for each object",
    )  # fmt: skip
    arguments.add_object(parser)
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument(
        "--background", metavar="COLOUR|FILE",
        help="#rrggbb, a name such as white or green, a picture, a folder of pictures, or a movie, which runs at "
        "its own speed and loops; scaled to cover the frame",
    )  # fmt: skip
    kind.add_argument("--rgba", action="store_true", help="no background: the masks become the alpha channel")
    edge_flags.add_edge(parser, UNCHANGED)
    parser.add_argument(
        "--edge-shrink", type=arguments.number(-100, 100), default=0.0, metavar="PX", help="the opposite of --edge-grow"
    )
    arguments.add_engine(parser)
    parser.add_argument("--range", type=arguments.span, metavar="A:B", help="frames A to B - 1 only")
    parser.add_argument(
        "--fps", type=arguments.number(0.1, 1000), metavar="RATE",
        help="frame rate of the movie (default the clip's own, 25 for pictures)",
    )  # fmt: skip
    parser.add_argument(
        "--pictures", choices=("png", "png16", "exr", "exr-straight", "exr-cryptomatte"), metavar="KIND",
        help="files in a folder: png (8 bits, the default), png16, exr (half float, linear Rec.709, colours multiplied "
        "by alpha) or exr-straight (not multiplied), both with a channel for each --masks, named after its folder, or "
        "exr-cryptomatte (multiplied, with each --masks as an object of a Cryptomatte)",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="folder, .mp4, .mkv or .mov")


def run(args: argparse.Namespace, context: Context) -> int:
    """Writes the composite."""
    from ..core.clips.opening import open_clip
    from ..core.export.delivery import union_of
    from ..core.export.film import FilmLook, is_movie, open_background, write_film

    edge = edge_flags.edge_of(args, shrink=args.edge_shrink)
    look = FilmLook("" if args.rgba else args.background, edge, args.fps or 0.0, args.pictures or "png")
    if args.pictures and is_movie(args.output):
        raise InputError("--pictures is for folders, and the output is a movie.", "Leave one of them out.")
    with ExitStack() as opened:
        clip = opened.enter_context(open_clip(arguments.clip_of(args)))
        objects = _objects(args.masks, clip, args.object, opened)
        bounds = arguments.frame_range(args.range, len(clip))
        context.report.warn(clip.take_notes())
        for masks in objects.values():
            _check_complete(masks, bounds)
        if look.background:
            with ExitStack() as stack:  # before anything is written
                open_background(look.background, clip.size, stack)
        if is_movie(args.output):
            from ..core.export.movie_writer import SUFFIXES, check_movie

            check_movie(args.output, args.rgba)
            files.prepare_file(args.output, SUFFIXES, args.clip)
        else:
            output_files.prepare_folder(args.output, args.clip)
            if any(args.output.samefile(folder) for folder in args.masks):
                raise InputError(f"{args.output} is the folder of the masks.", "Give another folder for the result.")
        report = context.report
        net = context.load(args.tier, args.device).edge if edge.detail else None
        report.event("start", frames=len(bounds), first=bounds.start, stop=bounds.stop)
        readers = {name: masks.__getitem__ for name, masks in objects.items()}
        steps = write_film(clip, args.clip, list(bounds), union_of(readers), args.output, look, net, readers)
        sound = ""
        with closing(steps):
            written = (step for step in steps if not step.checked)
            count = len(bounds)
            for step in report.progress(written, count, "compositing"):
                count = step.total
                place = {} if step.path is None else {"path": str(step.path)}
                report.event("frame", frame=step.frame, **place)
                sound = step.sound or sound
        report.warn([*clip.take_notes(), *(note for masks in objects.values() for note in masks.take_notes())])
    report.event("done", frames=count, output=str(args.output), sound=sound, checked=True)
    report.say(f"{args.output}: {count} frames, read back and verified. {sound}")
    return 0


def _objects(
    paths: Sequence[Path], clip: VideoSource, object_id: int | None, stack: ExitStack
) -> dict[str, MasksByFrame]:
    """Returns the masks by the names of their files or folders. Raises InputError when two have the same name."""
    from ..core.clips.foreign_mask_sequence import as_masks

    names = [path.resolve().name if path.is_dir() else path.resolve().stem for path in paths]
    if len(set(names)) < len(names):
        raise InputError("Two folders of masks have the same name.", "Rename one: it is the name of the object.")
    opened = [stack.enter_context(as_masks(path, len(clip), clip.size, object_id)) for path in paths]
    return dict(zip(names, opened, strict=True))


def _check_complete(masks: MasksByFrame, bounds: FrameRange) -> None:
    missing = [frame for frame in bounds if frame not in masks]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(bounds)} frames have no mask in the folder; the first is frame {missing[0]}.",
            "Propagate through all frames, or give --range A:B.",
        )
