"""`cutout train`: the networks' own command line, which is loaded only when it is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import EnvironmentMissing, InputError

if TYPE_CHECKING:
    from .context import Context


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = commands.add_parser(
        "train",
        help="Trains the networks",
        description="Trains the networks and writes their weights.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context, words: Sequence[str]) -> int:
    """Hands the rest of the command line, `words`, to training."""
    try:
        from ..models.training import __main__ as training
    except ImportError as error:
        raise EnvironmentMissing(
            f"Training cannot be loaded ({error}).", "Install the package with its [worker] and [train] groups."
        ) from error
    parser = argparse.ArgumentParser(
        prog="cutout train",
        description="Trains the networks on the data of a folder (stills/ and video-train/), and writes their weights. "
        "Interrupt at any time: --resume goes on from the last checkpoint.",
        epilog="example:\n  cutout train propagation --data data --cache cache --out run --minutes 90\n"
        "  cutout train export run/checkpoint.pt -o propagation.safetensors",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    training.add_arguments(parser)
    try:
        chosen = parser.parse_args(words)
    except SystemExit as end:
        return int(end.code or 0)
    data = getattr(chosen, "data", None)
    if data is not None and not data.is_dir():
        raise InputError(
            f"The data folder {data} does not exist.", "Give the folder that holds stills/ and video-train/."
        )
    return int(training.main(chosen))
