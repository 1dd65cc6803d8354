#!/usr/bin/env bash
# Given one tensor as the example of two inputs, torch.export makes a program that ignores one of them, without a word.
#
# Versions:  PyTorch 2.13.0 on the processor, onnx 1.19.1, onnxscript 0.7.2, ONNX Runtime 1.23.2; Linux on x86-64.
# Expected:  examples give types and shapes: `keep - 2 * remove` reads both inputs whichever tensors were given, as with
#            torch.jit.trace and the older ONNX exporter (dynamo=False), or it is refused.
# Happens:   with one tensor of zeros for two masks the program has both inputs but computes `remove - 2 * remove`; so
#            does the graph of the default ONNX exporter, which starts from it. ONNX's checker accepts it, and a check
#            with the examples finds no difference. With a clone for the second input all of them are right.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3) || fail "there is no python3."
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || fail "python3 must be 3.11 to 3.13."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet torch==2.13.0 numpy==2.4.6 onnx==1.19.1 onnxscript==0.7.2 \
    onnxruntime==1.23.2 || fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import torch

warnings.simplefilter("ignore")


class Difference(torch.nn.Module):
    def forward(self, keep, remove):
        return keep - 2 * remove


def answer(examples, **how):
    """What the exported graph makes of keep = 5, remove = 1; and its nodes. Right is 3."""
    names = ["keep", "remove"]
    torch.onnx.export(Difference().eval(), examples, "graph.onnx", input_names=names, verbose=False, **how)
    model = onnx.load("graph.onnx")
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession("graph.onnx", providers=["CPUExecutionProvider"])
    given = {"keep": np.full((1, 3), 5, np.float32), "remove": np.full((1, 3), 1, np.float32)}
    (found,) = session.run(None, {value.name: given[value.name] for value in session.get_inputs()})
    return float(found[0, 0]), [(node.op_type, list(node.input)) for node in model.graph.node]


print("PyTorch", torch.__version__)
empty = torch.zeros(1, 3)


def program(examples):
    """What the exported program makes of keep = 5, remove = 1."""
    made = torch.export.export(Difference().eval(), examples).module()
    return float(made(torch.full((1, 3), 5.0), torch.full((1, 3), 1.0))[0, 0])


twice, own = (empty, empty), (empty, empty.clone())
exported, right = program(twice), program(own)
print(f"torch.export: {exported} for one tensor twice, {right} for a tensor each")
older, _ = answer(twice, dynamo=False)
print(f"older ONNX exporter: {older} for one tensor twice")
(wrong, nodes), (right_too, _) = answer(twice, dynamo=True), answer(own, dynamo=True)
print(f"default ONNX exporter: {wrong} for one tensor twice, {right_too} for a tensor each; nodes {nodes}")
sys.exit(not (older == right == right_too == 3 and exported == wrong == -1))
PYTHON
cd "$folder"
if "$folder/venv/bin/python" try.py 2>errors.txt; then
    echo "As described: one tensor as the example of two inputs makes torch.export ignore one of them."
else
    tail -n 3 errors.txt >&2
    echo "This has changed: see the numbers above and the comments of this script."
    exit 1
fi
