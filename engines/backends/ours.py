"""Our own backends and where they are; no module of theirs is loaded to know their names."""

from engines.machine import AMD, APPLE, INTEL, NVIDIA

# In the order in which `auto` tries them: the fastest first.
OURS = {
    "tensorrt": "engines.backends.tensorrt.backend:TensorRtBackend",
    "tensorrt-rtx": "engines.backends.tensorrt.backend:TensorRtRtxBackend",
    "torch-half": "engines.backends.torch_half.backend:TorchHalfBackend",
    "onnxruntime-gpu": "engines.backends.onnxruntime.backend:OnnxRuntimeGpuBackend",
    "openvino": "engines.backends.openvino.backend:OpenVinoBackend",
    "onnxruntime": "engines.backends.onnxruntime.backend:OnnxRuntimeBackend",
    "torch": "engines.backends.torch_eager:TorchBackend",
}
# Those of ours that need a GPU, and of which vendors.
FOR_GPUS_OF = {
    "tensorrt": (NVIDIA,),
    "tensorrt-rtx": (NVIDIA,),
    "torch-half": (NVIDIA,),
    "onnxruntime-gpu": (NVIDIA, AMD, INTEL, APPLE),
}
