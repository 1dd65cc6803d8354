"""`cutout session` and `cutout import`: a cutout's folder as the add-on keeps it, looked at and added to."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from . import arguments

if TYPE_CHECKING:
    from ..core.session.track_session import TrackSession
    from ..core.types import Clip
    from .context import Context


def add_parser(commands: Any) -> None:
    """Adds the sub-commands."""
    parser = arguments.command(
        commands,
        "session",
        show,
        "Shows what a cutout's folder holds: its clip, steps, keyframes, masks, and what they take on the disk. The "
        "add-on keeps one beside the .blend for each cutout.",
        "cutout session film_cutout/1171e3b0 --limit 2G",
    )
    _add_folder(parser)
    parser.add_argument(
        "--limit", type=arguments.size, metavar="SIZE",
        help="what its masks may take, as 500M or 2G: masks that nothing shows any more are removed, the oldest first; "
        "never strokes, imported masks, or what is shown now or after one undo",
    )  # fmt: skip
    parser = arguments.command(
        commands,
        "import",
        take,
        "Makes masks of another program keyframes of a cutout: pictures, a folder of them or a movie, of the clip's "
        "size. An alpha channel counts as the mask, else the brightness. One undo takes them back.",
        "cutout import old-masks --session film_cutout/1171e3b0 --every 10",
    )
    parser.add_argument("masks", type=Path, metavar="MASKS", help="picture, folder of pictures, or movie")
    _add_folder(parser, "--session")
    parser.add_argument("--at", type=arguments.frame_number, metavar="FRAME", help="clip frame of the first mask")
    parser.add_argument("--every", type=arguments.positive, default=1, metavar="N", help="take every N-th mask only")
    arguments.add_object(parser)
    parser.add_argument(
        "--frame", type=arguments.frame_number, action="append", metavar="FRAME",
        help="take the mask of this clip frame only; may be given several times",
    )  # fmt: skip


def show(args: argparse.Namespace, context: Context) -> int:
    """Shows a session, and removes what is beyond the limit."""
    from ..core.types import size_text

    with _opened(args) as session:
        freed = 0
        if args.limit is not None:
            session.disk.limit = args.limit
            freed = session.disk.keep()
        use, keyframes = session.disk.use(), session.keyframes()
        done = sum(stop - start for start, stop in session.done_ranges())
        context.report.event(
            "session", clip=session.clip.path, frames=len(session.source), head=session.head, keyframes=keyframes,
            masks=done, used=use.used, free=use.free, freed=freed, warnings=session.warnings,
        )  # fmt: skip
        for text in session.warnings:
            context.report.complain(text)
        context.report.say(f"{session.clip.path}: {len(session.source)} frames, {done} with masks.")
        context.report.say(f"Keyframes: {', '.join(map(str, keyframes)) or 'none'}.")
        context.report.say(f"Masks on disk: {size_text(use.used)}, {size_text(use.free)} are free.")
        if freed:
            context.report.say(f"{size_text(freed)} were removed that nothing shows any more.")
        if args.limit is not None and use.used > args.limit:
            context.report.complain(
                f"What is shown takes {size_text(use.used)}, more than {size_text(args.limit)}, and is kept."
            )
    return 0


def take(args: argparse.Namespace, context: Context) -> int:
    """Imports masks."""
    with _opened(args) as session:
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
    parser.add_argument(
        "--clip", type=Path, metavar="CLIP", help="its clip, where that was moved (default where it was last)"
    )


class _NoEngine:
    """Stands where an engine would be: nothing is computed here."""

    tier = weights_id = ""


def _opened(args: argparse.Namespace) -> TrackSession:
    from ..core.session.track_session import TrackSession

    engine: Any = _NoEngine()
    return TrackSession.open(_clip(args), args.session, engine)


def _clip(args: argparse.Namespace) -> Clip:
    """The clip that is given, or that the folder tells."""
    from ..core.session.folder import recorded_clip
    from ..core.types import Clip

    clip = recorded_clip(args.session / "session.json")
    if clip is None:
        if args.clip is not None and args.session.is_dir():
            return Clip(str(args.clip))
        raise InputError(
            f"{args.session} is not a cutout's folder, or its session.json is damaged.",
            "Give the folder with rounds.jsonl in it; with --clip CLIP a damaged session.json is made anew.",
        )
    if args.clip is None:
        return clip
    return Clip(str(args.clip), clip.files if args.clip.is_dir() else ())
