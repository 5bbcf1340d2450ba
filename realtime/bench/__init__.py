"""`impasto bench`: frames a second of the net, of the pipeline and of its stages, on this machine."""

from realtime.bench.run import BenchReport, run_bench

__all__ = ["BenchReport", "run_bench"]
