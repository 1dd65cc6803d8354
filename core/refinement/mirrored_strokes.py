"""A stroke network that looks at everything twice, the second time flipped left to right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import ScribbleNet
    from ..types import Image, Map, Matte


class MirroredStrokes:
    """Implements `ScribbleNet`; the mean of both answers follows strokes more closely, for twice the time.

    See docs/experiments.md, "Strokes and foreground". The first guess stays the network's own: `refine.foreground`
    mirrors it in any tier.
    """

    def __init__(self, net: ScribbleNet) -> None:
        self._net = net

    def predict(self, image: Image, previous: Matte, keep: Map, remove: Map) -> Matte:
        """See `ScribbleNet`."""
        plain = self._net.predict(image, previous, keep, remove)
        mirrored = self._net.predict(_flipped(image), _flipped(previous), _flipped(keep), _flipped(remove))
        return np.asarray((plain + mirrored[:, ::-1]) * np.float32(0.5))

    def foreground(self, image: Image) -> Matte:
        """See `ScribbleNet`."""
        return self._net.foreground(image)


def _flipped(picture: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(picture[:, ::-1])
