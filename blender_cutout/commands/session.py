"""Runs `cutout session` and `cutout import`: shows a cutout's folder, and imports masks into it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from . import arguments

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..core.session.track_session import TrackSession
    from ..core.types import Clip
    from .context import Context


def add_parser(commands: Any) -> None:
    """Adds the sub-commands."""
    parser = arguments.command(
        commands,
        "session",
        show,
        "Shows the contents of a cutout's folder: clip, steps, keyframes, masks, and their disk use. The add-on keeps "
        "one such folder per cutout next to the .blend.",
        "cutout session film_cutout/1171e3b0 --limit 2G",
    )
    _add_folder(parser)
    parser.add_argument(
        "--limit", type=arguments.size, metavar="SIZE",
        help="disk space for its masks, such as 500M or 2G: unused masks are deleted, oldest first; strokes, imported "
        "masks and masks in use or needed by one undo are never deleted",
    )  # fmt: skip
    parser.add_argument("--keep-version", metavar="NAME", help="keep the present masks under this name")
    parser.add_argument(
        "--return-to", metavar="NAME",
        help="return to this version; the present masks are kept as Before Return",
    )  # fmt: skip
    parser.add_argument("--delete-version", metavar="NAME", help="forget this version")
    parser = arguments.command(
        commands,
        "import",
        take,
        "Imports masks from another program as keyframes of a cutout: a picture, a folder of pictures or a movie, in "
        "the clip's size. The alpha channel is used as the mask, otherwise the brightness. One undo removes them.",
        "cutout import old-masks --session film_cutout/1171e3b0 --every 10",
    )
    parser.add_argument("masks", type=Path, metavar="MASKS", help="picture, folder of pictures, or movie")
    _add_folder(parser, "--session")
    parser.add_argument("--at", type=arguments.frame_number, metavar="FRAME", help="clip frame of the first mask")
    parser.add_argument("--every", type=arguments.positive, default=1, metavar="N", help="use only every N-th mask")
    arguments.add_object(parser)
    parser.add_argument(
        "--frame", type=arguments.frame_number, action="append", metavar="FRAME",
        help="import only the mask of this clip frame; may be repeated",
    )  # fmt: skip


def show(args: argparse.Namespace, context: Context) -> int:
    """Shows a session, and deletes masks beyond the limit."""
    from ..core.types import size_text

    with open_track(args.session, args.clip) as session:
        freed = 0
        if args.keep_version is not None:
            session.versions.keep(args.keep_version)
        if args.return_to is not None:
            session.versions.go_to(args.return_to)
        if args.delete_version is not None:
            session.versions.delete(args.delete_version)
        if args.limit is not None:
            session.disk.limit = args.limit
            freed = session.disk.keep()
        use, keyframes = session.disk.use(), session.keyframes()
        versions = session.versions.all()
        done = sum(stop - start for start, stop in session.done_ranges())
        context.report.event(
            "session", clip=session.clip.path, frames=len(session.source), head=session.head, keyframes=keyframes,
            masks=done, used=use.used, free=use.free, freed=freed, warnings=session.warnings,
            versions={one.name: one.head for one in versions},
        )  # fmt: skip
        for text in session.warnings:
            context.report.complain(text)
        context.report.say(f"{session.clip.path}: {len(session.source)} frames, {done} with masks.")
        context.report.say(f"Keyframes: {', '.join(map(str, keyframes)) or 'none'}.")
        context.report.say(f"Masks on disk: {size_text(use.used)}, {size_text(use.free)} free.")
        if versions:
            context.report.say(f"Versions: {', '.join(one.name for one in versions)}.")
        if freed:
            context.report.say(f"Deleted {size_text(freed)} of unused masks.")
        if args.limit is not None and use.used > args.limit:
            context.report.complain(
                f"Masks in use take {size_text(use.used)}, more than {size_text(args.limit)}, and are kept."
            )
    return 0


def take(args: argparse.Namespace, context: Context) -> int:
    """Imports masks."""
    with open_track(args.session, args.clip) as session:
        total = 0
        steps = session.import_mattes(args.masks, args.at, args.every, args.frame, args.object)
        for step in context.report.progress(steps, len(session.source), "importing"):
            total = step.total
            context.report.warn(step.notes)
        context.report.event("done", keyframes=total, head=session.head)
        context.report.say(f"{args.masks}: {total} {'mask' if total == 1 else 'masks'} imported as keyframes.")
    return 0


def _add_folder(parser: argparse.ArgumentParser, name: str = "folder") -> None:
    if name == "folder":
        parser.add_argument("session", type=Path, metavar="FOLDER", help="the cutout's folder, with rounds.jsonl in it")
    else:
        parser.add_argument(name, type=Path, required=True, metavar="FOLDER", help="the cutout's folder")
    parser.add_argument("--clip", type=Path, metavar="CLIP", help="its clip, if it was moved (default its last path)")


class _NoEngine:
    """Stands in for an engine; computes nothing."""

    tier = weights_id = ""


def open_track(folder: Path, clip: Path | None = None, engine: Engine | None = None) -> TrackSession:
    """Returns the open track of a cutout's folder.

    Args:
        folder: the cutout's folder.
        clip: its clip, if it was moved.
        engine: computes masks that are missing; None = nothing can be computed.

    Raises:
        InputError: it is not a cutout's folder. StoreError, FrameReadError: see `TrackSession.open`.
    """
    from ..core.session.track_session import TrackSession

    made_by: Any = engine or _NoEngine()
    return TrackSession.open(_clip(folder, clip), folder, made_by)


def _clip(folder: Path, clip: Path | None) -> Clip:
    """Returns the given clip, or the one named in the folder."""
    from ..core.session.folder import recorded_clip
    from ..core.types import Clip

    recorded = recorded_clip(folder / "session.json")
    if recorded is None:
        if clip is not None and folder.is_dir():
            return Clip(str(clip))
        raise InputError(
            f"{folder} is not a cutout's folder, or its session.json is damaged.",
            "Give the folder that contains rounds.jsonl; with --clip CLIP a damaged session.json is recreated.",
        )
    if clip is None:
        return recorded
    return Clip(str(clip), recorded.files if clip.is_dir() else ())
