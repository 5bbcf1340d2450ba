"""Run with TRITON_INTERPRET=1 set: the kernels on the CPU; the norm's over all cases and in a whole net, and NV12's.

Prints JSON, {case: error as a share of what is tolerated}. NV12 tolerates nothing: 0 where every bit is the same.
"""

import json
import os

import torch
from norm_cases import CASES

from engines.kernels.instance_norm import Norm, torch_norm
from engines.kernels.instance_norm_triton import styled_norm, triton_norm
from engines.kernels.nv12 import nv12_to_rgb_reference, rgb_to_nv12, rgb_to_nv12_reference
from engines.kernels.nv12_colour import BT601, BT709, Nv12Colour
from engines.kernels.nv12_triton import nv12_to_rgb_kernel, rgb_to_nv12_kernel
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.half_net import HalfNet
from engines.networks.transform.net import TransformNet

WHOLE_NET = "whole net"
TOLERATED = 1e-2  # of 255, in fp32
CHANCE = torch.Generator().manual_seed(3)
NV12_CASES = {
    "nv12 5x9": (5, 9, Nv12Colour(BT601, full=True, left=True)),
    "nv12 6x7": (6, 7, Nv12Colour(BT709, full=False, left=False)),
    "nv12 1x1": (1, 1, Nv12Colour(BT601, full=False, left=False)),
    "nv12 2x522": (2, 522, Nv12Colour(BT709, full=False, left=True)),
}


def painted(norm: Norm) -> torch.Tensor:
    """By an untrained net with every kind of layer."""
    torch.manual_seed(0)
    net = TransformNet(TransformConfig(widths=(4, 6, 8), blocks=1, refine_blocks=1, skip=True))
    weights = {name: tensor for name, tensor in net.state_dict().items() if name != "styles"}
    frame = torch.randint(0, 256, (1, 21, 18, 3), dtype=torch.uint8)
    half = HalfNet(net.config, weights, (21, 18), dtype=torch.float32, norm=norm)
    return half.paint(frame, torch.cat([net.styles[0].detach(), torch.ones(2)]))


def noise(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, generator=CHANCE, dtype=torch.uint8)


def nv12_error(height: int, width: int, colour: Nv12Colour) -> float:
    """The most that a level differs from the specification's, of planes whose rows have something behind them."""
    rows, columns = (height + 1) // 2, (width + 1) // 2
    luma = noise(height, width + 5)[:, :width]
    chroma = noise(rows, columns * 2 + 4)[:, : columns * 2].view(rows, columns, 2)
    pairs = [
        (nv12_to_rgb_kernel(luma, samples, colour), nv12_to_rgb_reference(luma, samples, colour))
        for samples in (chroma, chroma[: max(1, height // 2), : max(1, width // 2)])
    ]
    rgb = noise(height, width, 3)
    for even in (True, False):
        planes = rgb_to_nv12(torch.zeros_like(rgb), colour, even=even)
        rgb_to_nv12_kernel(rgb, *planes, colour)
        pairs += zip(planes, rgb_to_nv12_reference(rgb, colour, even=even), strict=True)
    return max(float((mine.double() - theirs.double()).abs().max()) for mine, theirs in pairs)


torch.set_num_threads(1)
errors = {name: nv12_error(*nv12) for name, nv12 in NV12_CASES.items()}
errors |= {name: case.error(triton_norm(*case.inputs(), case.step)) for name, case in CASES.items()}
case = CASES["residual"]
layouts = [[each.fold, each.rim, int(each.edge)] for each in (case.step.source, case.step.target, case.step.residual)]
torch.library.opcheck(styled_norm, (*case.inputs(), case.step.relu, case.step.measures, *layouts))
errors[WHOLE_NET] = float((painted(triton_norm) - painted(torch_norm)).abs().max()) / TOLERATED
print(json.dumps(errors), flush=True)
os._exit(0)  # to take torch and Triton down again would take seconds
