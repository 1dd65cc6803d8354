"""Defines how a mask is shown over the preview: the colours of each view, as values for the shader. No Blender here.

Colours are linear, as Blender's colour properties and blending are, and premultiplied by alpha, so that the mask's soft
edge blends them without dark seams. A pixel is

    mix(outside, inside, matte), with `line` over it where the matte crosses 0.5

and `outside` is darkened on every second square of a checkerboard, by `squares`.
"""

from __future__ import annotations

from typing import NamedTuple

Colour = tuple[float, float, float]
Premultiplied = tuple[float, float, float, float]

TINT, OUTLINE, CHECKER, GREY = "TINT", "OUTLINE", "CHECKER", "GREY"
PALETTE: tuple[Colour, ...] = (
    (0.05, 0.45, 1.0),
    (1.0, 0.6, 0.1),
    (0.75, 0.2, 0.95),
    (0.1, 0.8, 0.75),
    (1.0, 0.85, 0.1),
    (1.0, 0.35, 0.6),
)
"""Colours of new cutouts, in turn; no green or red, which are the strokes' colours."""
_NOTHING = (0.0, 0.0, 0.0, 0.0)


class MaskLook(NamedTuple):
    """Values for the shader.

    Attributes:
        inside, outside: colours of the mask and of the rest.
        line: colour of the outline.
        reach: half the outline's width, in screen pixels.
        squares: how much darker every second square outside is: 0 = not at all, 1 = black.
    """

    inside: Premultiplied = _NOTHING
    outside: Premultiplied = _NOTHING
    line: Premultiplied = _NOTHING
    reach: float = 1.1
    squares: float = 0.0


def look(view: str, colour: Colour, opacity: float) -> MaskLook:
    """Returns the shader values of a view.

    Args:
        view: TINT, OUTLINE, CHECKER (what is removed is a checkerboard) or GREY (black and white).
        colour: the cutout's.
        opacity: of whatever covers the picture, 0 to 1.
    """
    if view == OUTLINE:
        return MaskLook(line=_covering(colour, min(1.0, 2 * opacity)), reach=1.6)
    if view == CHECKER:
        return MaskLook(outside=_covering((0.32, 0.32, 0.32), opacity), squares=0.58)
    if view == GREY:
        return MaskLook(inside=_covering((1.0, 1.0, 1.0), opacity), outside=_covering((0.0, 0.0, 0.0), opacity))
    bright = (0.5 + colour[0] / 2, 0.5 + colour[1] / 2, 0.5 + colour[2] / 2)
    return MaskLook(inside=_covering(colour, opacity), line=_covering(bright, min(1.0, 2 * opacity)))


def on_screen(colour: Colour) -> Colour:
    """Converts a linear colour to sRGB, as the interface shows it outside of the preview."""
    r, g, b = (12.92 * value if value < 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055 for value in colour)
    return r, g, b


def _covering(colour: Colour, opacity: float) -> Premultiplied:
    return colour[0] * opacity, colour[1] * opacity, colour[2] * opacity, opacity
