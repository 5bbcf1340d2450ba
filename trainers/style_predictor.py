"""A net that reads a picture and tells the style vector by which a transform net paints like it.

It sees means and deviations of the features of a loss network, by which styles are told anyway (AdaIN, arXiv
1703.06868), and a small perceptron makes a vector of them. How it learns that is in trainers.predictor.
"""

import json
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.errors import BadFile, in_one_line
from engines.failures import any_failure_as
from engines.networks.transform.net import TransformNet
from engines.style.styles import StyleFile
from trainers.data import style_picture
from trainers.losses.perceptual import PerceptualNet
from trainers.run.initial_weights import trained_net
from trainers.run.run_folder import History
from trainers.settings.options import ALL_STYLE_LAYERS, READ_PX, STROKE_REFERENCE_PX

# What a predictor's file says of how it was made.
TRAINING_KEY = "impasto.training"
# YIQ: luma, and the plane in which hues turn.
TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


class StylePredictor(nn.Module):
    """Statistics of a picture → a style vector [B, S], around the mean of the vectors that the net was trained with.

    Their shares of the net's textures, `shares_at`, are the same for all pictures: in the proportion of the mean, as
    strong as they are in the mean. Predicted, they cancelled each other out.
    """

    mean: Tensor
    deviation: Tensor
    middle: Tensor
    spread: Tensor

    def __init__(self, perceptual: PerceptualNet, vectors: Tensor, width: int, shares_at: slice = slice(0, 0)) -> None:
        super().__init__()
        # Not a part of the state: it travels with the package.
        self._perceptual = (perceptual,)
        self.layers = tuple(layer for layer in ALL_STYLE_LAYERS if layer in perceptual.names)
        count = len(self.statistics(torch.zeros(1, 3, 64, 64, device=vectors.device))[0])
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("deviation", torch.ones(count))
        self.register_buffer("middle", vectors.mean(0))
        self.register_buffer("spread", vectors.std(0, correction=0).clamp_min(0.05))
        shares = vectors[:, shares_at].detach()
        self.middle[shares_at] = functional.normalize(shares.mean(0), dim=0) * shares.norm(dim=1).mean()
        self.spread[shares_at] = 0
        last = nn.Linear(width, vectors.shape[1])
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)
        inner = nn.Linear(count, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        self.perceptron = nn.Sequential(*inner, last)

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures [B, 3, H, W], RGB 0..1, of the size at which they are read → [B, S]."""
        told = (self.statistics(pictures) - self.mean) / self.deviation
        vector: Tensor = self.middle + self.spread * self.perceptron(told)
        return vector

    @property
    def perceptual(self) -> PerceptualNet:
        """The loss network by which pictures are read."""
        return self._perceptual[0]

    @torch.no_grad()
    def statistics(self, pictures: Tensor) -> Tensor:
        """[B, F]: of every channel of every layer the mean, and the deviation over the picture."""
        found = self.perceptual.features(pictures, self.layers)
        told = [torch.cat(torch.std_mean(found[layer], (2, 3), unbiased=False), dim=1) for layer in self.layers]
        return torch.cat(told, dim=1)

    @torch.no_grad()
    def measure(self, statistics: Tensor) -> None:
        """[N, F] of pictures such as are read: over them what the perceptron is told has mean 0 and deviation 1."""
        deviation, mean = torch.std_mean(statistics, 0, correction=0)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp_min(1e-4))


def frozen_net(file: StyleFile) -> TransformNet:
    """The style file's net; BadFile where it has no transform net, or is damaged."""
    return trained_net(file).requires_grad_(False).eval()


@torch.no_grad()
def begin_as(path: Path, predictor: StylePredictor) -> History:
    """Lets a predictor tell the vectors that the one in the file tells; the runs that made that.

    BadFile where the file has none, or one of another width or for another kind of net.
    """

    def told(error: Exception) -> str:
        why = f"{path} is no predictor that this one can begin as ({in_one_line(error)})"
        return f"{why}; give a .predictor.onnx of the same --width for a net of the same kind"

    with any_failure_as(BadFile, told, but=(OSError,)):
        model = onnx.load_model_from_string(path.read_bytes())
        values = [torch.tensor(onnx.numpy_helper.to_array(each)).float() for each in model.graph.initializer]
        rows = [value[0] for value in values if value.ndim == 2 and len(value) == 1]
        mean, deviation, *offsets = rows
        matrices = [value.T for value in values if value.ndim == 2 and len(value) > 1]
        # The last layer was written with all that follows it.
        matrices[-1], offsets[-1] = _before_spread(matrices[-1], offsets[-1], predictor)
        predictor.mean.copy_(mean)
        predictor.deviation.copy_(deviation)
        layers = [layer for layer in predictor.perceptron if isinstance(layer, nn.Linear)]
        for layer, matrix, offset in zip(layers, matrices, offsets, strict=True):
            layer.weight.copy_(matrix)
            layer.bias.copy_(offset)
        told_of_it = {entry.key: entry.value for entry in model.metadata_props}
        earlier: dict[str, Any] = json.loads(told_of_it.get(TRAINING_KEY, "{}"))
        return [*earlier.pop("earlier_runs", []), *([earlier] if earlier else [])]


def _before_spread(matrix: Tensor, offset: Tensor, predictor: StylePredictor) -> tuple[Tensor, Tensor]:
    """The last layer as the perceptron has it, from what was written; a net may have more textures than the one then.

    What is not spread, the shares of the textures at the end, is 0.
    """
    middle, spread = predictor.middle.cpu(), predictor.spread.cpu()
    kept = int((spread > 0).sum())
    if not kept <= len(offset) <= len(middle):
        raise ValueError(f"it tells {len(offset)} numbers in place of {len(middle)}")
    shares = len(middle) - kept
    matrix = torch.cat([matrix[:kept] / spread[:kept, None], matrix.new_zeros(shares, matrix.shape[1])])
    away = (offset[:kept] - middle[:kept]) / spread[:kept]
    return matrix, torch.cat([away, away.new_zeros(shares)])


def turned(paintings: Tensor, share: float, chance: torch.Generator) -> Tensor:
    """Paintings [B, 3, H, W], a share of them in other hues: turned by any angle about the axis of greys."""
    to_yiq = torch.tensor(TO_YIQ).to(paintings)
    chosen, angle = torch.rand(2, len(paintings), generator=chance)
    angle = torch.where(chosen < share, angle * 2 * torch.pi, torch.zeros_like(angle)).to(paintings)
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    turn = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(-1, 3, 3)
    matrix = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    return torch.einsum("bij,bjhw->bihw", matrix, paintings).clamp(0, 1)


def as_read(paintings: Tensor, stroke: float) -> Tensor:
    """Crops of paintings at the size of their strokes → at the size at which whole pictures are read."""
    scale = READ_PX / (stroke * STROKE_REFERENCE_PX)
    return functional.interpolate(paintings, scale_factor=scale, mode="bilinear", antialias=True)


def read_picture(path: Path) -> Tensor:
    """[1, 3, H, W]: a picture as it is read."""
    return style_picture(path, READ_PX)
