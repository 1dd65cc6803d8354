"""Joins the engine and the networks: the only file that imports both `core` and `models`.

The two halves do not know each other; errors of the networks are translated here into those shown to users.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .core.engine import Engine, EngineSettings
from .core.errors import EnvironmentMissing, InputError, WeightsError, is_out_of_memory, translate
from .core.propagation.settings import PropagationSettings
from .core.tiers.published import PUBLISHED, Published
from .core.tiers.table import AUTO, Tier
from .environment import machine, weight_files
from .environment.network_library import ONNX, chosen_library
from .environment.tier_record import fitting_tier

if TYPE_CHECKING:
    from .core.ports import AutomaticNet, EdgeNet, PropagationNet, ScribbleNet

T = TypeVar("T")
DEVICES = (AUTO, "cpu", "cuda", "mps")
KINDS = ("scribble", "propagation", "edge", "automatic")
EDGE, AUTOMATIC = "edge", "automatic"


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of a tier, loaded on a device.

    Attributes:
        scribble: stroke network.
        propagation: propagation network.
        weights_id: hash of the weight files.
        edge: edge network; None = none. No mask depends on it, so it is not in the hash.
        automatic, automatic_id: network of the automatic modes, and the hash of its weights; None = none.
    """

    scribble: ScribbleNet
    propagation: PropagationNet
    weights_id: str
    edge: EdgeNet | None = None
    automatic: AutomaticNet | None = None
    automatic_id: str = ""


Loose = Mapping[str, Path]
"""Kind of weights, one of `KINDS` -> the file to use instead."""


def load_engine(tier: str = AUTO, device: str = AUTO, weights: Loose | None = None, library: str = AUTO) -> Engine:
    """Returns the engine with its trained networks.

    Args:
        tier: a name from `cutout tiers`; auto = see `choose_tier`.
        device: auto, cpu, cuda or mps; auto takes cuda, then mps, then cpu.
        weights: checkpoints or safetensors files to use instead of the tier's own, by kind: "scribble", "propagation",
            "edge", "automatic". They need PyTorch.
        library: what runs the networks: auto, torch or onnx; see `environment.network_library`.

    Raises:
        InputError: unknown tier, device or library, or a device that this machine does not have.
        WeightsError: weights missing or damaged.
        EnvironmentMissing: the library is not installed.
        OutOfMemory: the device does not have enough memory for the networks.
    """
    with _without_gc():
        place = choose_device(device, library)
        chosen = choose_tier(tier, place, library)
        return make_engine(load_networks(chosen, place, weights, library), chosen, place)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Pauses Python's garbage collector: loading leaves no garbage, and looking for it takes time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def choose_tier(name: str = AUTO, device: str = "cpu", library: str = AUTO) -> Tier:
    """Returns the tier of that name; for auto, the one that `cutout doctor` chose for this machine, else the default.

    Raises:
        InputError: there is no such tier.
    """
    return fitting_tier(name, device, card_name(device) if name == AUTO else None, library)


def card_name(device: str) -> str:
    """Returns the name of a device's graphics card; "" if there is none or it is unknown."""
    return str(_torch().cuda.get_device_name(0)) if device == "cuda" else ""


def free_memory_mb(device: str) -> float:
    """Returns the free memory in MB for networks on that device; 0 = not known."""
    if device == "cuda":
        return float(_torch().cuda.mem_get_info()[0] / 2**20)
    return machine.free_memory_mb()


def make_engine(networks: Networks, tier: Tier, device: str = "cpu") -> Engine:
    """Returns the engine of `networks` (trained ones, or any that satisfy the ports) with a tier's settings."""
    return Engine(
        networks.scribble,
        networks.propagation,
        settings_of(tier),
        edge=networks.edge,
        tier=tier.name,
        device=device,
        weights_id=networks.weights_id,
        automatic=networks.automatic,
        automatic_id=networks.automatic_id,
    )


def settings_of(tier: Tier) -> EngineSettings:
    """Returns a tier's settings for the engine; a published network runs as its authors run it."""
    others = tier.propagation_weights in PUBLISHED
    propagation = PropagationSettings(
        working_px=tier.propagation_px,
        memory_every=tier.memory_every,
        budget=tier.memory_budget,
        megabytes=tier.memory_megabytes,
        growth=tier.growth,
        hypotheses=tier.hypotheses,
        transient=not others,
        presence=tier.presence,
    )
    return EngineSettings(tier.scribble_px, propagation, tier.mirrored_strokes)


def choose_device(device: str = AUTO, library: str = AUTO) -> str:
    """Returns the device to run on: cuda, mps or cpu; for auto, the best one of this machine.

    Without PyTorch that is the processor.

    Raises:
        InputError: the device is unknown, or this machine does not have it.
        EnvironmentMissing: PyTorch is wanted, but not installed.
    """
    if device not in DEVICES:
        raise InputError(f"There is no device {device!r}.", f"Choose one of: {', '.join(DEVICES)}.")
    if chosen_library(library) == ONNX:
        if device not in (AUTO, "cpu"):
            raise InputError(
                f"Without PyTorch the networks cannot run on {device!r}.", "Choose auto or cpu, or install PyTorch."
            )
        return "cpu"
    torch = _torch()
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == AUTO:
        return next(name for name, available in there.items() if available)
    if not there[device]:
        usable = ", ".join((AUTO, *(name for name, available in there.items() if available)))
        raise InputError(f"This machine has no device {device!r} that PyTorch can use.", f"Choose one of: {usable}.")
    return device


def load_networks(tier: Tier, device: str, weights: Loose | None = None, library: str = AUTO) -> Networks:
    """Returns the trained networks of a tier on a device; any later errors of theirs are CutoutErrors.

    ONNX Runtime computes the tiers of half precision in 32 bits.

    Args:
        tier: the tier whose weights to use.
        device: cpu, cuda or mps.
        weights: see `load_engine`.
        library: see `load_engine`.

    Raises:
        WeightsError: weights missing or damaged; OutOfMemory; EnvironmentMissing.
        InputError: unknown kinds of weights, or other weights without PyTorch.
    """
    for kind in weights or ():
        if kind not in KINDS:
            raise InputError(f"There are no weights for {kind!r}.", f"Choose from: {', '.join(KINDS)}.")
    if chosen_library(library) == ONNX:
        if weights:
            raise InputError("Weights from a file need PyTorch.", "Leave out --weights, or use --engine torch.")
        return _onnx_networks(tier)
    return _torch_networks(tier, device, weights or {})


def _onnx_networks(tier: Tier) -> Networks:
    try:
        from .models.onnx_inference import predictors
    except ImportError as error:
        raise EnvironmentMissing(
            f"Neither PyTorch nor ONNX Runtime can be loaded ({error}).",
            "Install the add-on again. In a Python of your own: install the package with its [worker] or [onnx] group.",
        ) from error
    names, threads = _weight_names(tier), machine.thread_count()
    if names["propagation"] in PUBLISHED:
        raise InputError(f"The tier {tier.name} needs PyTorch.", "Choose another tier, or install PyTorch.")
    with translated():
        scribble = predictors.load_scribble(names["scribble"], threads)
        propagation = predictors.load_propagation(names["propagation"], threads)
    hashes = [_checksum(name) for name in (*names.values(), AUTOMATIC)]
    automatic = _Late(lambda: predictors.load_automatic(AUTOMATIC, threads))
    return _joined(scribble, propagation, hashes, _Late(lambda: predictors.load_edge(EDGE, threads)), automatic)


def _torch_networks(tier: Tier, device: str, weights: Loose) -> Networks:
    _torch()
    from .models import checkpoint_weights
    from .models.inference import packed, predictors, runner

    with translated():
        other = {kind: checkpoint_weights.read_checkpoint_weights(path) for kind, path in weights.items()}
        halved = tier.precision == "half" and device == "cpu" and packed.fast_bfloat16()
        precision: runner.Precision = "bf16" if halved else "auto"
        names = {**_weight_names(tier), AUTOMATIC: AUTOMATIC}
        scribble = predictors.load_scribble(names["scribble"], device, loose=other.get("scribble"))
        published = None if "propagation" in other else PUBLISHED.get(tier.propagation_weights)
        if published is not None:
            propagation: Any = _load_published(published, device)
        else:
            name = "propagation" if tier.propagation_weights in PUBLISHED else names["propagation"]
            propagation = predictors.load_propagation(name, device, precision, other.get("propagation"))
    hashes = [other[kind].sha256 if kind in other else _checksum(name) for kind, name in names.items()]
    edge = _Late(lambda: predictors.load_edge(EDGE, device, edge_precision(device), other.get(EDGE)))
    automatic = _Late(lambda: predictors.load_automatic(AUTOMATIC, device, precision, other.get(AUTOMATIC)))
    return _joined(scribble, propagation, hashes, edge, automatic)


def _joined(scribble: object, propagation: object, hashes: Sequence[str], edge: _Late, automatic: _Late) -> Networks:
    weights_id = hashlib.sha256("".join(hashes[:2]).encode()).hexdigest()[:16]
    both = cast("ScribbleNet", _Translated(scribble)), cast("PropagationNet", _Translated(propagation))
    return Networks(*both, weights_id, cast("EdgeNet", edge), cast("AutomaticNet", automatic), hashes[2][:16])


def _load_published(network: Published, device: str) -> Any:
    """Returns the predictor of a published network.

    Raises:
        EnvironmentMissing: its package is not installed, or cannot be loaded.
        WeightsError: its weights are missing or damaged.
    """
    from .models.inference import published

    hint = weight_files.get_package(network)
    if not weight_files.has_package(network):
        raise EnvironmentMissing(f"{network.title} needs the package {network.package}.", hint)
    with weight_files.opened(network) as file:
        try:
            return published.load_published(network.name, file, device)
        except ImportError as error:
            raise EnvironmentMissing(f"The package {network.package} cannot be loaded ({error}).", hint) from error


def _checksum(name: str) -> str:
    """Returns the checksum of weights by their name in the registry, or of a published network's."""
    from .models import registry

    if name in PUBLISHED:
        return PUBLISHED[name].sha256 or PUBLISHED[name].md5
    return registry.find_entry(name).sha256


def held_out_pictures(data: Path, cache: Path, clothing: Path | None, most: int) -> Iterator[Any]:
    """Yields pictures that the automatic modes were not trained on; see `models.training.samples.class_pool`."""
    from .models.training.samples.class_pool import held_out

    return held_out(data, cache, clothing, most)


def edge_precision(device: str) -> Any:
    """The precision of the edge network: 16 bits where they are faster."""
    from .models.inference import packed

    return "bf16" if device == "cpu" and packed.fast_bfloat16() else "auto"


def check_weights(tier: Tier) -> Iterator[tuple[str, int]]:
    """Checks each weight file of a tier and yields its (name, bytes).

    Raises:
        WeightsError: missing or damaged.
    """
    from .models import registry

    for name in _weight_names(tier).values():
        if name in PUBLISHED:
            with weight_files.opened(PUBLISHED[name]) as file:
                yield PUBLISHED[name].file, os.fstat(file.fileno()).st_size
            continue
        with translated():
            path = registry.weight_path(registry.find_entry(name))
        yield path.name, path.stat().st_size


def _weight_names(tier: Tier) -> dict[str, str]:
    """Returns kind of weights -> name in the registry, for the networks that a tier's masks depend on."""
    return {"scribble": tier.scribble_weights, "propagation": tier.propagation_weights}


@contextmanager
def translated() -> Iterator[None]:
    """Turns errors of `models`, and those that `core.errors.translate` knows, into CutoutErrors."""
    from .models import errors

    try:
        yield
    except (errors.WeightsMissing, errors.WeightsDamaged) as error:
        raise WeightsError(error.text, error.hint) from error
    except Exception as error:
        known = translate(error)
        if known is None or known is error:
            raise
        raise known from error


def within_memory(work: Callable[[], T], step_down: Callable[[], bool]) -> T:
    """Returns the result of `work`, repeated while memory runs out and `step_down` finds something smaller.

    Args:
        work: keeps whatever fills the memory in its own frame, so that it is freed before the next attempt.
        step_down: called after each failure; False = there is nothing smaller.

    Raises:
        OutOfMemory: there is not enough memory even for the smallest.
    """
    while True:
        try:
            return work()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            full = (translate(error) or error).with_traceback(None)
        # Not inside `except`, and without its causes: tracebacks keep the memory occupied.
        full.__cause__ = full.__context__ = None
        free_memory()
        if not step_down():
            raise full


def free_memory() -> None:
    """Releases the memory that torch holds in reserve, if it is loaded."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


class _Translated:
    """A network whose errors are translated."""

    def __init__(self, net: object) -> None:
        self._net = net

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._net, name)

        def call(*args: Any, **named: Any) -> Any:
            with translated():
                return method(*args, **named)

        setattr(self, name, call)  # later look-ups find it directly
        return call


class _Late:
    """A network that is loaded when its one method is first needed, and whose errors are translated."""

    def __init__(self, load: Callable[[], object]) -> None:
        self._load = load

    def __getattr__(self, name: str) -> Any:
        with translated():
            setattr(self, name, method := getattr(_Translated(self._load()), name))
        return method


def _torch() -> Any:
    # By default PyTorch's threads busy-wait for each other. When other programs (Blender!) use the processor, two
    # threads are then much slower than one; waiting passively is never slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
    except ImportError as error:
        raise EnvironmentMissing(
            f"PyTorch cannot be loaded ({error}).",
            "Run `python install.py` in Blender Cutout's folder, or install the package with its [worker] group.",
        ) from error
    return torch
