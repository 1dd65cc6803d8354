"""The mathematics of space-time memory: similarity, stable top-k softmax, read-out, soft aggregation.

Pure functions, used unchanged by training and inference.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Similarity = Literal["l2", "dot"]


def similarity(memory_key: Tensor, query_key: Tensor, kind: Similarity = "l2") -> Tensor:
    """Returns logits of how well every memory place matches every query place.

    `l2` is the negative squared distance of STCN (Cheng et al. 2021, section 3.2; its code: (2ab - a^2) / sqrt(Ck));
    the query's own norm is left out, being constant along the memory axis it cancels in the softmax. `dot` is the older
    form of STM (Oh et al. 2019), divided by sqrt(Ck) as well.

    Args:
        memory_key: (B, Ck, M).
        query_key: (B, Ck, Q).
        kind: "l2" or "dot".

    Returns:
        (B, M, Q) float32. Not bounded above: use `topk_softmax`.

    Raises:
        ValueError: `kind` is neither.
    """
    memory_key, query_key = memory_key.float(), query_key.float()
    with torch.autocast(memory_key.device.type, enabled=False):
        logits = memory_key.transpose(1, 2) @ query_key
        if kind == "l2":
            logits = 2.0 * logits - memory_key.square().sum(dim=1).unsqueeze(2)
        elif kind != "dot":
            raise ValueError(f"similarity must be 'l2' or 'dot', not {kind!r}")
        return logits / math.sqrt(memory_key.shape[1])


def topk_softmax(logits: Tensor, k: int | None = 20) -> Tensor:
    """Returns a softmax over the memory axis restricted to each query's k best matches (MiVOS, top-k filtering).

    The maximum is subtracted before `exp`, which the public STCN code leaves out: large keys cannot overflow.

    Args:
        logits: (B, M, Q).
        k: how many matches to keep; None or k >= M keeps all.

    Returns:
        (B, M, Q) weights >= 0 that sum to one along M.
    """
    if k is None or k >= logits.shape[1]:
        return torch.softmax(logits, dim=1)
    best, index = logits.topk(k, dim=1)
    return torch.zeros_like(logits).scatter_(1, index, torch.softmax(best, dim=1))


def readout(affinity: Tensor, values: Tensor) -> Tensor:
    """Returns the values carried to the query places.

    Args:
        affinity: (B, M, Q), shared by all objects.
        values: (B, N, Cv, M), one set of values for each object.

    Returns:
        (B, N, Cv, Q) float32.
    """
    with torch.autocast(affinity.device.type, enabled=False):
        b, n, c, m = values.shape
        return (values.float().reshape(b, n * c, m) @ affinity.float()).view(b, n, c, -1)


def recall(
    memory_key: Tensor, memory_value: Tensor, query_key: Tensor, kind: Similarity = "l2", k: int | None = 20
) -> Tensor:
    """Returns what `similarity`, `topk_softmax` and `readout` give together, for inference; equal up to rounding.

    Memory and query are stored in rows, so that the best matches are searched along contiguous numbers, and only the
    values of the k best are read: neither the (M, Q) affinity nor a product with all values is made. For one clip.

    Args:
        memory_key: (M, Ck).
        memory_value: (M, V), all channels of all objects.
        query_key: (Q, Ck).
        kind: "l2" or "dot", see `similarity`.
        k: how many matches to keep; None or k >= M keeps all.

    Returns:
        (Q, V) float32.

    Raises:
        ValueError: `kind` is neither.
    """
    with torch.autocast(memory_key.device.type, enabled=False):
        memory_key, memory_value, query_key = memory_key.float(), memory_value.float(), query_key.float()
        scale = 1.0 / math.sqrt(memory_key.shape[1])
        if kind == "l2":
            norms = memory_key.square().sum(dim=1)
            logits = torch.addmm(norms, query_key, memory_key.T, beta=-scale, alpha=2.0 * scale)
        elif kind == "dot":
            logits = (query_key * scale) @ memory_key.T
        else:
            raise ValueError(f"similarity must be 'l2' or 'dot', not {kind!r}")
        if k is None or k >= logits.shape[1]:
            return torch.softmax(logits, dim=1) @ memory_value
        best, index = logits.topk(k, dim=1, sorted=False)
        weights = torch.softmax(best, dim=1)
        if memory_value.device.type == "mps":  # has no embedding bags
            return (memory_value[index] * weights.unsqueeze(2)).sum(dim=1)
        return functional.embedding_bag(index, memory_value, per_sample_weights=weights, mode="sum")


def aggregate_logits(logits: Tensor) -> Tensor:
    """Makes objects' independent logits share every pixel with each other and the background (STM, eq. 3).

    The same function as the published product of probabilities, but in logarithms, so that a saturated wrong pixel
    still has a gradient.

    Args:
        logits: (B, N, H, W).

    Returns:
        (B, N + 1, H, W) float32 log-probabilities, background first; their exponentials sum to one.
    """
    logits = logits.float()
    if logits.shape[1] == 1:
        background = -logits
    else:
        log_none = functional.logsigmoid(-logits).sum(dim=1, keepdim=True).clamp(max=-1e-6)
        background = log_none - torch.log(-torch.expm1(log_none))
    return torch.log_softmax(torch.cat((background, logits), dim=1), dim=1)


def aggregate_mattes(logits: Tensor) -> Tensor:
    """Returns the mattes of `aggregate_logits`, (B, N, H, W) in [0, 1], without its gradient and at lower cost."""
    if logits.shape[1] == 1:
        return torch.sigmoid(2.0 * logits.float())
    odds = logits.float().clamp(max=80.0).exp()
    background = 1.0 / ((1.0 + odds).prod(dim=1, keepdim=True) - 1.0).clamp_(min=1e-6)
    return odds / (odds.sum(dim=1, keepdim=True) + background)


def other_objects(mattes: Tensor) -> Tensor:
    """Returns for each object the sum of all others, (B, N, H, W) -> (B, N, H, W), clipped to [0, 1]."""
    return (mattes.sum(dim=1, keepdim=True) - mattes).clamp(0.0, 1.0)
