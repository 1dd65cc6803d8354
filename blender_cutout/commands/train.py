"""Runs `cutout train`: the networks' own command line, loaded only on demand."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

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
    """Passes the rest of the command line, `words`, to training."""
    try:
        from ..models.errors import ModelError
        from ..models.training import __main__ as training
    except ImportError as error:
        raise EnvironmentMissing(
            f"Training cannot be loaded ({error}).", "Install the package with its [worker] and [train] groups."
        ) from error
    parser = _Parser(
        prog="cutout train",
        description="Trains the networks on the data of a folder (stills/ and video-train/), and writes their weights. "
        "Interrupt at any time: --resume continues from the last checkpoint.",
        epilog="example:\n  cutout train propagation --data data --cache cache --out run --minutes 90\n"
        "  cutout train export run/last.pt -o propagation.safetensors",
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
            f"The data folder {data} does not exist.", "Give the folder that contains stills/ and video-train/."
        )
    try:
        training.run(chosen)
    except ModelError as error:
        raise InputError(error.text, error.hint) from error
    except OSError as error:
        raise InputError(str(error)) from error
    return 0


class _Parser(argparse.ArgumentParser):
    """Reports usage errors in one line, like the other commands; its sub-parsers use the same class."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")
