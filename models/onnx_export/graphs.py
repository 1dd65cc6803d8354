"""Turns what PyTorch exports into graphs that hold no weights: these stay in the released safetensors file.

ONNX lets a tensor lie in another file, at an offset. The graph reads the released halves there and casts them to 32
bits, so that there is one copy of every weight, and it is the exact one. This needs norms that are not yet merged into
convolutions, because merged weights are not halves; ONNX Runtime merges them when it loads the graph.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import onnx
from onnx import TensorProto, helper

from ..errors import WeightsDamaged

OPSET, IR_VERSION = 17, 8
KINDS = {"F16": (TensorProto.FLOAT16, 2), "F32": (TensorProto.FLOAT, 4)}
"""Types in a safetensors file -> (type in ONNX, bytes)."""


class Place(NamedTuple):
    """Where a tensor lies in a safetensors file: its type there, its shape, first byte and number of bytes."""

    kind: str
    shape: tuple[int, ...]
    begin: int
    length: int


def places(weights: Path) -> dict[str, Place]:
    """Returns where each tensor of a safetensors file lies."""
    with open(weights, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {
        name: Place(
            item["dtype"], tuple(item["shape"]), 8 + length + item["data_offsets"][0], _span(item["data_offsets"])
        )
        for name, item in header.items()
    }


def _span(offsets: Sequence[int]) -> int:
    return offsets[1] - offsets[0]


def without_weights(model: onnx.ModelProto, weights: Path, prefix: str, marks: Mapping[str, str]) -> onnx.ModelProto:
    """Returns the model with its weights replaced by references into `weights`, and with short names.

    Args:
        model: exported in 32 bits.
        weights: the safetensors file that its network was filled from; the graph must end up in the same folder.
        prefix: what the names of its tensors have before those in the file.
        marks: metadata to store in the graph.

    Raises:
        WeightsDamaged: a tensor of the graph is not in the file with that shape.
    """
    there = places(weights)
    graph, nodes, tensors = model.graph, [], []
    for tensor in graph.initializer:
        name = tensor.name.removeprefix(prefix)
        place = there.get(name)
        if place is None or place.shape != tuple(tensor.dims) or place.kind not in KINDS:
            raise WeightsDamaged(f"The tensor {name} of the graph is not one of {weights.name}.")
        kind, _ = KINDS[place.kind]
        stored = TensorProto(name=name if kind == TensorProto.FLOAT else f"{name}.half", dims=tensor.dims)
        stored.data_type, stored.data_location = kind, TensorProto.EXTERNAL
        for key, value in (("location", weights.name), ("offset", place.begin), ("length", place.length)):
            stored.external_data.add(key=key, value=str(value))
        tensors.append(stored)
        if kind == TensorProto.FLOAT:
            continue
        nodes.append(helper.make_node("Cast", [stored.name], [tensor.name], to=TensorProto.FLOAT))
    nodes += graph.node
    _shorten(nodes, [item.name for item in (*graph.input, *graph.output, *tensors)])
    made = helper.make_graph(nodes, "cutout", graph.input, graph.output, tensors)
    return _model(made, marks)


def recall_graph(channels: int, top_k: int, marks: Mapping[str, str]) -> onnx.ModelProto:
    """Returns the graph of `affinity.recall` for dot products: keys (M, Ck), values (M, V), query (Q, Ck) -> (Q, V)."""
    constants = [
        helper.make_tensor("most", TensorProto.INT64, [1], [top_k]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    nodes = [
        helper.make_node("Gemm", ["query", "keys"], ["logits"], transB=1, alpha=1.0 / math.sqrt(channels)),
        helper.make_node("Shape", ["keys"], ["rows"], start=0, end=1),
        helper.make_node("Min", ["rows", "most"], ["kept"]),
        helper.make_node("TopK", ["logits", "kept"], ["best", "index"], axis=1, sorted=0),
        helper.make_node("Softmax", ["best"], ["shares"], axis=1),
        helper.make_node("Unsqueeze", ["shares", "axis"], ["weights"]),
        helper.make_node("Gather", ["values", "index"], ["matches"], axis=0),
        helper.make_node("MatMul", ["weights", "matches"], ["sum"]),
        helper.make_node("Squeeze", ["sum", "axis"], ["carried"]),
    ]
    inputs: tuple[tuple[str, list[str | int | None]], ...] = (
        ("keys", ["M", channels]),
        ("values", ["M", "V"]),
        ("query", ["Q", channels]),
    )
    graph = helper.make_graph(
        nodes,
        "recall",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info("carried", TensorProto.FLOAT, ["Q", "V"])],
        constants,
    )
    return _model(graph, marks)


def _shorten(nodes: list[onnx.NodeProto], public: Sequence[str]) -> None:
    """Numbers the values between nodes, and takes the nodes' names away: they are long and nobody reads them."""
    kept, short = set(public), dict[str, str]()
    for node in nodes:
        node.name = node.doc_string = ""
        del node.metadata_props[:]
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name and name not in kept:
                    names[place] = short.setdefault(name, f"v{len(short)}")


def _model(graph: onnx.GraphProto, marks: Mapping[str, str]) -> onnx.ModelProto:
    model = helper.make_model(
        graph, producer_name="blender_cutout", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    helper.set_model_props(model, dict(marks))
    return model
