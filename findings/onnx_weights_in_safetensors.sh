#!/usr/bin/env bash
# ONNX Runtime reads the weights of a graph out of a .safetensors file, where it is, at any byte.
#
# Versions:  ONNX Runtime 1.23.2, onnx 1.19.1, safetensors 0.6.2, numpy 2.2.6; Linux on x86-64.
# Expected:  "external data" is a raw file that an exporter writes for one graph, its tensors at multiples of 4096 bytes
#            as ONNX asks for mapped files; a file of another format has to be converted, and is kept twice.
# Happens:   a graph of 150 bytes whose weights are an offset and a length in a .safetensors file runs, float16 as well as
#            float32, also where the offset is odd. The file is only read. Two graphs may share it. So one file of
#            weights serves PyTorch and ONNX Runtime. With a file that is too short the session is refused.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3) || fail "there is no python3."
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || fail "python3 must be 3.10 to 3.13."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet onnxruntime==1.23.2 onnx==1.19.1 safetensors==0.6.2 numpy==2.2.6 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from safetensors.numpy import load_file, save_file

rng = np.random.default_rng(1)
weights = Path("weights.safetensors")
saved = {
    "first": rng.normal(size=(3, 4)).astype(np.float16),
    "odd": rng.integers(0, 255, 7, np.uint8),
    "second": rng.normal(size=(3, 4)).astype(np.float32),
}
save_file(saved, weights)
before = weights.read_bytes()
(size,) = struct.unpack("<Q", before[:8])
header = json.loads(before[8 : 8 + size])


def place(name, shift=0):
    """The bytes of a tensor in the file: (offset, length)."""
    start, end = header[name]["data_offsets"]
    return 8 + size + start + shift, end - start


def session(kind, where, file=weights):
    """A graph y = x + w whose w lies in the file."""
    tensor = TensorProto(name="w", data_type=kind, dims=[3, 4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", file.name), ("offset", where[0]), ("length", where[1])):
        tensor.external_data.add(key=key, value=str(value))
    value = [helper.make_tensor_value_info(name, kind, [3, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "sum", value[:1], value[1:], [tensor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = Path(f"graph-{kind}.onnx")
    path.write_bytes(model.SerializeToString())
    print(f"  graph of {path.stat().st_size} bytes, weights at byte {where[0]} (multiple of 4096: {where[0] % 4096 == 0})")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


same = True
for name, kind in (("first", TensorProto.FLOAT16), ("second", TensorProto.FLOAT)):
    x = np.zeros((3, 4), saved[name].dtype)
    (y,) = session(kind, place(name)).run(None, {"x": x})
    print(f"{name} ({y.dtype}): equal {np.array_equal(y, saved[name])}")
    same &= np.array_equal(y, saved[name])

# The same numbers one byte further on, so that no tensor begins at a multiple of its own size.
shifted = Path("shifted.safetensors")
text = json.dumps(header, separators=(",", ":")).encode() + b" "
text += b" " * (size + 1 - len(text))
shifted.write_bytes(struct.pack("<Q", size + 1) + text + before[8 + size :])
assert all(np.array_equal(value, saved[name]) for name, value in load_file(shifted).items())
where = place("second", 1)
(y,) = session(TensorProto.FLOAT, where, shifted).run(None, {"x": np.zeros((3, 4), np.float32)})
odd = any(place(name, shift)[0] % 2 for name in ("first", "second") for shift in (0, 1))
print(f"an odd offset among them: {odd}, equal {np.array_equal(y, saved['second'])}")
same &= np.array_equal(y, saved["second"]) and odd

short = Path("short.safetensors")
short.write_bytes(before[: place("second")[0] + 20])
try:
    session(TensorProto.FLOAT, place("second"), short)
    refused = False
except Exception as error:
    refused = True
    print("too short:", type(error).__name__)
print("unchanged file:", weights.read_bytes() == before)
sys.exit(not (same and refused and weights.read_bytes() == before))
PYTHON
cd "$folder"
if "$folder/venv/bin/python" try.py; then
    echo "As described: ONNX Runtime reads weights in place from a .safetensors file."
else
    echo "This has changed: see the numbers above and the comments of this script."
    exit 1
fi
