"""Runs `cutout study`: repeatable measurements for developers."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError

if TYPE_CHECKING:
    from .context import Context

STUDIES = ("corrections", "cuts", "edges", "guesses", "interactive", "modes", "recomputing", "stability")


def add_parser(commands: Any) -> None:
    """Adds the sub-command; the study's own parser reads the arguments after it."""
    text = f"A measurement for developers: {', '.join(STUDIES)}. Each has its own --help."
    parser = commands.add_parser("study", help="Runs a study of quality", description=text)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context, words: Sequence[str]) -> int:
    """Runs the study named by the first word; returns its exit code.

    Raises:
        InputError: there is no such study.
    """
    del args, context
    if not words or words[0] not in STUDIES:
        given = f"There is no study {words[0]!r}." if words else "Which study?"
        raise InputError(given, f"Give one of: {', '.join(STUDIES)}.")
    study = importlib.import_module(f"..studies.{words[0]}", f"{__package__}.study")
    return int(study.main(list(words[1:])))
