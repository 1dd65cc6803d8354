"""What a run is told: where things are, how long it may take, and what holds for every network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .recipe import RecipeError, switch

PLACES = ("data", "cache", "out")
"""Settings that say where something is and not what is done."""


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
class Settings(LoopRecipe):
    """Everything that shapes a run; goes into the checkpoint as the recipe."""

    network: str
    data: str
    cache: str
    out: str
    minutes: float = 60.0
    steps: int = 0  # 0: no limit but the clock
    begin: float = 0.0  # where in the schedule to start: more than 0 with weights that are trained already
    head_rate: float = 6e-4
    backbone_rate: float = 1.5e-4
    seed: int = 1
    device: str = "cpu"
    half: bool = True  # bfloat16 autocast, where the device has it
    threads: int = 1
    processes: int = 1  # that train together, each with its own clips
    loaders: int = -1  # threads that make batches ahead; -1: none on the CPU, else two
    checkpoint_minutes: float = 5.0
    log_every: int = 20
    switches: Mapping[str, Any] = field(default_factory=dict)  # of the network's own recipe, where not the default

    def recipe(self) -> dict[str, Any]:
        """Returns all but the places, as plain values."""
        return {name: value for name, value in asdict(self).items() if name not in PLACES}

    def changed_from(self, recipe: Mapping[str, Any]) -> list[str]:
        """Returns the names of what differs from another run's recipe, of all that changes what a run does."""
        free = {*PLACES, "threads", "loaders", "checkpoint_minutes", "device", "half"}
        own = self.recipe()
        return [
            f.name for f in fields(self) if f.name not in free and f.name in recipe and own[f.name] != recipe[f.name]
        ]
