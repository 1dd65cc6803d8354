"""Settings of a propagation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class PropagationSettings:
    """What a tier fixes for propagation.

    Attributes:
        working_px: the network sees about this many pixels squared; of several objects, in one crop, more pixels, see
            `for_objects`.
        memory_every: every n-th frame of a pass stays in memory.
        budget: largest number of remembered frames.
        megabytes: what remembered frames may take of the device's memory; fewer are remembered where they are large.
        follow: a crop follows the object; False = the whole picture at each frame.
        crop_factor: side of that crop over longer side of the object's box. Measured with early weights on the first
            24 frames of three development clips: J&F 0.717 at 1.6, 0.707 at 2.0.
        growth: of several objects the network sees at most so many times the pixels of one object's crop.
        fusion_net: old and new results are fused with the fusion network, if there is one; False = by formula alone.
    """

    working_px: int = 384
    memory_every: int = 5
    budget: int = 12
    megabytes: float = math.inf
    follow: bool = True
    crop_factor: float = 1.6
    growth: float = 1.3
    fusion_net: bool = True

    def for_objects(self, count: int) -> PropagationSettings:
        """The settings for several objects at once: their common crop is larger, so the network sees more of it.

        The pixels grow with the number of objects, up to `growth`. What that buys: four films side by side in a picture
        of 854 x 480, an object in each (tier standard, the means of two stretches of 16 frames), mean J 0.821 at 1.2,
        0.834 at 1.3, 0.839 at 1.5, 0.874 at 4 (with wider windows), and 0.884 for each alone. What it costs:
        `cutout bench --objects 4`. The rule is that four take no more than 1.4 times as long as one: a finer tier, or
        one by one, is there for those who can wait.
        """
        return replace(self, working_px=round(self.working_px * min(count, max(1.0, self.growth)) ** 0.5))
