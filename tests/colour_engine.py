"""Returns an engine that segments by colour under a real tier's name; loads nothing that only tests need."""

from __future__ import annotations

from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet
from blender_cutout.core.propagation.settings import PropagationSettings


def colour_engine(weights_id: str = "colour") -> Engine:
    settings = EngineSettings(96, PropagationSettings(working_px=96))
    return Engine(FakeScribbleNet(), FakePropagationNet(), settings, tier="quick", weights_id=weights_id)
