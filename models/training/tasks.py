"""What the loop needs of a network to train it, and the table of all networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .fusion import FusionTask
from .propagation import PropagationTask
from .recipe import NoRecipe, PropagationRecipe
from .scribble import ScribbleRecipe, ScribbleTask


@dataclass(frozen=True, slots=True)
class Kind:
    """A network's switches, a dataclass with a default for each, and how its task is made from them."""

    recipe: type
    make: Callable[[Any], Any]


TASKS: dict[str, Kind] = {
    "propagation": Kind(PropagationRecipe, PropagationTask),
    "scribble": Kind(ScribbleRecipe, lambda recipe: ScribbleTask(options=recipe)),
    "fusion": Kind(NoRecipe, lambda _: FusionTask()),
}
