"""The generator of pytorch-CycleGAN-and-pix2pix, written down again from its description, as an oracle for ours."""

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Reflection pad, conv, norm, ReLU, perhaps dropout, reflection pad, conv, norm, and the input added."""

    def __init__(self, channels: int, dropout: bool, affine: bool) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels, affine=affine)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels, affine=affine)]
        self.conv_block = nn.Sequential(*half, nn.ReLU(), *([nn.Dropout(0.5)] if dropout else []), *again)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv_block(x)
        return out


class PublishedGenerator(nn.Module):
    """`netG resnet_Nblocks` for RGB in −1..1, with random weights for which its pictures are neither flat nor cut."""

    def __init__(self, width: int, blocks: int, *, dropout: bool = False, affine: bool = False, seed: int = 0) -> None:
        super().__init__()

        def normed(conv: nn.Module, channels: int) -> list[nn.Module]:
            return [conv, nn.InstanceNorm2d(channels, affine=affine), nn.ReLU()]

        layers = [nn.ReflectionPad2d(3), *normed(nn.Conv2d(3, width, 7), width)]
        for a, b in ((width, 2 * width), (2 * width, 4 * width)):
            layers += normed(nn.Conv2d(a, b, 3, stride=2, padding=1), b)
        layers += [Block(4 * width, dropout, affine) for _ in range(blocks)]
        for a, b in ((4 * width, 2 * width), (2 * width, width)):
            layers += normed(nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1), b)
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, value in self.named_parameters():
                noise = torch.randn(value.shape, generator=generator)
                scales = value.ndim == 1 and name.endswith("weight")
                value.copy_(1 + 0.3 * noise if scales else noise * (0.3 if value.ndim == 1 else 0.05))

    def forward(self, x: Tensor) -> Tensor:
        painted: Tensor = self.model(x)
        return painted
