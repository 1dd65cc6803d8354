"""Switches for making training clips."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...errors import ModelError


class RecipeError(ModelError):
    """Raised for an unknown switch or an invalid value; one line that says what is possible."""


def switch(default: Any, text: str) -> Any:
    """Returns a dataclass field that is a switch: its default value, and its `--help` text."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class ClipRecipe:
    """How clips are made. Shares are probabilities, per clip unless stated otherwise."""

    far_anchors: float = switch(0.4, "share of video clips whose first frame is anywhere, the others near each other")
    rendered: float = switch(0.0, "share of video clips taken from the rendered ones, see --rendered")
    pseudo_instances: float = switch(0.4, "share of still clips with one object, split by image processing")
    bend: float = switch(0.035, "largest bend (standard deviation), in object sides")
    colour: float = switch(1.0, "strength of changes of colour")
    background: float = switch(0.4, "share of still clips whose object lies on another picture")
    paste: float = switch(0.35, "share of still clips with something in front; of video clips 3/7 of that")
    twin: float = switch(0.4, "share of things in front that look just like the object")
    soften: float = switch(0.5, "share of clips with frames that are blurred or noisy")
    motion_blur: float = switch(0.25, "share of clips blurred along the object's motion")
    compression: float = switch(0.25, "share of clips with compression artefacts")
