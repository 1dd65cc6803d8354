"""The weight files of this release: what they are, where they come from, how good they are.

One frozen dataclass for each, in one dictionary; no reflection. Files are safetensors: loading runs no code.
A weight without hash, licence, recipe and measured metric is not a weight. PyTorch is only needed to fill a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .errors import WeightsDamaged, WeightsMissing

if TYPE_CHECKING:
    import torch

FOLDER = Path(__file__).parent / "weights"
REINSTALL = "Install the add-on or the package again: the weights are part of it."


@dataclass(frozen=True, slots=True)
class WeightEntry:
    """One weight file.

    Attributes:
        name: its name in code.
        network: class it belongs to.
        file: name in the weights folder.
        sha256: of the file.
        bytes: size of the file.
        licence: of the weights.
        trained_on: data sets; their terms are in the card next to the file.
        params: number of parameters.
        size: of the network, where there are several: small or large.
        similarity: key similarity of a propagation network.
        metrics: measured values by data set and measure; None where not measured.
        recipe: the command that trained it.
    """

    name: str
    network: str
    file: str
    sha256: str
    bytes: int
    licence: str
    trained_on: tuple[str, ...]
    params: int
    recipe: str
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    size: Literal["small", "large"] = "small"
    similarity: Literal["l2", "dot"] = "l2"


_STILLS = ("ECSSD", "PASCAL-S", "Weizmann horses", "human290", "CCP", "BSDS500", "COCO_MVal", "DAVIS 2016 train")
_STROKES = (
    *(
        "SA-V",
        "PUMaVOS",
        "Berkeley motion",
        "MSRC",
        "SegTrack",
        "background subtraction films",
        "YouTube-VOS fragments",
    ),
    *("DAVIS 2017", "closed-boundary tracking", "powerlines"),
)
_LICENCE = "the project's own, GPL-3.0-or-later; see the card for the terms of the training data"

WEIGHTS: dict[str, WeightEntry] = {
    "scribble": WeightEntry(
        name="scribble",
        network="ScribbleToMask",
        file="scribble.safetensors",
        sha256="942e0288ceb8013d6a70ed1cc63d5a7362553ef93228317ce5d4620e7fadab34",
        bytes=7_118_002,
        licence=_LICENCE,
        trained_on=(*_STILLS, *_STROKES),
        params=3_504_225,
        recipe=(
            "cutout train scribble --data DATA --cache CACHE --out FIRST --minutes 91; cutout train scribble "
            "--data DATA --cache CACHE --out OUT --weights FIRST/last.pt --begin 0.45 --minutes 31.65 --seed 7 "
            "--set foreground=0.5 --set again=0.25 --set frozen_norms=1 --set alternatives=2 --set average=0.995 "
            "(ended after 28.2 minutes); MEAN: mean of both runs' weights; cutout train scribble --data DATA "
            "--cache CACHE --out LAST --weights MEAN --begin 0.25 --minutes 75 --seed 16 --set foreground=0.4 "
            "--set again=0.25 --set frozen_norms=1 --set alternatives=2; cutout train scribble --data DATA "
            "--cache CACHE --out SLOPPY --weights LAST --begin 0.2 --minutes 105 --seed 77 --set foreground=0.25 "
            "--set again=0.25 --set frozen_norms=1 --set hurried=0.5 --set closer=0.2 --set average=0.999"
        ),
        metrics={
            "eval-dev/stills IoU foreground": 0.814,
            "eval-dev/video first frames IoU foreground": 0.754,
            "eval-dev/stills IoU round 1": 0.875,
            "eval-dev/stills IoU round 3": 0.954,
            "eval-dev/stills IoU round 5": 0.968,
            "eval-dev/stills IoU round 10": 0.980,
            "eval-dev/stills IoU round 1, sloppy": 0.830,
            "eval-dev/stills IoU round 3, sloppy": 0.913,
            "eval-dev/stills IoU round 5, sloppy": 0.941,
            "eval-dev/stills IoU round 10, sloppy": 0.965,
        },
    ),
    "propagation": WeightEntry(
        name="propagation",
        network="PropagationNet",
        similarity="dot",
        file="propagation.safetensors",
        sha256="9e711bcfa1378e3345d319a4044b0f1ae72305b3697ce0ab6a93699ce3778eb3",
        bytes=4_831_552,
        licence=_LICENCE,
        trained_on=_STILLS,
        params=2_378_148,
        recipe=(
            "cutout train propagation --data DATA --cache CACHE --out FIRST --minutes 600 --steps 300 --set "
            "similarity=dot --set sizes=192 --set clips=4 --set shares_begin=1 --set shares_end=1 --set "
            "long_from=0.4 --set long_frames=4 --set video_begin=0.3; cutout train propagation --data DATA "
            "--cache CACHE --out OUT --weights FIRST/last.pt --begin 0.1 --minutes 70 --seed 61 --set "
            "similarity=dot --set long_from=0.4 --set video_begin=0.5 --set video=0.6 --set sizes=224,288 --set "
            "clips=4,3 --set shares_begin=0.9,0.1 --set shares_end=0.5,0.5 (ended after 60)"
        ),
        metrics={
            "eval-dev/video J": 0.806,
            "eval-dev/video F": 0.807,
            "eval-dev/video J&F": 0.807,
            "eval-dev/video J&F, four starts": 0.772,
        },
    ),
    "propagation-large": WeightEntry(
        name="propagation-large",
        network="PropagationNet",
        size="large",
        similarity="dot",
        file="propagation-large.safetensors",
        sha256="fecb83e49fa6fc27d5f429cdb60e55764e2c197a1a05b76761ce3430aaab43b5",
        bytes=10_012_632,
        licence=_LICENCE,
        trained_on=_STILLS,
        params=4_939_700,
        recipe=(
            "from the last.pt of the earlier large network, see its card: cutout train propagation --data DATA "
            "--cache CACHE --out DOT --weights LARGE/last.pt --begin 0.15 --minutes 115 --seed 11 --set "
            "network_size=large --set similarity=dot --set pseudo_instances=0; the same with --out WIDE --weights "
            "DOT/last.pt --begin 0.3 --minutes 85 --seed 12 --set sizes=224,288,384,448 --set clips=4,3,2,2 --set "
            "shares_begin=0.4,0.3,0.2,0.1 --set shares_end=0.2,0.25,0.3,0.25; mean of DOT's and WIDE's weights"
        ),
        metrics={
            "eval-dev/video J": 0.837,
            "eval-dev/video F": 0.860,
            "eval-dev/video J&F": 0.848,
            "eval-dev/video J&F, four starts": 0.860,
        },
    ),
    "edge": WeightEntry(
        name="edge",
        network="EdgeNet",
        file="edge.safetensors",
        sha256="bdc84aab8d3a983380f3e2fcb319b4c07c9b4dcc8728c9085a90528302adad2a",
        bytes=1_087_320,
        licence=_LICENCE,
        trained_on=(*_STILLS, "Oxford-IIIT Pets", "SA-V", "CamVid", "MSRC"),
        params=542_180,
        recipe=(
            "cutout train edge --data DATA --cache CACHE --out OUT --minutes 85 --seed 11 --head-rate 8e-4 "
            "--set patches=6 --set side=96 --set average=0.998 --set hardest=1 --set clip_norm=0.5"
        ),
        metrics={
            "eval-dev/edges alpha error, x the rough matte's": 0.67,
            "eval-dev/edges gradient error, x the rough matte's": 0.69,
            "eval-dev/edges composite error, x the rough matte's": 0.52,
        },
    ),
    "automatic": WeightEntry(
        name="automatic",
        network="AutomaticNet",
        file="automatic.safetensors",
        sha256="8946991e0521973065adb93d98844a1d57867d06136b05807e14f2332e3572da",
        bytes=7_121_782,
        licence=_LICENCE,
        trained_on=(
            "CCP",
            "human290",
            "Weizmann horses",
            "DAVIS 2016 train",
            "CamVid",
            "MSRC",
            "Oxford-IIIT Pets",
            "powerlines",
        ),
        params=3_506_307,
        recipe=(
            "from the scribble weights: cutout train automatic --data DATA --cache CACHE --out FIRST --minutes 6 "
            "--seed 5 --set frozen=3 --set clothing=CLOTHING; cutout train automatic --data DATA --cache CACHE "
            "--out OUT --weights FIRST/last.pt --begin 0.1 --minutes 36 --seed 9 --set frozen=3 --set clothing=CLOTHING"
        ),
        metrics={
            "held out CCP IoU Person": 0.945,
            "held out human290 IoU Person": 0.899,
            "held out CamVid IoU Person": 0.533,
            "held out CCP IoU Head": 0.857,
            "held out CamVid IoU Sky": 0.910,
            "held out MSRC IoU Sky": 0.956,
        },
    ),
}


def kind_of(name: str) -> str:
    """Returns the task that the weights of that name are for, as training calls it: `propagation-large` propagates."""
    return name.partition("-")[0]


def find_entry(name: str) -> WeightEntry:
    """Returns the entry of that name.

    Raises:
        WeightsMissing: there is no such entry; the message lists the names.
    """
    if name not in WEIGHTS:
        raise WeightsMissing(f"There are no weights called {name!r}.", f"Known: {', '.join(sorted(WEIGHTS))}.")
    return WEIGHTS[name]


def weight_path(entry: WeightEntry, folder: Path | None = None) -> Path:
    """Returns the path of the entry's file, after checking its contents against the registry.

    Args:
        entry: of this registry.
        folder: where to look; the package's own folder by default.

    Raises:
        WeightsMissing: no such file.
        WeightsDamaged: its contents are not those the registry describes.
    """
    path = (folder or FOLDER) / entry.file
    if not path.is_file():
        raise WeightsMissing(f"The weight file {path} is missing.", REINSTALL)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != entry.sha256:
        raise WeightsDamaged(
            f"The weight file {path} is damaged or of another version ({path.stat().st_size} bytes, "
            f"{entry.bytes} expected; checksum {digest[:12]}…, {entry.sha256[:12]}… expected).",
            f"Delete it. {REINSTALL}",
        )
    return path


def load_weights(entry: WeightEntry, network: torch.nn.Module, folder: Path | None = None) -> None:
    """Fills `network` (float32) with the entry's weights, after checking the file.

    Raises:
        WeightsMissing: no such file.
        WeightsDamaged: the file is not the registry's, or does not fit the network.
    """
    from safetensors.torch import load_file

    state = load_file(weight_path(entry, folder))
    missing, unexpected = network.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise WeightsDamaged(
            f"The weight file {entry.file} does not fit {entry.network}: "
            f"{len(missing)} tensors missing, {len(unexpected)} unknown.",
            REINSTALL,
        )
