"""What shapes a run of the propagation network: every part of it is a switch, so that each can be measured alone.

A share or a strength of 0 switches its part off. `chosen` reads them as `name=value` from the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any


class RecipeError(ValueError):
    """A switch that does not exist, or a value that it cannot take; one line that says what can be given."""


@dataclass(frozen=True, slots=True)
class NoRecipe:
    """For networks that have no switches of their own."""


@dataclass(frozen=True, slots=True)
class ClipRecipe:
    """How clips are made. Shares are probabilities, of clips where nothing else is said."""

    far_anchors: float = 0.4
    """Share of video clips whose first frame is anywhere in the sequence, the others near each other."""
    pseudo_instances: float = 0.4
    """Share of still clips of two objects that are one object, split by image processing."""
    bend: float = 0.035
    """Largest bend (standard deviation), in object sides."""
    colour: float = 1.0
    """Strength of changes of colour."""
    background: float = 0.4
    """Share of still clips whose object lies on another picture."""
    paste: float = 0.35
    """Share of still clips with something in front of the object; of video clips 3/7 of that."""
    twin: float = 0.4
    """Share of things in front that look just like the object."""
    soften: float = 0.5
    """Share of clips with frames that are blurred or noisy."""
    motion_blur: float = 0.25
    """Share of clips blurred along the object's motion."""
    compression: float = 0.25
    """Share of clips with the traces of compression."""


@dataclass(frozen=True, slots=True)
class PropagationRecipe(ClipRecipe):
    """All switches of the propagation network's training."""

    network_size: str = "small"
    """small or large."""
    similarity: str = "l2"
    """l2 (STCN) or dot (STM)."""
    top_k: int = 20
    """Matches kept for every place; 0 keeps all."""
    auxiliary: float = 0.2
    """Weight of the auxiliary decoder's loss; 0 trains without one."""
    hint: float = 0.8
    """Share of frames that are shown the mattes of the frame before."""
    video: float = 0.55
    """Share of clips of real video at the end of the schedule; 0 trains on stills only."""
    video_begin: float = 0.2
    """The same at the begin, where `video` is not less."""
    two_objects: float = 0.2
    """Share of batches with two objects."""
    frames: int = 3
    """Frames of a clip."""
    long_clips: float = 0.5
    """Share of batches with longer clips once `long_from` of the schedule is over."""
    long_from: float = 0.5
    """See `long_clips`."""
    long_frames: tuple[int, ...] = (4, 5)
    """Lengths of longer clips."""
    sizes: tuple[int, ...] = (224, 288, 384)
    """Sides of crops in pixels, multiples of 16."""
    clips: tuple[int, ...] = (4, 3, 2)
    """Clips of a batch at every size, for `frames` frames of one object; fewer where clips cost more."""
    shares_begin: tuple[float, ...] = (0.9, 0.06, 0.04)
    """Shares of the sizes at the begin."""
    shares_end: tuple[float, ...] = (0.35, 0.3, 0.35)
    """Shares of the sizes at the end."""

    def __post_init__(self) -> None:
        if not len(self.sizes) == len(self.clips) == len(self.shares_begin) == len(self.shares_end):
            raise RecipeError("sizes, clips, shares_begin and shares_end must have the same length.")
        if any(size % 16 or size < 32 for size in self.sizes):
            raise RecipeError("sizes must be multiples of 16 from 32 on.")
        if min(self.frames, *self.long_frames) < 2:
            raise RecipeError("frames and long_frames must be at least 2.")
        for name, known in (("network_size", ("small", "large")), ("similarity", ("l2", "dot"))):
            if getattr(self, name) not in known:
                raise RecipeError(f"{name} must be {' or '.join(known)}, not {getattr(self, name)}.")


def parsed(kinds: Sequence[type], words: Sequence[str]) -> dict[str, Any]:
    """Returns what `name=value` words say, typed as the fields with default values of the dataclasses `kinds`.

    Raises:
        RecipeError: a name that no field has, or a value that is not of the field's type.
    """
    known = {f.name: f.default for kind in kinds for f in fields(kind)}
    out: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name not in known or not equals:
            raise RecipeError(f"{word!r} is no switch; name=value with one of: {', '.join(sorted(known)) or 'none'}.")
        default = known[name]
        try:
            if isinstance(default, tuple):
                out[name] = tuple(type(default[0])(part) for part in text.split(","))
            else:
                out[name] = type(default)(text)
        except ValueError:
            shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
            raise RecipeError(f"{word!r}: {name} takes a value like {shown}.") from None
    return out
