"""Colours as people type them. No imports beyond the errors."""

from __future__ import annotations

import re

from .errors import InputError

NAMES = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "gray": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "orange": (255, 165, 0),
}
_HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def parse_colour(text: str) -> tuple[int, int, int] | None:
    """(red, green, blue) 0 to 255 of "#rrggbb", "#rgb" or a name; None when it is none of these.

    Raises:
        InputError: it begins with # but is no colour.
    """
    if text.startswith("#"):
        match = _HEX.fullmatch(text)
        if not match:
            raise InputError(f"{text} is not a colour.", "Write it as #rrggbb, for instance #00b140.")
        digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
        return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    return NAMES.get(text.lower())
