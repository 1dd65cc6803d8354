"""Exports every network of the registry and writes its graphs."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import onnx
import torch
from torch import Tensor, nn

from .. import registry
from ..errors import WeightsDamaged
from ..networks.automatic_net import AutomaticNet
from ..networks.edge_net import EdgeNet
from ..networks.encoders import CHANNELS
from ..networks.propagation_net import KEY_CHANNELS, STRIDE, VALUE_CHANNELS, PropagationNet
from ..networks.scribble_to_mask import ScribbleToMask
from ..onnx_inference.files import RECALL, WEIGHTS_MARK, graph_name
from . import graphs
from .parts import AutomaticPart, DecodePart, EdgePart, KeyPart, ScribblePart, ValuePart

ROWS, COLUMNS, OBJECTS = 5, 7, 3
"""Size of the examples, in places; every one differs, so that no graph can take one size for another."""


class Part(NamedTuple):
    """One graph: its module, a fresh example of each input, names of the outputs, and whether sizes of axis 0 vary."""

    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    several: tuple[str, ...] = ()


def write_all(folder: Path, names: Sequence[str] = ()) -> Iterator[Path]:
    """Writes the graphs of these weights (none named: all) into a folder; yields each path.

    They refer to the weight files by name, so that they work only next to them.

    Raises:
        WeightsMissing, WeightsDamaged: a weight file is absent, not the registry's, or of a kind that has no graph.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or registry.WEIGHTS:
        entry = registry.find_entry(name)
        weights = registry.weight_path(entry)
        for part, made in _parts(entry).items():
            graph = graphs.without_weights(_exported(made), weights, "net.", {WEIGHTS_MARK: entry.sha256})
            yield _written(graph, folder / graph_name(name, part))
    top_k = PropagationNet().top_k
    assert top_k is not None
    yield _written(graphs.recall_graph(KEY_CHANNELS, top_k, {}), folder / RECALL)


def _written(graph: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(graph.SerializeToString(deterministic=True))
    return path


def _parts(entry: registry.WeightEntry) -> dict[str, Part]:
    """Returns the parts of an entry's network by name, with its weights."""
    if entry.network == "PropagationNet" and entry.similarity != "dot":
        raise WeightsDamaged(f"The weights {entry.name} compare keys by {entry.similarity}; graphs do by dot product.")
    make: dict[str, Callable[[], nn.Module]] = {
        "ScribbleToMask": ScribbleToMask,
        "PropagationNet": lambda: PropagationNet(size=entry.size, similarity=entry.similarity),
        "EdgeNet": EdgeNet,
        "AutomaticNet": AutomaticNet,
    }
    network = make[entry.network]()
    registry.load_weights(entry, network)
    network.eval()
    if isinstance(network, ScribbleToMask):
        inputs = {"image": _picture(1), **{name: _maps(1, 1) for name in ("previous", "keep", "remove")}}
        return {"matte": Part(ScribblePart(network), inputs, ("matte",))}
    if isinstance(network, AutomaticNet):
        return {"find": Part(AutomaticPart(network), {"image": _picture(2)}, ("mattes",), ("image",))}
    if isinstance(network, EdgeNet):
        seen = {"seen": _maps(1, 23, STRIDE // 2), "matte": _maps(1, 1)}
        return {"alpha": Part(EdgePart(network), seen, ("alpha",))}
    assert isinstance(network, PropagationNet)
    decode = {
        "readout": _maps(OBJECTS, VALUE_CHANNELS, 1),
        "previous": _maps(OBJECTS, 2),
        "thin": _maps(1, VALUE_CHANNELS, 1),
        **{f"f{stride}": _maps(1, CHANNELS[stride], STRIDE // stride) for stride in (8, 4, 2)},
    }
    value = {"image": _picture(OBJECTS), "masks": _maps(OBJECTS, 2), "f16": _maps(OBJECTS, CHANNELS[16], 1)}
    return {
        "key": Part(KeyPart(network), {"image": _picture(1)}, ("key", "thin", "f16", "f8", "f4", "f2")),
        "value": Part(ValuePart(network), value, ("value",), tuple(value)),
        "decode": Part(DecodePart(network), decode, ("logits",), ("readout", "previous")),
    }


def _picture(count: int) -> Tensor:
    return 255.0 * _maps(count, 3)


def _maps(count: int, channels: int, scale: int = STRIDE) -> Tensor:
    """Returns an example of its own: the exporter takes two inputs that are one tensor for one input."""
    return torch.rand(count, channels, scale * ROWS, scale * COLUMNS)


def _exported(part: Part) -> onnx.ModelProto:
    """Returns what PyTorch makes of a part, with its norms.

    By the older exporter: the newer one needs one more package and minutes instead of seconds for the same graph.
    """
    axes = {
        name: {axis: f"{name}_{axis}" for axis in ((0, 2, 3) if name in part.several else (2, 3))}
        for name in part.inputs
    }
    out = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            part.module.eval(),
            tuple(part.inputs.values()),
            out,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=graphs.OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,  # else norms are merged into convolutions
            do_constant_folding=False,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            dynamic_axes=axes,
        )
    return onnx.load_from_string(out.getvalue())
