"""Errors of this package. Each says what is wrong (`text`) and what to do (`hint`)."""

from __future__ import annotations


class ModelError(Exception):
    """Base of the errors of this package; the composition file translates them for the user."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text, hint)
        self.text = text
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.text} {self.hint}".strip()


class WeightsMissing(ModelError):
    """A weight file is not where it should be."""


class WeightsDamaged(ModelError):
    """A weight file is not the one the registry describes, or does not fit the network."""
