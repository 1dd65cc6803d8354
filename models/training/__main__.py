"""Command line of training: `cutout train NETWORK …`, `cutout train export CHECKPOINT -o FILE`."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError

if TYPE_CHECKING:
    from .recipe import TrainingSettings

_LOG = logging.getLogger(__name__)

UNLIMITED = 1e9
"""Minutes of a schedule that follows its steps alone."""

STAGES = """\
The propagation network has two stages: stills only, then everything mixed, most of it video:
  cutout train propagation --data data --cache cache --out stage1 --minutes 0 --steps 20000 --set video=0
  cutout train propagation --data data --cache cache --out stage2 --minutes 0 --steps 100000 --weights stage1/last.pt \\
         --set video_begin=0.6 --set video=0.75 --set long_from=0 --set long_frames=5,6,8 --set frozen=3
A schedule by steps sees the same clips on a machine of any speed. It may be interrupted as often as you like: the same
command with --resume continues. --processes 2 takes two batches a step, on a core each.
"""

NETWORKS = (
    ("propagation", "train the propagation network on video and on moved stills"),
    ("scribble", "train the scribble and foreground network on stills"),
    ("edge", "train the edge network on cutouts with hair, blur and defocus over other stills"),
    ("automatic", "train the network of the automatic modes on people, heads and sky"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the sub-commands of training to a parser."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="propagation|scribble|edge|automatic|export|graphs|pack"
    )
    for name, text in NETWORKS:
        run = actions.add_parser(
            name,
            help=text,
            description=text,
            epilog=(STAGES if name == "propagation" else "") + _switches(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        run.add_argument("--data", type=Path, required=True, help="folder with stills/ and video-train/")
        run.add_argument("--cache", type=Path, required=True, help="where the decoded pictures go (about 5 GB)")
        if name == "propagation":
            run.add_argument(
                "--rendered", type=Path, help="folder of rendered clips, for --set rendered=SHARE (install.py clips)"
            )
        run.add_argument("--out", type=Path, required=True, help="folder for checkpoint, log and curve")
        run.add_argument(
            "--minutes",
            type=float,
            default=60.0,
            help="length of the schedule by the clock (default 60); 0 = by --steps",
        )
        run.add_argument("--steps", type=int, default=0, help="largest number of steps (default: any)")
        run.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
        run.add_argument(
            "--weights",
            type=Path,
            help="start a new schedule from this last.pt's averaged weights, or from FILE.safetensors",
        )
        run.add_argument("--begin", type=float, default=0.0, help="where in the schedule to start, 0 to 1 (default 0)")
        run.add_argument("--device", default="cpu", help="cpu, cuda or mps (default cpu)")
        run.add_argument("--precision", default="bf16", help="bf16 (default; where the device has it) or fp32")
        run.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
        run.add_argument(
            "--processes",
            type=int,
            default=1,
            help="processes that train together, each on a batch of its own; propagation on a CPU only (default 1)",
        )
        run.add_argument(
            "--loaders", type=int, default=-1, help="threads that make batches ahead (default 0 on cpu, else 2)"
        )
        run.add_argument(
            "--loader-processes", type=int, default=0, help="processes that do it instead, propagation only (default 0)"
        )
        run.add_argument("--seed", type=int, default=1, help="random seed (default 1)")
        run.add_argument("--head-rate", type=float, default=6e-4, help="learning rate of new layers (default 6e-4)")
        run.add_argument("--backbone-rate", type=float, default=1.5e-4, help="of pretrained layers (default 1.5e-4)")
        run.add_argument("--checkpoint-minutes", type=float, default=5.0, help="between checkpoints (default 5)")
        run.add_argument("--log-every", type=int, default=20, help="steps of a record in the log (default 20)")
        run.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a switch, see below; may be repeated"
        )
    out = actions.add_parser("export", help="write a checkpoint's averaged weights as safetensors")
    out.add_argument("checkpoint", type=Path)
    out.add_argument("-o", "--output", type=Path, required=True, help="FILE.safetensors")
    out.add_argument("--network", choices=[name for name, _ in NETWORKS], help="refuse a checkpoint of any other")
    graphs = actions.add_parser(
        "graphs", help="write the released networks as ONNX graphs beside their weights, and compare them with PyTorch"
    )
    graphs.add_argument("-o", "--output", type=Path, help="another folder; graphs run only beside the weight files")
    _add_pack(actions)


def _add_pack(actions: Any) -> None:
    from .pack import MEBIBYTES, SIDE

    text = "write one file that trains on another machine: small pictures, code and start weights"
    packed = actions.add_parser("pack", help=text, description=text)
    packed.add_argument("data", type=Path)
    packed.add_argument(
        "-o", "--output", type=Path, required=True, help="FILE.zip; run it with `python FILE.zip --help`"
    )
    packed.add_argument(
        "--weights", type=Path, required=True, help="FILE.safetensors to start from, of the large network"
    )
    packed.add_argument("--mebibytes", type=float, default=MEBIBYTES, help=f"largest size (default {MEBIBYTES:.0f})")
    packed.add_argument("--side", type=int, default=SIDE, help=f"shorter side of the pictures (default {SIDE})")


def _switches(network: str) -> str:
    """Returns the help on what `--set` takes, with defaults."""
    from .recipe import LoopRecipe
    from .tasks import TASKS

    lines = ["switches for --set, with their defaults; 0 switches a share or strength off:"]
    for kind in (TASKS[network].recipe, LoopRecipe):
        for f in fields(kind):
            head = f"  {f.name}={_shown(f.default)}"
            lines.append(f"{head:<32} {f.metadata.get('help', '')}".rstrip())
    return "\n".join(lines)


def _shown(value: object) -> str:
    return ",".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


def settings_of(args: argparse.Namespace) -> TrainingSettings:
    """Returns the settings that the arguments of a training command describe.

    Raises:
        RecipeError: an invalid switch or number, or fp16.
        ModelError: a device that this machine lacks.
    """
    from .precision import can_bf16, check_device
    from .recipe import LoopRecipe, TrainingSettings, parsed
    from .samples.clip_recipe import RecipeError
    from .tasks import TASKS

    recipe = TASKS[args.action].recipe
    chosen = parsed((recipe, LoopRecipe), args.set)
    common = {f.name: chosen.pop(f.name) for f in fields(LoopRecipe) if f.name in chosen}
    recipe(**chosen)  # raises before anything is read or written
    minutes = args.minutes if args.minutes or not args.steps else UNLIMITED
    if not (minutes > 0 and args.steps >= 0 and 0 <= args.begin < 1 and args.log_every > 0 and args.threads > 0):
        raise RecipeError("minutes, threads and log-every must be above 0, steps at least 0, begin in [0, 1).")
    if args.precision not in ("bf16", "fp32"):
        raise RecipeError(f"precision must be bf16 or fp32, not {args.precision} (fp16 would overflow in training).")
    if args.processes < 1 or (args.processes > 1 and (args.action != "propagation" or args.device != "cpu")):
        raise RecipeError("processes must be 1, or more for `propagation` with --device cpu.")
    if args.loader_processes < 0 or (args.loader_processes and args.action != "propagation"):
        raise RecipeError("loader-processes must be 0, or more for `propagation`.")
    check_device(args.device)
    half = args.precision == "bf16" and can_bf16(args.device)
    if args.precision == "bf16" and not half:
        _LOG.warning("This device does not multiply bfloat16 natively: training in float32.")
    return TrainingSettings(
        network=args.action,
        data=str(args.data),
        cache=str(args.cache),
        out=str(args.out),
        rendered_data=str(getattr(args, "rendered", None) or ""),
        minutes=minutes,
        steps=args.steps,
        begin=args.begin,
        device=args.device,
        half=half,
        threads=args.threads,
        processes=args.processes,
        loaders=args.loaders,
        loader_processes=args.loader_processes,
        seed=args.seed,
        head_rate=args.head_rate,
        backbone_rate=args.backbone_rate,
        checkpoint_minutes=args.checkpoint_minutes,
        log_every=args.log_every,
        switches=chosen,
        **common,
    )


def run(args: argparse.Namespace) -> None:
    """Runs what `add_arguments` parsed.

    Raises:
        ModelError: something that the user can fix.
        OSError: a file that is missing, or cannot be written.
    """
    from .checkpoint import CHECKPOINT
    from .export import export

    if args.action == "export":
        export(args.checkpoint, args.output, args.network or "")
        return
    if args.action == "pack":
        from .pack import pack

        counts = pack(args.data, args.output, args.weights, args.mebibytes, args.side)
        _LOG.warning("%s: %d pictures, %s.", args.output, sum(counts.values()), counts)
        return
    if args.action == "graphs":
        _write_graphs(args.output)
        return
    from .loop import train

    train(settings_of(args), resume=args.out / CHECKPOINT if args.resume else None, weights=args.weights)


def _write_graphs(folder: Path | None) -> None:
    from ..onnx_export.write import write_all
    from ..registry import FOLDER

    for path in write_all(folder or FOLDER):
        _LOG.warning("%s: %d bytes", path, path.stat().st_size)
    if folder is None:
        from ..onnx_export.check import check_all

        for name, most in check_all():
            _LOG.warning("%s: mattes differ by at most %.1g", name, most)


def main(args: argparse.Namespace) -> int:
    """Runs what `add_arguments` parsed; returns the exit code (0 done, 2 wrong input, 130 interrupted)."""
    try:
        run(args)
    except (ModelError, OSError) as error:
        _LOG.error("%s", error)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="cutout train", description=__doc__)
    add_arguments(_parser)
    sys.exit(main(_parser.parse_args()))
