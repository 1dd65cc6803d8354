"""The table of all networks, with their tasks for the training loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .edge_task import EdgeRecipe, EdgeTask
from .propagation_task import PropagationTask
from .recipe import PropagationRecipe
from .scribble_task import ScribbleRecipe, ScribbleTask


@dataclass(frozen=True, slots=True)
class Kind:
    """A network's switches, a dataclass with a default for each, and how its task is made from them.

    The second argument of `make`: whether the network starts from ImageNet weights.
    """

    recipe: type
    make: Callable[[Any, bool], Any]


TASKS: dict[str, Kind] = {
    "propagation": Kind(PropagationRecipe, PropagationTask),
    "scribble": Kind(ScribbleRecipe, lambda recipe, imagenet: ScribbleTask(imagenet, recipe)),
    "edge": Kind(EdgeRecipe, lambda recipe, _: EdgeTask(recipe)),
}
