"""Runs `cutout edges`: writes 16-bit alpha and clean colours for a clip's masks, for compositing elsewhere."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.edges.settings import EdgeSettings
from ..core.errors import InputError
from ..core.export import output_files
from . import arguments, edge_flags, files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.clips.foreign_mask_sequence import MasksByFrame
    from ..core.clips.source import VideoSource
    from ..core.engine import Engine
    from ..core.session.edge_record import EdgeRecord
    from ..core.types import Matte
    from .context import Context

FOREGROUND = "foreground"
"""Folder of the clean colours, within the results."""


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "edges",
        run,
        "Refines the edges of masks: writes alpha as 16-bit grey PNG, 000000.png … by clip frame, and with "
        "--foreground the object's colours without the background's share, straight (not premultiplied), as 8-bit RGB "
        f"PNG in {FOREGROUND}/.",
        "cutout edges shot.mp4 --masks masks --foreground -o alpha",
    )
    arguments.add_clip(parser)
    parser.add_argument(
        "--masks", type=Path, required=True, metavar="MASKS",
        help="folder of masks named by clip frame (000000.png …), or as many as the clip has frames; a movie or a "
        "picture",
    )  # fmt: skip
    arguments.add_object(parser)
    parser.add_argument("--foreground", action="store_true", help="also write the object's own colours")
    edge_flags.add_edge(parser, EdgeSettings())
    parser.add_argument("--range", type=arguments.span, metavar="A:B", help="frames A to B - 1 only")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    arguments.add_engine(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Writes alpha and colours of every frame that has a mask."""
    from ..core.clips.foreign_mask_sequence import as_masks
    from ..core.clips.opening import open_clip

    edges = edge_flags.record_of(args)
    with open_clip(arguments.clip_of(args)) as clip, as_masks(args.masks, len(clip), clip.size, args.object) as masks:
        bounds = arguments.frame_range(args.range, len(clip))
        frames = [frame for frame in bounds if frame in masks]
        if not frames:
            raise InputError("No frame of the range has a mask.", "Give the masks' own folder, or another --range.")
        for folder in (args.output, args.output / FOREGROUND)[: 1 + args.foreground]:
            output_files.prepare_folder(folder, args.clip)
            if folder.samefile(args.masks):
                raise InputError(f"{folder} is the folder of the masks.", "Give another folder for the results.")
        report = context.report
        report.event("start", frames=len(frames), first=frames[0], stop=frames[-1] + 1)
        engine = context.load(args.tier, args.device)
        steps = _write(clip, masks, frames, engine, edges, args)
        for frame, path in report.progress(steps, len(frames), "refining edges"):
            report.event("frame", frame=frame, path=str(path))
        report.warn([*clip.take_notes(), *masks.take_notes()])
    report.event("done", frames=len(frames), output=str(args.output))
    report.say(f"{args.output}: {len(frames)} frames.")
    return 0


def _write(
    clip: VideoSource,
    masks: MasksByFrame,
    frames: list[int],
    engine: Engine,
    edges: EdgeRecord,
    args: argparse.Namespace,
) -> Iterator[tuple[int, Path]]:
    """Yields (frame, path of its alpha) after each frame is written."""
    from ..core.edges.detail_map import detail_map
    from ..core.export.picture_files import png
    from ..core.images.matte import to_deep_png
    from ..core.propagation.carried_detail import CarriedDetail
    from ..core.propagation.steady_edges import SteadyEdges

    def alpha_of(frame: int, edge: EdgeSettings) -> Matte | None:
        if frame not in masks:  # masks beyond the range count: parts of a clip are to fit together
            return None
        strokes = details.at(edges.painted, frame) if edge.detail else ()
        detail = detail_map(strokes, clip.size) if strokes else None
        return engine.refine_edge(clip[frame], masks[frame], edge, detail)[0]

    def masks_at(frame: int) -> Matte | None:
        return masks[frame] if frame in masks else None

    details, steady = CarriedDetail(clip, masks_at), SteadyEdges(clip, alpha_of)
    for frame in frames:
        settings = edges.at(frame)
        alpha = steady.at(frame, replace(settings, decontaminate=0.0))
        assert alpha is not None
        cleaned = EdgeSettings(detail=0.0, decontaminate=settings.decontaminate * args.foreground)
        colours = engine.refine_edge(clip[frame], alpha, cleaned)[1]
        path = args.output / files.mask_name(frame)
        if args.foreground:
            output_files.write_bytes(args.output / FOREGROUND / files.mask_name(frame), png(colours))
        output_files.write_bytes(path, to_deep_png(alpha))
        yield frame, path
