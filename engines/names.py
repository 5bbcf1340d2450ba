"""The words in which an engine is chosen; nothing is loaded here, so that the command line can show them."""

AUTO = "auto"
PRECISIONS = ("bf16", "fp16", "fp32", "fp8", "int8")
CALIBRATED = ("fp8", "int8")
MODES = ("latency", "throughput")
LEAST_SIZE_PX = 16
