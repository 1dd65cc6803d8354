"""Tests which of the known places a place of a frame resembles."""

from __future__ import annotations

import torch

from blender_cutout.models.networks.resemblance import margins

RED, GREEN, BLUE = torch.eye(3)


def test_places_like_the_object_are_above_zero_and_others_below() -> None:
    query = torch.stack((RED, GREEN, RED))
    found = torch.tensor([[1.0, 1.0, 0.0]])
    out = margins(query, found, torch.stack((RED, GREEN)), torch.tensor([[1.0, 0.0]]))
    assert out.tolist() == [[1.0, -1.0, 0.0]], "the third place is not inside what was found"


def test_each_object_has_its_own_margins() -> None:
    query, examples = torch.stack((RED, GREEN)), torch.stack((RED, GREEN, BLUE))
    out = margins(query, torch.eye(2), examples, torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    assert out.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_small_object_that_fills_no_place_is_compared_where_it_is_most() -> None:
    out = margins(RED[None], torch.tensor([[0.2]]), torch.stack((RED, GREEN)), torch.tensor([[0.3, 0.0]]))
    assert out.tolist() == [[1.0]]


def test_places_at_the_objects_edge_count_for_neither() -> None:
    examples = torch.stack((RED, BLUE, GREEN))
    out = margins(BLUE[None], torch.ones(1, 1), examples, torch.tensor([[1.0, 0.3, 0.0]]))
    assert out.tolist() == [[0.0]]


def test_object_that_no_example_shows_resembles_nothing_and_one_that_fills_all_everything() -> None:
    none = margins(RED[None], torch.ones(1, 1), RED[None], torch.zeros(1, 1))
    assert none.tolist() == [[-2.0]]
    everything = margins(RED[None], torch.ones(1, 1), RED[None], torch.ones(1, 1))
    assert everything.tolist() == [[2.0]]
    assert margins(RED[None], torch.zeros(1, 1), RED[None], torch.ones(1, 1)).tolist() == [[0.0]]
