"""Draws measurements with matplotlib, without a screen; picture files are complete or missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import EnvironmentMissing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(width: float, height: float) -> Figure:
    """Returns an empty figure; `width` and `height` are in inches of 100 pixels.

    Raises:
        EnvironmentMissing: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise EnvironmentMissing(
            f"The picture cannot be drawn ({error}).",
            "Install matplotlib (the package's [train] group has it), or leave --picture out.",
        ) from error
    made = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(made)
    return made


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG."""
    part = path.with_name(path.name + ".part")
    figure.savefig(part, format="png")
    os.replace(part, path)
