"""Makes the network of the package `rf-cutie` (Cutie, Cheng et al., CVPR 2024; MIT) without its downloads and Hydra."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch

Size = Literal["small", "base"]
_SMALL = ["pixel_encoder"]


def make_network(size: Size = "base") -> torch.nn.Module:
    """Returns Cutie's network with random weights, for inference.

    Raises:
        ImportError: the package is not installed.
    """
    from cutie.model.cutie import CUTIE

    with no_downloads(), quiet():
        network: torch.nn.Module = CUTIE(settings(size)).eval()
    return network.requires_grad_(False)


def settings(size: Size = "base") -> Any:
    """Returns Cutie's settings for DAVIS 2017 from its own files, without Hydra, which nothing else needs."""
    import cutie
    from omegaconf import OmegaConf

    folder = Path(next(iter(cutie.__path__))) / "config"
    common: Any = OmegaConf.load(folder / "eval_config.yaml")
    model: Any = OmegaConf.load(folder / "model" / "base.yaml")
    if size == "small":
        smaller: Any = OmegaConf.load(folder / "model" / "small.yaml")
        model = OmegaConf.merge(model, OmegaConf.masked_copy(smaller, _SMALL))
    own = [str(name) for name in common if name not in ("defaults", "hydra", "datasets")]
    return OmegaConf.merge(OmegaConf.masked_copy(common, own), common.datasets["d17-val"], {"model": model})


@contextmanager
def no_downloads() -> Iterator[None]:
    """Keeps Cutie's ResNets from downloading ImageNet weights while they are made."""
    from cutie.model.utils import resnet

    before = resnet.model_zoo, resnet.load_weights_add_extra_dim
    resnet.model_zoo, resnet.load_weights_add_extra_dim = _NoZoo(), _leave
    try:
        yield
    finally:
        resnet.model_zoo, resnet.load_weights_add_extra_dim = before


class _NoZoo:
    def load_url(self, *_: object, **__: object) -> dict[str, object]:
        return {}


def _leave(*_: object, **__: object) -> None:
    return None


@contextmanager
def quiet() -> Iterator[None]:
    """Suppresses what the package logs, and its warnings."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with without_warnings():
            yield
    finally:
        logging.disable(before)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Suppresses the package's warnings of deprecated calls, which artists cannot act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
