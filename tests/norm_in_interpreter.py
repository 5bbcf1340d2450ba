"""Run with TRITON_INTERPRET=1 set: the norm's kernels on the CPU, over all cases. Prints JSON, {case: error}."""

import json

import torch
from norm_cases import CASES

from engines.kernels.instance_norm_triton import styled_norm, triton_norm

torch.set_num_threads(1)
errors = {name: case.error(triton_norm(*case.inputs(), case.step)) for name, case in CASES.items()}
case = CASES["residual"]
layouts = [[each.fold, each.rim, int(each.edge)] for each in (case.step.source, case.step.target, case.step.residual)]
torch.library.opcheck(styled_norm, (*case.inputs(), case.step.relu, *layouts))
print(json.dumps(errors))
