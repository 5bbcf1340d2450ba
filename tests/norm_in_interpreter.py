"""Run with TRITON_INTERPRET=1 set: the norm's kernels on the CPU, over all cases and in a whole net.

Prints JSON, {case: error as a share of what is tolerated}.
"""

import json

import torch
from norm_cases import CASES

from engines.kernels.instance_norm import Norm, torch_norm
from engines.kernels.instance_norm_triton import styled_norm, triton_norm
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.half_net import HalfNet
from engines.networks.transform.net import TransformNet

WHOLE_NET = "whole net"
TOLERATED = 1e-2  # of 255, in fp32


def painted(norm: Norm) -> torch.Tensor:
    """By an untrained net with every kind of layer."""
    torch.manual_seed(0)
    net = TransformNet(TransformConfig(widths=(4, 6, 8), blocks=1, refine_blocks=1))
    weights = {name: tensor for name, tensor in net.state_dict().items() if name != "styles"}
    frame = torch.randint(0, 256, (1, 21, 18, 3), dtype=torch.uint8)
    half = HalfNet(net.config, weights, (21, 18), dtype=torch.float32, norm=norm)
    return half.paint(frame, torch.cat([net.styles[0].detach(), torch.ones(2)]))


torch.set_num_threads(1)
errors = {name: case.error(triton_norm(*case.inputs(), case.step)) for name, case in CASES.items()}
case = CASES["residual"]
layouts = [[each.fold, each.rim, int(each.edge)] for each in (case.step.source, case.step.target, case.step.residual)]
torch.library.opcheck(styled_norm, (*case.inputs(), case.step.relu, *layouts))
errors[WHOLE_NET] = float((painted(triton_norm) - painted(torch_norm)).abs().max()) / TOLERATED
print(json.dumps(errors))
