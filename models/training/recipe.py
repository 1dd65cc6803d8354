"""Settings of a run of the propagation network: every part of it is a switch, so that each can be measured alone.

A share or a strength of 0 switches its part off. `chosen` reads them as `name=value` from the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .samples.clip_recipe import ClipRecipe, RecipeError, switch

_SHARES = (
    *(
        "far_anchors",
        "rendered",
        "pseudo_instances",
        "background",
        "paste",
        "twin",
        "soften",
        "motion_blur",
        "compression",
    ),
    *("hint", "video", "video_begin", "two_objects", "three_objects", "long_clips", "long_from"),
)


@dataclass(frozen=True, slots=True)
class PropagationRecipe(ClipRecipe):
    """All switches of the propagation network's training."""

    network_size: str = switch("small", "small or large")
    similarity: str = switch("l2", "l2 (STCN) or dot (STM)")
    top_k: int = switch(20, "matches kept for every place; 0 keeps all")
    frozen: int = switch(0, "first blocks of both trunks that stay as they are, with their stems; for trained weights")
    auxiliary: float = switch(0.2, "weight of the auxiliary decoder's loss; 0 trains without one")
    hint: float = switch(0.8, "share of frames that are shown the mattes of the frame before")
    video: float = switch(0.55, "share of clips of real video at the end of the schedule; 0 trains on stills only")
    video_begin: float = switch(0.2, "the same at the start, if `video` is not less")
    two_objects: float = switch(0.2, "share of batches with two objects or three")
    three_objects: float = switch(0.05, "share of batches with three")
    frames: int = switch(3, "frames of a clip")
    long_clips: float = switch(0.5, "share of batches with longer clips once `long_from` of the schedule is over")
    long_from: float = switch(0.5, "see `long_clips`")
    long_frames: tuple[int, ...] = switch((4, 5), "lengths of longer clips")
    sizes: tuple[int, ...] = switch((224, 288, 384), "sides of crops in pixels, multiples of 16")
    clips: tuple[int, ...] = switch(
        (4, 3, 2), "clips of a batch at every size; fewer where they are longer or of two objects"
    )
    shares_begin: tuple[float, ...] = switch((0.9, 0.06, 0.04), "shares of the sizes at the start")
    shares_end: tuple[float, ...] = switch((0.35, 0.3, 0.35), "shares of the sizes at the end")

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"{name} is a share, from 0 to 1, not {getattr(self, name)}.")
        if not len(self.sizes) == len(self.clips) == len(self.shares_begin) == len(self.shares_end):
            raise RecipeError("sizes, clips, shares_begin and shares_end must have the same length.")
        if any(size % 16 or size < 32 for size in self.sizes):
            raise RecipeError("sizes must be multiples of 16, at least 32.")
        if min(self.frames, *self.long_frames) < 2:
            raise RecipeError("frames and long_frames must be at least 2.")
        if not 0 <= self.frozen <= 5:
            raise RecipeError(f"frozen is a number of blocks, 0 to 5, not {self.frozen}.")
        for name, known in (("network_size", ("small", "large")), ("similarity", ("l2", "dot"))):
            if getattr(self, name) not in known:
                raise RecipeError(f"{name} must be {' or '.join(known)}, not {getattr(self, name)}.")


def parsed(kinds: Sequence[type], words: Sequence[str]) -> dict[str, Any]:
    """Returns the values in `name=value` words, typed as the fields with default values of the dataclasses `kinds`.

    Raises:
        RecipeError: an unknown name, or a value that is not of the field's type.
    """
    known: dict[str, Any] = {f.name: f.default for kind in kinds for f in fields(kind)}
    out: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name not in known or not equals:
            raise RecipeError(f"{word!r} is not a switch; use one of these: {', '.join(sorted(known)) or 'none'}.")
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


PLACES = ("data", "cache", "out", "rendered_data")
"""Settings that only say where something is."""


@dataclass(frozen=True, slots=True)
class LoopRecipe:
    """Switches that every network's training has."""

    average: float = switch(0.998, "decay of the moving average of the weights; 0 exports the weights as they are")
    weight_decay: float = switch(0.01, "of the optimiser")
    clip_norm: float = switch(3.0, "largest norm of the gradient")
    hardest: float = switch(0.25, "share of hardest pixels that count in the end (STCN); 1 counts all")
    group_weights: tuple[float, ...] = switch((1.0, 0.7, 0.4), "weights in the loss of accuracy groups 1, 2 and 3")

    def __post_init__(self) -> None:
        if len(self.group_weights) != 3 or not 0 < self.hardest <= 1 or not 0 <= self.average < 1:
            raise RecipeError("group_weights are three numbers, hardest lies in (0, 1], average in [0, 1).")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings(LoopRecipe):
    """Everything that shapes a run; goes into the checkpoint as the recipe."""

    network: str
    data: str
    cache: str
    out: str
    rendered_data: str = ""  # folder of rendered clips; "": what the cache holds
    minutes: float = 60.0
    steps: int = 0  # 0: no limit but the clock
    begin: float = 0.0  # where in the schedule to start: more than 0 with weights that are already trained
    head_rate: float = 6e-4
    backbone_rate: float = 1.5e-4
    seed: int = 1
    device: str = "cpu"
    half: bool = True  # bfloat16 autocast, where the device has it
    threads: int = 1
    processes: int = 1  # number that train together, each with its own clips
    loaders: int = -1  # threads that make batches ahead; -1: none on the CPU, else two
    loader_processes: int = 0  # processes that make them instead
    checkpoint_minutes: float = 5.0
    log_every: int = 20
    switches: Mapping[str, Any] = field(default_factory=dict)  # of the network's own recipe, unless the default

    def recipe(self) -> dict[str, Any]:
        """Returns all settings except paths, as plain values."""
        return {name: value for name, value in asdict(self).items() if name not in PLACES}

    def changed_from(self, recipe: Mapping[str, Any]) -> list[str]:
        """Returns the names of settings that differ from another run's recipe and affect what a run does."""
        free = {*PLACES, "threads", "loaders", "loader_processes", "checkpoint_minutes", "device", "half"}
        own = self.recipe()
        return [
            f.name for f in fields(self) if f.name not in free and f.name in recipe and own[f.name] != recipe[f.name]
        ]
