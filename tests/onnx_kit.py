"""A small ONNX file for tests, written by hand to avoid a dependency."""

from __future__ import annotations

from blender_cutout.evaluate.peers import SIDE


def field(number: int, value: int | bytes) -> bytes:
    """Returns one field of a protocol buffer: a number or a length and bytes."""

    def varint(n: int) -> bytes:
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: str, channels: int) -> bytes:
    """Returns a float tensor (1, channels, side, side) as a graph's input or output."""
    shape = b"".join(field(1, field(1, size)) for size in (1, channels, SIDE, SIDE))
    return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, shape)))


def brightness_model() -> bytes:
    """Returns an ONNX file that computes the mean over its input's channels."""
    axes = field(1, b"axes") + field(8, 1) + field(20, 7)
    keep = field(1, b"keepdims") + field(3, 1) + field(20, 2)
    node = field(1, b"picture") + field(2, b"map") + field(4, b"ReduceMean") + field(5, axes) + field(5, keep)
    graph = field(1, node) + field(2, b"g") + field(11, tensor("picture", 3)) + field(12, tensor("map", 1))
    return field(1, 7) + field(7, graph) + field(8, field(2, 11))
