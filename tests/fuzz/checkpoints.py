"""Fuzzes training checkpoints: PyTorch's files, read with `weights_only`."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import torch

from blender_cutout.models.errors import ModelError
from blender_cutout.models.training.checkpoint import architecture_of, fill, open_checkpoint, save_checkpoint

from .mutate import any_value, change, change_bytes
from .target import need


class Checkpoints:
    """A last.pt, read until its weights are in a network."""

    own = (ModelError,)
    megabytes = 256

    def __init__(self, place: Path) -> None:
        torch.set_num_threads(1)
        self._path = place / "last.pt"
        network = torch.nn.Linear(3, 2)
        optimiser = torch.optim.AdamW(network.parameters())
        network(torch.ones(3)).sum().backward()
        optimiser.step()
        self._network = network
        self._state: dict[str, Any] = {
            "network": network.state_dict(), "optimiser": optimiser.state_dict(), "average": network.state_dict(),
            "step": 7, "spent": 1.5, "recipe": {"network": "propagation", "sizes": (64,)},
            "architecture": "propagation", "unlogged": {}, "skipped": 0,
        }  # fmt: skip
        older = {name: value for name, value in self._state.items() if name != "architecture"}
        self._seeds = []
        for state in (self._state, older):
            save_checkpoint(self._path, state)
            self._seeds.append(self._path.read_bytes())

    def make(self, rng: random.Random) -> bytes:
        kind = rng.random()
        if kind < 0.3:
            return change_bytes(rng, rng.choice(self._seeds))
        return self._other_state(rng) if kind < 0.5 else _other_entries(rng, rng.choice(self._seeds))

    def _other_state(self, rng: random.Random) -> bytes:
        """A valid file of other things."""
        state: Any = dict(self._state)
        name = rng.choice(tuple(state))
        way = rng.randrange(7)
        if way == 0:
            del state[name]
        elif way == 1:
            state[name] = any_value(rng)
        elif way == 2:
            state[name] = state[rng.choice(tuple(state))]
        elif way == 3:
            part = rng.choice(("network", "average"))
            state[part] = {
                rng.choice((key, "context.x", "", "weight", 3)): rng.choice((value, 3, None, torch.zeros(5)))
                for key, value in state[part].items()
            }
        elif way == 4:
            record = json.loads(json.dumps(state["recipe"]))
            change(rng, record)
            state["recipe"] = record
        elif way == 5:
            state.pop("architecture")
            state[rng.choice(("network", "recipe"))] = rng.choice(([], {}, "x", 3, None, {3: 4}, [3], torch.zeros(2)))
        else:
            state = rng.choice((state[name], [state], list(state), None, tuple(state)))
        out = io.BytesIO()
        torch.save(state, out)
        return out.getvalue()

    def run(self, data: bytes) -> None:
        self._path.write_bytes(data)
        state = open_checkpoint(self._path, "propagation")
        need(isinstance(state, dict), "no checkpoint")
        held = architecture_of(state)
        need(isinstance(held, str), "an architecture without a name")
        fill(self._network, state["average"], self._path, held, "propagation")


def _other_entries(rng: random.Random, data: bytes) -> bytes:
    """Changes, drops, renames or repeats the archive's entries; their checksums are correct."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        chosen, way = rng.choice([n for n in names if n.endswith("data.pkl")] + names), rng.randrange(8)
        for name in names:
            body = old.read(name)
            if name == chosen:
                if way == 0:
                    continue
                if way == 1:
                    name = rng.choice((name.upper(), name + "x", "archive/" + name, "x"))
                elif way == 2:
                    body = b""
                else:
                    body = change_bytes(rng, body)
            new.writestr(name, body, zipfile.ZIP_DEFLATED if way == 3 else zipfile.ZIP_STORED)
    return out.getvalue()
