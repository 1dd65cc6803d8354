#!/usr/bin/env bash
# Half of the backward pass of a depthwise convolution takes ten to a hundred times as long as the forward pass.
#
# Versions:  PyTorch 2.13.0 on the processor, one thread; Linux on x86-64 with AVX-512 and bfloat16 instructions.
# Expected:  the gradient of the input and that of the weights each take about as long as the forward pass, as for 3x3
#            in float32 (1.0 to 1.4 times); bfloat16 is at least about as fast as float32, as it is in the forward pass.
# Happens:   the gradient of the weights is fast for 3x3 in both types and at any stride, but for 5x5 and 7x7 it takes
#            9 to 40 times the forward pass in float32 and 25 to 190 times in bfloat16 (several runs). In bfloat16 the
#            gradient of the input is fast too, but with stride 2 it takes 40 to 180 times the forward pass, even for 3x3,
#            and 20 to 100 times what the same gradient takes in float32. Nothing warns.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3) || fail "there is no python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 must be 3.11 or later."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet torch==2.13.0 numpy==2.4.6 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
import sys
import time

import torch

torch.set_num_threads(1)


def fastest(work):
    work()
    times = []
    while len(times) < 5 or sum(times) < 0.2:
        start = time.thread_time()  # of the processor, whatever else it does
        work()
        times.append(time.thread_time() - start)
    return min(times)


def times(kind, size, stride):
    """Seconds of (forward pass, gradient of the input, gradient of the weights)."""
    x = torch.randn(2, 96, 64, 64).to(kind).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(96, 1, size, size).to(kind)
    pad = size // 2

    def gradient(wanted):
        return torch.ops.aten.convolution_backward(
            grad, x, weight, [0], [stride, stride], [pad, pad], [1, 1], False, [0, 0], 96, wanted
        )

    def forward():
        return torch.nn.functional.conv2d(x, weight, None, stride, pad, 1, 96)

    grad = torch.randn_like(forward())
    for_input, for_weight = [True, False, False], [False, True, False]
    return fastest(forward), fastest(lambda: gradient(for_input)), fastest(lambda: gradient(for_weight))


print("PyTorch", torch.__version__, torch.backends.cpu.get_cpu_capability())
measured = {}
for kind in (torch.float32, torch.bfloat16):
    for size in (3, 5, 7):
        for stride in (1, 2):
            forward, for_input, for_weight = measured[kind, size, stride] = times(kind, size, stride)
            print(
                f"{str(kind)[6:]:8} {size}x{size} stride {stride}: forward {1000 * forward:6.2f} ms, "
                f"input gradient {for_input / forward:6.1f} x, weight gradient {for_weight / forward:6.1f} x"
            )
# Generous: what takes 9 to 190 times the forward pass counts from 5 times on, what takes 1 to 2 times up to 4 times.
F, B = torch.float32, torch.bfloat16
slow = [measured[k, n, s][2] / measured[k, n, s][0] for k in (F, B) for n in (5, 7) for s in (1, 2)]
slow += [measured[B, n, 2][1] / measured[B, n, 2][0] for n in (3, 5, 7)]
fast = [measured[F, 3, s][i] / measured[F, 3, s][0] for s in (1, 2) for i in (1, 2)]
fast += [measured[B, n, 1][1] / measured[B, n, 1][0] for n in (3, 5, 7)]
against = [measured[B, n, 2][1] / measured[F, n, 2][1] for n in (3, 5, 7)]
print("bfloat16 against float32, input gradient, stride 2:", ", ".join(f"{times:.0f} x" for times in against))
print(f"slow ones: {min(slow):.1f} to {max(slow):.1f} times, fast ones: {min(fast):.1f} to {max(fast):.1f} times")
if min(slow) < 5:
    sys.exit("CHANGED: one of the gradients that were slow takes less than 5 times the forward pass.")
if max(fast) > 4:
    sys.exit("CHANGED: one of the gradients that were fast takes more than 4 times the forward pass.")
print("As stated.")
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
