"""Names of the graphs, which are next to the weight files that they read."""

from __future__ import annotations

RECALL = "recall.onnx"
"""The graph that reads memory; it has no weights."""
WEIGHTS_MARK = "weights"
"""Metadata of a graph: SHA-256 of the weight file that it reads."""


def graph_name(weights: str, part: str) -> str:
    """Returns the file name of a part of a network."""
    return f"{weights}.{part}.onnx"
