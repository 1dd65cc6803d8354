"""Refines the edges of a track's mattes; keeps the last details, so that other settings of the same matte are quick."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from ..edges.refine_edge import adjusted, cleaned, find_detail

if TYPE_CHECKING:
    from ..edges.settings import EdgeSettings
    from ..ports import EdgeNet
    from ..types import Image, Map, Matte

_KEPT = 2
"""Details kept: the one that the artist tries settings on, and the one before."""

_Key: TypeAlias = "tuple[object, ...]"


class EdgeFinder:
    """Refines mattes, and remembers what the network found."""

    def __init__(self) -> None:
        self._found: OrderedDict[_Key, Matte] = OrderedDict()

    def alpha(
        self,
        net: EdgeNet | None,
        image: Callable[[], Image],
        matte: Matte,
        settings: EdgeSettings,
        name: object,
        detail: Map | None = None,
        longest: int = 0,
        between: Callable[[], object] = lambda: None,
    ) -> Matte:
        """Returns the alpha of a matte, (H, W) float32 in [0, 1].

        Args:
            net: see `refine_edge`.
            image: returns the picture.
            matte: (H, W) float32 in [0, 1].
            settings: see there.
            name: changes with the picture, the matte, and `detail`.
            detail: see `refine_edge`.
            longest: most pixels of a side: larger pictures are made smaller, and so is the alpha. 0 = full size.
            between: called before each part of the picture that the network looks at; may raise.
        """
        height, width = (max(1, round(side * longest / max(matte.shape))) for side in matte.shape)
        small = 0 < longest < max(matte.shape)
        if small:
            settings = settings.scaled(longest / max(matte.shape))
            matte = np.asarray(cv2.resize(matte, (width, height), interpolation=cv2.INTER_AREA), np.float32)
        matte = cleaned(matte, settings)
        if not settings.detail:
            return adjusted(matte, matte, settings)
        key = (name, matte.shape, settings.width, settings.fill_holes, settings.remove_dots, id(net))
        if key not in self._found:
            picture = image()
            if small:
                picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
            if small and detail is not None:
                detail = np.asarray(cv2.resize(detail, (width, height), interpolation=cv2.INTER_AREA), np.float32)
            paced = _Paced(net, between) if net else None
            self._found[key] = find_detail(paced, picture, matte, settings.width, detail)
        self._found.move_to_end(key)
        while len(self._found) > _KEPT:
            self._found.popitem(last=False)
        return adjusted(matte, self._found[key], settings)


@dataclass(frozen=True, slots=True)
class _Paced:
    """A network that calls a function before each prediction."""

    net: EdgeNet
    between: Callable[[], object]

    def predict(self, image: Image, matte: Matte) -> Matte:
        self.between()
        return self.net.predict(image, matte)
