"""The artist's settings for refining an edge, checked against bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from .bounds import BOUNDS

if TYPE_CHECKING:
    from ..types import Stroke

_IN_PIXELS = ("width", "grow", "feather", "smooth", "fill_holes", "remove_dots")


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """Settings of an edge; with all at 0 the matte stays as it is, bit for bit. Pixels are those of the picture.

    Attributes:
        detail: share of the alpha that the picture shows along the edge, 0 (the matte's own) to 1.
        width: pixels on either side of the edge in which alpha may be between 0 and 1; 0 = automatic, by how unsure the
            matte is there. Without effect when `detail` is 0.
        grow: pixels by which the edge moves outwards; inwards when negative; fractions count.
        feather: pixels on either side over which the edge is softened, about.
        clip_black: alpha up to this becomes 0, the rest is stretched.
        clip_white: alpha from 1 minus this on becomes 1, the rest is stretched.
        smooth: radius in pixels of the bumps and dents of the outline that are evened out.
        fill_holes: holes up to this many pixels across are filled.
        remove_dots: parts up to this many pixels across are removed.
        decontaminate: share of the old background's colour that is removed from half-transparent pixels.

    Raises:
        InputError: a value is out of bounds, or not a number.
    """

    detail: float = 1.0
    width: float = 0.0
    grow: float = 0.0
    feather: float = 0.0
    clip_black: float = 0.0
    clip_white: float = 0.0
    smooth: float = 0.0
    fill_holes: float = 0.0
    remove_dots: float = 0.0
    decontaminate: float = 1.0

    def __post_init__(self) -> None:
        for one in fields(self):
            _check(one.name, getattr(self, one.name))
        if self.clip_black + self.clip_white > 0.99:
            raise InputError(
                f"Clip black {self.clip_black:g} and clip white {self.clip_white:g} leave nothing between them.",
                "Together they may be 0.99 at most.",
            )

    @classmethod
    def from_json(cls, record: Any) -> EdgeSettings:
        """Returns the settings of a JSON object; those it leaves out are 0. Raises InputError for anything else."""
        if not isinstance(record, dict) or not record.keys() <= BOUNDS.keys():
            raise InputError(
                "The edge settings are not understood.", "Install the same version of the add-on and of its engine."
            )
        return cls(**{**dict.fromkeys(BOUNDS, 0.0), **record})

    def to_json(self) -> dict[str, float]:
        """Returns the settings that are not 0, by name."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}

    def scaled(self, factor: float) -> EdgeSettings:
        """Returns the settings for a picture that is scaled by that factor, at most 1."""
        return replace(self, **{name: getattr(self, name) * factor for name in _IN_PIXELS})

    @property
    def is_neutral(self) -> bool:
        """Returns True if nothing changes alpha or colour."""
        return not self.changes_alpha and self.decontaminate == 0

    @property
    def changes_alpha(self) -> bool:
        """Returns True if any setting but `decontaminate` and `width` is not 0."""
        return any(getattr(self, f.name) != 0 for f in fields(self) if f.name not in ("width", "decontaminate"))


def _check(name: str, value: Any) -> None:
    low, high = BOUNDS[name]
    label = name.replace("_", " ")
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:  # NaN too
        raise InputError(f"The edge's {label} cannot be {_shown(value)}.", f"Use a number from {low:g} to {high:g}.")


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else f"a {type(value).__name__}"


UNCHANGED = EdgeSettings(detail=0.0, decontaminate=0.0)
"""Leaves alpha and colours as they are."""


class EdgePlan(NamedTuple):
    """The edge settings of one object over the pictures to write.

    Attributes:
        settings: for each picture in order; a single one is for all of them.
        painted: strokes of the Detail Brush, see `core.edges.detail_map`.
    """

    settings: tuple[EdgeSettings, ...] = (UNCHANGED,)
    painted: Mapping[int, Sequence[Stroke]] = MappingProxyType({})

    @classmethod
    def from_json(cls, records: Any, pictures: int, painted: Mapping[int, Sequence[Stroke]] | None = None) -> EdgePlan:
        """Returns the plan of a list of JSON objects: none (nothing changes), one, or one for each picture.

        Raises:
            InputError: there are more or fewer, or one is not settings.
        """
        if len(records) not in (0, 1, pictures):
            raise InputError(
                f"There are edge settings for {len(records)} of {pictures} pictures.", "Write the strips again."
            )
        return cls(tuple(map(EdgeSettings.from_json, records)) or (UNCHANGED,), painted or {})

    def at(self, picture: int) -> EdgeSettings:
        """Returns the settings of a picture, counted from 0."""
        return self.settings[picture if len(self.settings) > 1 else 0]
