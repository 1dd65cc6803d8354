"""Command line of training: `cutout train propagation|scribble …` and `cutout train export CHECKPOINT -o FILE`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

_LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the sub-commands of training to a parser."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="propagation|scribble|fusion|export")
    for name, text in (
        ("propagation", "train the propagation network on video and on moved stills"),
        ("scribble", "train the scribble and foreground network on stills"),
        ("fusion", "train the fusion network on results of the released propagation network, made first"),
    ):
        run = actions.add_parser(name, help=text, description=text)
        run.add_argument("--data", type=Path, required=True, help="folder with stills/ and video-train/")
        run.add_argument("--cache", type=Path, required=True, help="where the decoded pictures go (about 4 GB)")
        run.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
        run.add_argument("--minutes", type=float, default=60.0, help="length of the schedule by the clock (default 60)")
        run.add_argument(
            "--steps", type=int, default=0, help="end after so many steps at the latest (default no limit)"
        )
        run.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
        run.add_argument(
            "--weights", type=Path, help="start a new schedule from the averaged weights of this checkpoint"
        )
        run.add_argument("--begin", type=float, default=0.0, help="where in the schedule to start, 0 to 1 (default 0)")
        run.add_argument("--device", default="cpu", help="cpu, cuda or mps (default cpu)")
        run.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="default bf16, by autocast")
        run.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
        run.add_argument("--seed", type=int, default=1)
        run.add_argument("--head-rate", type=float, default=6e-4, help="learning rate of new layers")
        run.add_argument("--backbone-rate", type=float, default=1.5e-4, help="learning rate of pretrained layers")
        run.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a switch of the recipe; may be repeated"
        )
        if name == "fusion":
            run.add_argument("--samples", type=int, default=3600, help="to be made or gone on with (default 3600)")
    out = actions.add_parser("export", help="write a checkpoint's averaged weights as safetensors")
    out.add_argument("checkpoint", type=Path)
    out.add_argument("-o", "--output", type=Path, required=True, help="FILE.safetensors")


def main(args: argparse.Namespace) -> int:
    """Runs what `add_arguments` parsed; returns the exit code (0 done, 2 wrong input, 130 interrupted)."""
    from .export import export
    from .fusion import prepare
    from .loop import CHECKPOINT, Settings, train
    from .recipe import RecipeError

    try:
        if args.action == "export":
            export(args.checkpoint, args.output)
            return 0
        settings = Settings(
            network=args.action,
            data=str(args.data),
            cache=str(args.cache),
            out=str(args.out),
            minutes=args.minutes,
            steps=args.steps,
            begin=args.begin,
            device=args.device,
            half=args.precision == "bf16",
            threads=args.threads,
            seed=args.seed,
            head_rate=args.head_rate,
            backbone_rate=args.backbone_rate,
            switches=tuple(args.set),
        )
        if args.action == "fusion":
            prepare(settings, args.samples)
        train(settings, resume=args.out / CHECKPOINT if args.resume else None, weights=args.weights)
    except (FileNotFoundError, RecipeError) as error:
        _LOG.error("%s", error)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="cutout train", description=__doc__)
    add_arguments(_parser)
    sys.exit(main(_parser.parse_args()))
