"""Defines the options of an edge's settings, with the settings' own names and bounds."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.edges.bounds import BOUNDS
from ..core.edges.settings import EdgeSettings
from ..core.errors import InputError
from . import arguments

if TYPE_CHECKING:
    from ..core.session.edge_record import EdgeRecord

_HELP = {
    "detail": "share of the picture's own detail in the alpha along the edge",
    "width": "pixels on either side that may be half-transparent; 0 = automatic",
    "grow": "pixels to move the edge outwards (negative: inwards)",
    "feather": "pixels on either side over which to soften the edge",
    "clip_black": "alpha up to this becomes 0",
    "clip_white": "alpha from 1 minus this on becomes 1",
    "smooth": "even out bumps in the outline up to this radius in pixels",
    "fill_holes": "fill holes up to this many pixels across",
    "remove_dots": "remove parts up to this many pixels across",
    "decontaminate": "share of the old background's colour to remove from the edge",
}


_SESSION = (
    "a cutout's folder: use the edge settings that its strips were last written with in Blender; --edge- options that "
    "are given replace them"
)


def add_edge(parser: argparse.ArgumentParser, defaults: EdgeSettings, session_help: str = _SESSION) -> None:
    """Adds an option for each setting, `--edge-detail` and so on, and one for the artist's own."""
    parser.add_argument("--session", type=Path, metavar="FOLDER", help=session_help)
    parser.set_defaults(edge_defaults=defaults)
    for field in fields(EdgeSettings):
        low, high = BOUNDS[field.name]
        standard = getattr(defaults, field.name)
        parser.add_argument(
            f"--edge-{field.name.replace('_', '-')}",
            type=arguments.number(low, high),
            metavar="N",
            help=f"{_HELP[field.name]}, {low:g} to {high:g} (default {standard:g})",
        )


def record_of(args: argparse.Namespace) -> EdgeRecord:
    """Returns the settings that `add_edge` parsed, by clip frame.

    Raises:
        InputError: settings that exclude each other, or a folder without.
        StoreError: the folder's settings cannot be read.
    """
    from ..core.session.edge_record import EdgeRecord, read_edges

    found = read_edges(args.session) if args.session else EdgeRecord((), (args.edge_defaults,))
    return replace(found, settings=tuple(replace(one, **given_edge(args)) for one in found.settings))


def given_edge(args: argparse.Namespace) -> dict[str, float]:
    """Returns the settings that were given as options, by name."""
    return {f.name: value for f in fields(EdgeSettings) if (value := getattr(args, f"edge_{f.name}")) is not None}


def edge_of(args: argparse.Namespace, shrink: float = 0.0) -> EdgeSettings:
    """Returns the settings that `add_edge` parsed, for all frames, with the edge shrunk by further pixels.

    Raises:
        InputError: as of `record_of`; the folder's settings are not the same on all frames.
        StoreError: as of `record_of`.
    """
    found = record_of(args)
    if found.is_keyed or (found.painted and found.settings[0].detail):
        raise InputError(
            "This cutout's edge settings are keyed, or it has strokes of the Detail Brush.",
            "Run `cutout edges` with this --session first, and give its results as --masks.",
        )
    return replace(found.settings[0], grow=found.settings[0].grow - shrink)
