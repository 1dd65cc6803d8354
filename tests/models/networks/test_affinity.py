"""Tests affinity: against a naive reference, stable, and the same in training and inference."""

from __future__ import annotations

import math

import pytest
import torch

from blender_cutout.models.networks import affinity


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


@pytest.mark.parametrize("kind", ["l2", "dot"])
def test_similarity_ranks_like_the_naive_loop(kind: affinity.Similarity) -> None:
    memory, query = torch.randn(2, 5, 7), torch.randn(2, 5, 4)
    found = affinity.topk_softmax(affinity.similarity(memory, query, kind), None)
    for b in range(2):
        for q in range(4):
            if kind == "l2":
                scores = [-float((memory[b, :, m] - query[b, :, q]).square().sum()) / math.sqrt(5) for m in range(7)]
            else:
                scores = [float(memory[b, :, m] @ query[b, :, q]) / math.sqrt(5) for m in range(7)]
            top = max(scores)
            weights = [math.exp(s - top) for s in scores]
            expected = torch.tensor([w / sum(weights) for w in weights])
            torch.testing.assert_close(found[b, :, q], expected, rtol=1e-4, atol=1e-6)


def test_unknown_similarity_is_refused() -> None:
    with pytest.raises(ValueError, match="'l2' or 'dot'"):
        affinity.similarity(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), "cosine")  # type: ignore[arg-type]


def test_topk_keeps_exactly_the_k_best_and_sums_to_one() -> None:
    logits = torch.randn(1, 50, 9)
    weights = affinity.topk_softmax(logits, 5)
    assert ((weights > 0).sum(dim=1) == 5).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(1, 9))
    kept = torch.where(weights > 0, logits, torch.tensor(math.inf)).amin(dim=1)
    dropped = torch.where(weights > 0, torch.tensor(-math.inf), logits).amax(dim=1)
    assert (kept > dropped).all()


def test_topk_softmax_survives_huge_logits() -> None:
    logits = torch.randn(1, 30, 4) * 1e4 + 3e5  # exp of any of these overflows
    weights = affinity.topk_softmax(logits, 4)
    assert torch.isfinite(weights).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(1, 4))


def test_topk_softmax_lets_gradients_through() -> None:
    logits = torch.randn(1, 12, 3, requires_grad=True)
    (affinity.topk_softmax(logits, 4) * torch.randn(1, 12, 3)).sum().backward()
    assert logits.grad is not None
    assert int((logits.grad != 0).sum()) == 4 * 3


def test_readout_carries_each_objects_values_to_the_matching_place() -> None:
    memory = torch.randn(1, 8, 6) * 10
    order = [4, 0, 5]
    weights = affinity.topk_softmax(affinity.similarity(memory, memory[:, :, order]), 3)
    values = torch.randn(1, 2, 3, 6)
    torch.testing.assert_close(affinity.readout(weights, values), values[..., order], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["l2", "dot"])
@pytest.mark.parametrize("k", [None, 1, 20, 200])
def test_reading_by_rows_is_the_training_path(kind: affinity.Similarity, k: int | None) -> None:
    memory, query, values = torch.randn(1, 16, 90), torch.randn(1, 16, 7), torch.randn(1, 2, 5, 90)
    weights = affinity.topk_softmax(affinity.similarity(memory, query, kind), k)
    wanted = affinity.readout(weights, values)[0].flatten(0, 1).T
    found = affinity.recall(memory[0].T, values[0].flatten(0, 1).T.contiguous(), query[0].T, kind, k)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_reading_by_rows_survives_huge_keys_and_refuses_unknown_similarities() -> None:
    keys, values = torch.randn(40, 4) * 1e4, torch.randn(40, 3)
    found = affinity.recall(keys, values, keys[:6], "l2", 5)
    torch.testing.assert_close(found, values[:6], rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="'l2' or 'dot'"):
        affinity.recall(keys, values, keys, "cosine")  # type: ignore[arg-type]


def test_aggregation_of_one_object_keeps_its_decision() -> None:
    logits = torch.linspace(-30, 30, 13).view(1, 1, 1, 13)
    matte = affinity.aggregate_logits(logits).exp()[:, 1]
    assert ((matte > 0.5) == (logits[:, 0] > 0)).all()


def test_aggregation_matches_the_published_product_form() -> None:
    logits = torch.randn(2, 3, 4, 5)
    p = torch.sigmoid(logits).double()
    everything = torch.cat((torch.prod(1 - p, dim=1, keepdim=True), p), dim=1)
    odds = everything / (1 - everything)
    expected = (odds / odds.sum(dim=1, keepdim=True)).float()
    torch.testing.assert_close(affinity.aggregate_logits(logits).exp(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("objects", [1, 2, 4])
def test_inference_shares_pixels_as_training_does(objects: int) -> None:
    logits = 6 * torch.randn(2, objects, 16, 16, generator=torch.Generator().manual_seed(objects))
    trained = affinity.aggregate_logits(logits)[:, 1:].exp()
    torch.testing.assert_close(affinity.aggregate_mattes(logits), trained, rtol=1e-4, atol=1e-5)


def test_aggregation_of_certain_and_wrong_objects_still_has_a_gradient() -> None:
    logits = torch.full((1, 2, 1, 1), -40.0, requires_grad=True)
    (-affinity.aggregate_logits(logits)[0, 1].sum()).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert float(logits.grad[0, 0]) < -0.1


def test_other_objects_is_the_sum_of_all_but_oneself() -> None:
    mattes = torch.tensor([0.2, 0.5, 0.1]).view(1, 3, 1, 1)
    torch.testing.assert_close(affinity.other_objects(mattes).flatten(), torch.tensor([0.6, 0.3, 0.7]))
