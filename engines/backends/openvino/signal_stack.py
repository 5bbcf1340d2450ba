"""The stack on which this thread's signals are handled, kept from OpenVINO.

OpenVINO 2026.4 gives the thread that compiles a net an alternate signal stack (sigaltstack), and when the net is freed
it puts back the one that it had found. Two nets that are not freed in the reverse of that order leave the thread with a
stack that is freed already, and the next Ctrl-C, which Python handles on it, is a segmentation fault.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Stack(ctypes.Structure):
    """Linux's stack_t."""

    _fields_ = [("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Whatever happens inside, this thread has its own signal stack back afterwards. Seen on Linux, and done there."""
    if sys.platform != "linux":
        yield
        return
    libc, before = ctypes.CDLL(None), _Stack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        libc.sigaltstack(ctypes.byref(before), None)
