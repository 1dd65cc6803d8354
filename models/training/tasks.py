"""The table of all networks, with their tasks for the training loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import automatic_task
from .automatic_task import AutomaticRecipe, AutomaticTask
from .edge_task import EdgeRecipe, EdgeTask
from .propagation_task import PropagationTask
from .recipe import PropagationRecipe, TrainingSettings
from .samples.pool import Pool
from .scribble_task import ScribbleRecipe, ScribbleTask


@dataclass(frozen=True, slots=True)
class Kind:
    """A network's switches, a dataclass with a default for each, and how its task is made from them.

    The second argument of `make`: whether the network starts from weights that others have trained. `pool` opens its
    pictures; None = those that all networks share.
    """

    recipe: type
    make: Callable[[Any, bool], Any]
    pool: Callable[[TrainingSettings], Pool] | None = None


TASKS: dict[str, Kind] = {
    "propagation": Kind(PropagationRecipe, PropagationTask),
    "scribble": Kind(ScribbleRecipe, lambda recipe, imagenet: ScribbleTask(imagenet, recipe)),
    "edge": Kind(EdgeRecipe, lambda recipe, _: EdgeTask(recipe)),
    "automatic": Kind(AutomaticRecipe, lambda recipe, start: AutomaticTask(start, recipe), automatic_task.pool_of),
}
