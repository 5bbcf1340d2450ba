"""Compiles all kernels down to machine code for NVIDIA's GPUs, which needs none.

The numbers are what the paper's net has at its first and its last norm. NV12's are compiled for an H100.
"""

# mypy: disable-error-code="import-not-found, import-untyped"

from collections.abc import Iterator
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from engines.kernels import instance_norm_triton as kernels
from engines.kernels import nv12_triton

FOR = ((75, "*fp16"), (90, "*bf16"))
IN_AND_OUT = ("x_ptr", "out_ptr", "residual_ptr")
WHOLE_GROUPS = ("channels", "buffer_pixels", "x_pixels", "out_pixels", "residual_pixels")
BLOCK = {"FOLD": 1, "RIM": 1, "EDGE": False, "X_FOLD": 1, "X_RIM": 0, "RESIDUAL_FOLD": 1, "RESIDUAL_RIM": 1}
HEAD = {"FOLD": 2, "RIM": 4, "EDGE": False, "X_FOLD": 2, "X_RIM": 1, "RESIDUAL_FOLD": 1, "RESIDUAL_RIM": 0}
KERNELS = {
    "partial moments": (kernels._partial_moments, {"FOLD": 2, "RIM": 1, "PIXELS": 128, "CHANNELS": 32}),
    "moments": (kernels._moments, {"PARTS": 32, "CHANNELS": 128}),
    "block": (kernels._write, {**BLOCK, "RELU": False, "ADD": True, "PIXELS": 32, "CHANNELS": 128}),
    "before the head": (kernels._write, {**HEAD, "RELU": True, "ADD": False, "PIXELS": 128, "CHANNELS": 32}),
}


def type_of(name: str, half: str) -> str:
    if name.isupper():
        return "constexpr"
    if name.endswith("_ptr"):
        return half if name in IN_AND_OUT else "*fp32"
    return "i32"


def compile_kernel(kernel: Any, constants: dict[str, int], capability: int, half: str) -> bytes:
    """The machine code; pointers and what is said to be so are multiples of 16, as at most calls."""
    names = kernel.arg_names
    signature = {name: type_of(name, half) for name in names}
    aligned = [name for name in names if name.endswith("_ptr") or name in WHOLE_GROUPS]
    hints = {(names.index(name),): [["tt.divisibility", 16]] for name in aligned}
    source = ASTSource(kernel, signature, constexprs=constants, attrs=hints)
    target = GPUTarget("cuda", capability, 32)
    code: bytes = triton.compile(source, target=target, options={"enable_fp_fusion": True}).asm["cubin"]
    return code


def compile_nv12(kernel: Any, left: bool) -> bytes:
    constants = {"left": left, "columns": nv12_triton.COLUMNS}
    kinds = {name: "fp32" if len(name) == 2 else "i32" for name in kernel.arg_names}
    kinds |= dict.fromkeys(("luma", "chroma", "rgb"), "*u8") | dict.fromkeys(constants, "constexpr")
    source = ASTSource(kernel, kinds, constants)
    code: bytes = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": False}).asm[
        "cubin"
    ]
    return code


def machine_codes() -> Iterator[bytes]:
    """Of every kernel, for every GPU and type of numbers that it is compiled for here."""
    for capability, half in FOR:
        for kernel, constants in KERNELS.values():
            yield compile_kernel(kernel, constants, capability, half)
    for kernel in (nv12_triton._nv12_to_rgb, nv12_triton._rgb_to_nv12):
        for left in (True, False):
            yield compile_nv12(kernel, left)
