"""The ResNet generator as a family of networks."""

from typing import TYPE_CHECKING

from engines.networks.family import Config, NetworkFamily
from engines.networks.resnet_generator.config import RESIZE, SIZE_MULTIPLE, ResnetGeneratorConfig
from engines.networks.resnet_generator.cyclegan_checkpoint import read_cyclegan
from engines.networks.resnet_generator.graph import build_model

if TYPE_CHECKING:
    from engines.networks.resnet_generator.net import ResnetGenerator

FLOAT_BYTES = 4


def widest_bytes_per_px(config: Config) -> float:
    """8(a + b) of the net's widest stage, at full size: from a channels to b.

    That is the padding before the head, from `width` to as many, or the last convolution after a nearest ×2, from twice
    as many. Measured with OpenCV 5 at 640x360 and 1280x720, the picture included (gate/memory.py): 928 bytes a pixel
    for a transposed net of 64 channels (1074 by the formula) and 280 for one of 16 (306), 1667 for a resized net of 64
    (1586) and 849 for one of 32 (818).
    """
    net = ResnetGeneratorConfig.from_dict(config)
    channels = 3 * net.width if net.upsampling == RESIZE else 2 * net.width
    return 2 * FLOAT_BYTES * channels


def _net(config: Config, styles: int) -> "ResnetGenerator":
    from engines.networks.resnet_generator.net import ResnetGenerator

    return ResnetGenerator(ResnetGeneratorConfig.from_dict(config), styles)


FAMILY = NetworkFamily(
    net=_net,
    graph=build_model,
    title="ResNet generator",
    size_multiple=lambda config: SIZE_MULTIPLE,
    bytes_per_px=widest_bytes_per_px,
    import_tensors=read_cyclegan,
)
