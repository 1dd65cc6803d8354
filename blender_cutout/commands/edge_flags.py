"""Defines the options of an edge's settings, with the settings' own names and bounds."""

from __future__ import annotations

import argparse
from dataclasses import fields

from ..core.edges.settings import BOUNDS, EdgeSettings
from . import arguments

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


def add_edge(parser: argparse.ArgumentParser, defaults: EdgeSettings) -> None:
    """Adds an option for each setting, `--edge-detail` and so on."""
    for field in fields(EdgeSettings):
        low, high = BOUNDS[field.name]
        standard = getattr(defaults, field.name)
        parser.add_argument(
            f"--edge-{field.name.replace('_', '-')}",
            type=arguments.number(low, high),
            default=standard,
            metavar="N",
            help=f"{_HELP[field.name]}, {low:g} to {high:g} (default {standard:g})",
        )


def edge_of(args: argparse.Namespace, shrink: float = 0.0) -> EdgeSettings:
    """Returns the settings that `add_edge` parsed, with the edge shrunk by further pixels.

    Raises:
        InputError: settings that exclude each other.
    """
    given = {field.name: getattr(args, f"edge_{field.name}") for field in fields(EdgeSettings)}
    given["grow"] -= shrink
    return EdgeSettings(**given)
