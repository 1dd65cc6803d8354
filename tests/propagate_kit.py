"""Helpers for tests of propagation: a run with the fake network, and the quality of its mattes."""

from __future__ import annotations

from blender_cutout.core.fakes import FakePropagationNet, iou
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.propagation.propagate import propagate
from blender_cutout.core.propagation.settings import PropagationSettings

SETTINGS = PropagationSettings(working_px=128, memory_every=3, budget=6)


def run(clip, keyframes, net=None, settings=SETTINGS, **options):
    """Returns all results, frame -> (matte, kind); fails when a frame comes twice, except pending ones."""
    out = {}
    for frame, matte, kind in propagate(net or FakePropagationNet(), clip, keyframes, settings=settings, **options):
        assert frame not in out
        if kind is MatteKind.PENDING:
            continue
        out[frame] = (matte, kind)
    return out


def worst_iou(results, clip) -> float:
    return min(iou(matte, clip.matte(f) if matte.ndim == 2 else clip.mattes(f)) for f, (matte, _) in results.items())
