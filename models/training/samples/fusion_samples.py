"""Samples for the fusion network, made once with the trained propagation network and stored on disk.

A scene is a short run of frames, from real video or from a moved still with a second thing in it. Its first frame has
a mask that is often wrong (a part missing, too much, or the other thing included); the network carries it forward: the
old results. The last frame is the corrected keyframe; the network carries it backward, with both keyframes in memory:
the new results. The correction there is carried to each frame between by the affinity, as in the engine. The
network costs much more than the fusion network that learns from it, hence the file: making it can be interrupted and
resumes with the same samples, since each scene has its own seed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ...inference.predictors import PropagationPredictor
from .fusion_scenes import SIZE, Scene, still_scene, video_scene
from .pool import Pool
from .strokes import spoil

COARSE = SIZE // 4
STILLS = 0.35
BROKEN = 0.4
"""Shares of scenes from stills, and of those with a wrong first mask. With more wrong ones the new result is better so
often that the network learns to take it everywhere."""

LEAST_DISAGREEMENT = 0.01
"""A frame is kept when old and new differ in more than this share of the object's area: otherwise nothing to choose."""

RECORD = np.dtype(
    [
        ("image", np.uint8, (SIZE, SIZE, 3)),
        ("old", np.uint8, (SIZE, SIZE)),
        ("new", np.uint8, (SIZE, SIZE)),
        ("truth", np.uint8, (SIZE, SIZE)),
        ("changes", np.uint8, (2, COARSE, COARSE)),
        ("weight", np.float32),
        ("scene", np.int32),
        ("broken", np.bool_),
        ("name", "S32"),
    ]
)

Array = NDArray[Any]


def make_samples(
    pool: Pool,
    net: PropagationPredictor,
    folder: Path,
    count: int,
    seed: int = 1,
    weights: str = "",
    told: Callable[[int], None] | None = None,
) -> Path:
    """Fills `folder`/samples.bin up to at least `count` samples and returns its path.

    Args:
        pool: training pictures.
        net: the frozen, trained propagation network.
        folder: made if missing; existing samples are kept.
        count: of samples.
        seed: of the scenes.
        weights: hash of the network's weights; samples made with others are discarded.
        told: called with the number of samples after each scene.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, index = folder / "samples.bin", folder / "samples.json"
    made_of = {"size": SIZE, "layout": ",".join(RECORD.names or ()), "seed": seed, "weights": weights}
    state: dict[str, Any] = {**made_of, "scenes": 0, "samples": 0}
    if index.exists():
        found = json.loads(index.read_text())
        state = found if all(found.get(name) == value for name, value in made_of.items()) else state
    path.touch()
    with open(path, "r+b") as out:
        while state["samples"] < count:
            out.seek(state["samples"] * RECORD.itemsize)
            records = list(scene_samples(pool, net, state["scenes"], seed))
            for record in records:
                out.write(record.tobytes())
            out.truncate()
            out.flush()
            state = {**state, "scenes": state["scenes"] + 1, "samples": state["samples"] + len(records)}
            part = index.with_suffix(".part")
            part.write_text(json.dumps(state))
            os.replace(part, index)
            if told is not None:
                told(state["samples"])
    return path


def open_samples(folder: Path) -> Array:
    """Returns the samples as a memory-mapped array of `RECORD`.

    Raises:
        FileNotFoundError: none were made yet.
    """
    path = folder / "samples.bin"
    if not path.exists() or path.stat().st_size < RECORD.itemsize:
        raise FileNotFoundError(f"{path} has no samples: `cutout train fusion` makes them first.")
    return np.memmap(path, RECORD, mode="r", shape=(path.stat().st_size // RECORD.itemsize,))


def scene_samples(pool: Pool, net: PropagationPredictor, number: int, seed: int) -> Iterator[Array]:
    """Yields the useful samples (each of `RECORD`) of scene `number`: its frames between the keyframes."""
    rng = np.random.default_rng([seed, number])
    torch.manual_seed(seed * 1_000_003 + number)
    scene = still_scene(pool, rng) if rng.random() < STILLS else video_scene(pool, rng)
    if scene is None:
        return
    last = len(scene.images) - 1
    first = torch.from_numpy(scene.truths[0])
    broken = bool(rng.random() < BROKEN)
    if broken:
        if scene.other is not None and rng.random() < 0.5:
            first = torch.maximum(first, torch.from_numpy(scene.other))
        if scene.other is None or rng.random() < 0.6:
            first = spoil(first > 0.5, rng)
    start = first.numpy()[None].astype(np.float32)
    keys = [net.encode_key(image) for image in scene.images]
    given = (keys[0], net.encode_value(scene.images[0], keys[0], start))
    old = _run(net, scene, keys, [given], start, range(1, last + 1))
    truth = scene.truths[last][None]
    drawn = (keys[last], net.encode_value(scene.images[last], keys[last], truth))
    new = _run(net, scene, keys, [given, drawn], truth, range(last - 1, 0, -1))
    change = np.concatenate((np.maximum(truth - old[last], 0), np.maximum(old[last] - truth, 0)))
    for t in range(1, last):
        area = max(float(scene.truths[t].sum()), 0.002 * SIZE * SIZE)
        if float((np.abs(old[t] - new[t]) > 0.3).sum()) < LEAST_DISAGREEMENT * area:
            continue
        carried = torch.from_numpy(net.attention(keys[t], keys[last], change))
        yield np.array(
            (
                scene.images[t],
                _bytes(old[t][0]),
                _bytes(new[t][0]),
                _bytes(scene.truths[t]),
                _bytes(F.avg_pool2d(carried, 4).numpy()),
                t / last,
                number,
                broken,
                scene.name,
            ),
            RECORD,
        )


def _run(
    net: PropagationPredictor, scene: Scene, keys: list[Any], memory: list[Any], start: Array, frames: range
) -> dict[int, Array]:
    """Returns mattes (1, S, S) of the frames, propagated in order; every second one and the last stay in memory."""
    out: dict[int, Array] = {}
    kept, last = list(memory), None
    before, at = start, frames.start - frames.step
    for number, t in enumerate(frames):
        step = torch.from_numpy((np.linalg.inv(scene.worlds[at]) @ scene.worlds[t])[None, :2]).float()
        grid = F.affine_grid(step, [1, 1, SIZE, SIZE], align_corners=False)
        hint = F.grid_sample(torch.from_numpy(before)[None], grid, align_corners=False)[0].numpy()
        out[t] = net.segment(keys[t], kept + ([last] if last is not None else []), hint)
        entry = (keys[t], net.encode_value(scene.images[t], keys[t], out[t]))
        if number % 2 == 1:
            kept.append(entry)
        last = None if number % 2 == 1 else entry
        before, at = out[t], t
    return out


def _bytes(matte: Array) -> Array:
    return np.rint(np.clip(matte, 0, 1) * 255).astype(np.uint8)
