"""Decides which library runs the networks in this process: PyTorch or ONNX Runtime. Standard library only."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import InputError

VARIABLE = "CUTOUT_ENGINE"
"""Environment variable: auto, torch or onnx."""
AUTO, TORCH, ONNX = "auto", "torch", "onnx"
NAMES = (AUTO, TORCH, ONNX)


def chosen_library(wanted: str = AUTO) -> str:
    """Returns torch or onnx: what is wanted, else what CUTOUT_ENGINE says, else torch if it is installed, else onnx.

    Raises:
        InputError: there is no such library.
    """
    for name, place in ((wanted, "--engine"), (os.environ.get(VARIABLE) or AUTO, VARIABLE)):
        if name not in NAMES:
            raise InputError(f"There is no engine {name!r} ({place}).", f"Choose one of: {', '.join(NAMES)}.")
        if name != AUTO:
            return name
    return TORCH if importlib.util.find_spec("torch") is not None else ONNX


@contextmanager
def preferred(wanted: str) -> Iterator[None]:
    """Makes `wanted` the choice of this process and of those that it starts; auto changes nothing."""
    before = os.environ.get(VARIABLE)
    if wanted != AUTO:
        os.environ[VARIABLE] = wanted
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
