"""OpenVINO: float and int8 engines for CPUs."""
