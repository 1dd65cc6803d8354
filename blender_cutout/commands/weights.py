"""Runs `cutout weights`: lists published networks, and fetches the weights of one on request."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from . import arguments

if TYPE_CHECKING:
    from ..core.tiers.published import Published
    from .context import Context

FETCH = "fetch"


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "weights",
        run,
        "Lists the published networks that can serve as tiers, their authors and licences, and what each still needs. "
        "With fetch NAME, downloads the weights of one from its authors' release; an interrupted download continues "
        "where it ended.",
        "cutout weights fetch cutie",
    )
    parser.add_argument("action", nargs="?", choices=[FETCH], help="download the weights of a network")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the network, such as cutie")
    parser.add_argument("--file", type=Path, metavar="PATH", help="take this file, that you already have, instead")


def run(args: argparse.Namespace, context: Context) -> int:
    """Lists the networks, or fetches the weights of one."""
    from ..core.tiers.published import PUBLISHED
    from ..environment.weight_files import find_network, lacks

    if args.action == FETCH:
        if args.name is None:
            raise InputError("No network is named.", f"Choose one of: {', '.join(PUBLISHED)}.")
        return _fetch(find_network(args.name), args.file, context)
    for network in PUBLISHED.values():
        steps = lacks(network)
        context.report.event("network", **network._asdict(), lacks=steps)
        context.report.say(f"{network.name}: {network.credit}; {network.paper}")
        for step in steps or [f"Ready: --tier {network.name}"]:
            context.report.say(f"  {step}")
    return 0


def _fetch(network: Published, file: Path | None, context: Context) -> int:
    from ..environment import weight_fetch, weight_files

    context.report.say(f"Weights of {network.credit}")
    if file is not None:
        path = weight_files.take(network, file)
    else:
        with _Bar(network.file) as bar:
            path = weight_fetch.fetch(network, bar.show)
    context.report.event("weights", name=network.name, path=str(path))
    context.report.say(str(path))
    for step in weight_files.lacks(network):
        context.report.say(step)
    return 0


class _Bar:
    """A progress bar of bytes on standard error, if that is a terminal."""

    def __init__(self, label: str) -> None:
        self._bar: Any = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(desc=label, unit="B", unit_scale=True, file=sys.stderr, leave=False, dynamic_ncols=True)

    def show(self, here: int, total: int | None) -> None:
        """Shows how much is here."""
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(here - self._bar.n)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
