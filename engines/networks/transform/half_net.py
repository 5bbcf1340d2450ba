"""The transform net for half precision: uint8 frame in, uint8 frame out, with the arithmetic of a style file's graph.

Between the convolutions every map lies NHWC in the buffer that the next one reads, so that cuDNN pads nothing and turns
nothing round, and a norm is one pass (engines/kernels). What a person turns is in one vector of controls, which is an
input: a captured graph of this net paints in another style as soon as the vector holds other numbers.

The picture and the result are handled in fp32, the maps of the net in half precision.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.kernels.instance_norm import PLAIN, MapLayout, Norm, NormPass, fold, reflected, rim_rows, unfold
from engines.networks.picture_graph import LUMA, SAMPLE_STEP
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.half_weights import (
    CHANNEL_GROUP,
    WHITE,
    Convolution,
    Weights,
    convolutions,
    detail_matrix,
    head_weight,
    normed_weight,
    outputs_by_place,
)
from engines.networks.transform.seed_texture import seed_texture


@dataclass(frozen=True, slots=True)
class NormedLayer:
    """A convolution and the norm after it; the tensors are the net's buffers of this number.

    What the layer numbered `adds` reads is added behind the norm.
    """

    number: int
    stride: int
    step: NormPass
    adds: int | None
    scale_at: slice
    shift_at: slice


class HalfNet(nn.Module):
    """frame uint8 [1, H, W, 3] and controls float32 [S + 2] → uint8 [1, H, W, 3], for one size.

    `norm` is `torch_norm` or the kernel that does the same. With dtype float64 the arithmetic is the trained net's to
    the last digits, which is what the tests compare.
    """

    def __init__(
        self, config: TransformConfig, weights: Weights, size: tuple[int, int], *, dtype: torch.dtype, norm: Norm
    ) -> None:
        super().__init__()
        self.dtype = dtype
        self.wide = torch.promote_types(dtype, torch.float32)
        self.norm = norm
        self.unshuffle = config.unshuffle
        *before_norms, head = steps = convolutions(config)
        self.layers = self._add_layers(before_norms, steps, weights)
        self.read_again = {layer.adds for layer in self.layers}
        kernels, bias = head_weight(head, weights)
        self._add_kernels("head", kernels)
        self.register_buffer("bias", bias.to(self.wide))
        self.register_buffer("luma", torch.tensor(LUMA, dtype=self.wide))
        # A convolution in blocks folds the picture itself; else it reads pixel_unshuffle of it.
        self.block_in, self.block_out = (max(each.reads.fold, self.unshuffle) for each in (steps[0], head))
        for name, length in zip(("rows", "columns"), size, strict=True):
            self.register_buffer(name, _picture_rows(length, config, steps[0].reads))
            self.register_buffer(f"whole_{name}", _picture_rows(length, config, PLAIN))
        self.seeded, self.shares_at = config.seed_amplitude > 0, config.shares_at
        if self.seeded:
            self._add_textures(config, steps[0].reads, size)
        self.detail = config.detail
        if self.detail:
            self._add_detail(config, weights)

    def _add_layers(
        self, before_norms: list[Convolution], steps: list[Convolution], weights: Weights
    ) -> list[NormedLayer]:
        layers, style_at = [], 0
        numbers = {conv.place: number for number, conv in enumerate(before_norms)}
        for number, conv in enumerate(before_norms):
            kernels, epsilon, gain = normed_weight(conv, weights)
            self._add_kernels(f"weight_{number}", kernels)
            self.register_buffer(f"epsilon_{number}", epsilon.to(self.wide))
            self.register_buffer(f"gain_{number}", gain.to(self.wide))
            scale_at = slice(style_at, style_at + len(epsilon))
            shift_at = slice(scale_at.stop, scale_at.stop + len(epsilon))
            adds = None if conv.adds is None else numbers[conv.adds]
            residual = PLAIN if adds is None else steps[adds].reads
            step = NormPass(conv.returns, steps[number + 1].reads, conv.relu, residual, measures=not conv.settled)
            layers.append(NormedLayer(number, conv.stride, step, adds, scale_at, shift_at))
            style_at = shift_at.stop
        return layers

    def _add_detail(self, config: TransformConfig, weights: Weights) -> None:
        """The matrix of the detail, and where its scales and shifts stand: after those of all the norms."""
        self.register_buffer("detail_matrix", detail_matrix(weights, config.unshuffle).to(self.dtype))
        places = outputs_by_place(torch.arange(config.picture_channels), unshuffle=config.unshuffle)
        for name, start in (("scale", -2), ("shift", -1)):
            first = config.shares_at.start + start * config.picture_channels
            self.register_buffer(f"detail_{name}_at", first + places)

    def _add_textures(self, config: TransformConfig, stem: MapLayout, size: tuple[int, int]) -> None:
        """The seed textures as the stem reads them, [K, H', W', 1] in 0..255; blocks are reflected for the rim."""
        whole = [length + -length % config.size_multiple for length in size]
        rows, columns = (_rim_rows(length, config, stem) for length in whole)
        told = torch.stack([torch.from_numpy(seed_texture(name, *whole)).double() for name in config.textures])
        textures = config.seed_amplitude * WHITE * told[:, rows][:, :, columns]
        self.register_buffer("textures", textures[..., None].to(self.dtype))

    def _add_kernels(self, name: str, kernels: Tensor) -> None:
        self.register_buffer(name, kernels.to(self.dtype, memory_format=torch.channels_last))

    def forward(self, frame: Tensor, controls: Tensor) -> Tensor:
        stylized = self.blend(frame, self.paint(frame, controls), controls)
        return stylized.round().clamp(0, WHITE).to(torch.uint8)

    def paint(self, frame: Tensor, controls: Tensor) -> Tensor:
        """The picture at full strength, fp32 [1, H, W, 3], 0..255, neither clamped nor rounded."""
        mean = self.mean_colour(frame)
        x = self.prepare(frame, mean, controls)
        kept: dict[int, Tensor] = {}
        for layer in self.layers:
            if layer.number in self.read_again:
                kept[layer.number] = x
            residual = None if layer.adds is None else kept.pop(layer.adds)
            convolved = _convolve(x, self.get_buffer(f"weight_{layer.number}"), layer.stride)
            scale, shift = controls[layer.scale_at], controls[layer.shift_at]
            if not layer.step.measures:
                scale = scale * self.get_buffer(f"gain_{layer.number}")
            epsilon = self.get_buffer(f"epsilon_{layer.number}")
            x = self.norm(convolved, scale, shift, epsilon, residual, layer.step)
        bias = self.get_buffer("bias")
        head = _convolve(x, self.get_buffer("head"), 1)[..., : len(bias)].to(self.wide)
        painted = WHITE * unfold(head + bias, self.block_out)
        if self.detail:
            painted = painted + self.add_detail(frame, mean, controls)
        return painted[:, : frame.shape[1], : frame.shape[2]]

    def mean_colour(self, frame: Tensor) -> Tensor:
        """[1, 1, 1, 3], rounded, for whole numbers up to 255 are exact in every half precision."""
        sample = frame[:, ::SAMPLE_STEP, ::SAMPLE_STEP].to(self.wide)
        return sample.mean((1, 2), keepdim=True).round()

    def prepare(self, frame: Tensor, mean: Tensor, controls: Tensor) -> Tensor:
        """The stem's input: the picture less its mean colour, padded and in blocks, its channels in whole groups.

        The norm after the stem takes any constant away, and without it the sums lose less.
        """
        picture = frame[:, self.get_buffer("rows")][:, :, self.get_buffer("columns")]
        centred = picture.to(self.dtype) - mean.to(self.dtype)
        if self.seeded:
            centred = centred + self._texture(controls)
        folded = fold(centred, self.block_in)
        return functional.pad(folded, [0, -folded.shape[-1] % CHANNEL_GROUP])

    def _texture(self, controls: Tensor) -> Tensor:
        """[1, H', W', 1]: the textures, as the style shares them."""
        textures = self.get_buffer("textures")
        if len(textures) == 1:
            return textures
        shares = controls[self.shares_at].to(self.wide)
        return (shares[:, None, None, None] * textures).sum(0, keepdim=True).to(self.dtype)

    def add_detail(self, frame: Tensor, mean: Tensor, controls: Tensor) -> Tensor:
        """What each block of the picture adds to itself, wide [1, H, W, 3], 0..255, sizes padded."""
        matrix = self.get_buffer("detail_matrix")
        scale, shift = (controls[self.get_buffer(f"detail_{name}_at")] for name in ("scale", "shift"))
        picture = frame[:, self.get_buffer("whole_rows")][:, :, self.get_buffer("whole_columns")]
        centred = functional.linear(fold(picture.to(self.dtype) - mean.to(self.dtype), self.unshuffle), matrix)
        level = functional.linear(mean.repeat(1, 1, 1, self.unshuffle**2), matrix.to(self.wide))
        return unfold((centred.to(self.wide) + level) * scale + WHITE * shift, self.unshuffle)

    def blend(self, frame: Tensor, painted: Tensor, controls: Tensor) -> Tensor:
        """picture + strength · ((1 − keep) · d + keep · luma(d)), d = painted − picture; [1, H, W, 3], 0..255."""
        picture = frame.to(self.wide)
        change = painted.clamp(0, WHITE) - picture
        luma = (change * self.get_buffer("luma")).sum(-1, keepdim=True)
        strength, keep_colour = controls[-2], controls[-1]
        kept = strength * keep_colour
        return picture + ((strength - kept) * change + kept * luma)


def _convolve(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """NHWC in and out, with no padding; torch knows NHWC as NCHW in the memory format channels_last."""
    return functional.conv2d(x.permute(0, 3, 1, 2), weight, stride=stride).permute(0, 2, 3, 1)


def _picture_rows(length: int, config: TransformConfig, layout: MapLayout) -> Tensor:
    """Which row (or column) of the frame each row of a padded picture repeats: reflected to a whole multiple, then rim.

    Where the picture is read through pixel_unshuffle, it is whole blocks that are reflected for the rim.
    """
    return reflected(_rim_rows(length + -length % config.size_multiple, config, layout), length)


def _rim_rows(whole: int, config: TransformConfig, layout: MapLayout) -> Tensor:
    """The rows of a padded picture with the rim's, which are reflected in whole blocks."""
    unit = config.unshuffle
    blocks = rim_rows(whole // unit, layout, torch.device("cpu"))
    return (blocks[:, None] * unit + torch.arange(unit)).flatten()
