"""What is told of a run's saved state that cannot be read: a disk that was full, a machine that went out."""

from pathlib import Path


def damaged(path: Path, error: Exception) -> str:
    """The line for whatever torch, or what is to take the state in, raised."""
    return f"{path} is damaged ({type(error).__name__}), and nothing can go on from it; delete it and begin again"
