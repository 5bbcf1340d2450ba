"""A layer: one flat texture, and where it stands at any time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from realtime.scene.drawing.camera import (
    EYE_HEIGHT_M,
    FOCAL,
    Matrix,
    Pose,
    ground_plane,
    pose_at,
    screen,
    upright_plane,
)
from realtime.scene.drawing.canvas import Texture

Placement = Callable[[Pose, float], Matrix]  # the camera's pose and the time in seconds -> sprite to image coordinates
FLIP: Matrix = np.diag(np.array([1.0, -1.0, 1.0]))


@dataclass(frozen=True, slots=True)
class Layer:
    """Everything that moves as one."""

    name: str
    texture: Texture
    place: Placement


def to_screen(layers: Sequence[Layer], seconds: float, width: int, height: int) -> list[Matrix]:
    """For every layer the matrix from the indices of its texture's pixels to those of the screen."""
    pose = pose_at(seconds)
    look = screen(pose, width, height)
    return [look @ layer.place(pose, seconds) @ layer.texture.to_sprite for layer in layers]


def at_infinity(_: Pose, __: float) -> Matrix:
    """A backdrop that only turns with the camera; the sprite's units are image units, y up."""
    return FLIP


def backdrop_at(z: float) -> Placement:
    """A backdrop painted in image units, y up, as seen by the camera at rest, that stands z metres away."""
    metres = np.array([[z / FOCAL, 0, 0], [0, z / FOCAL, EYE_HEIGHT_M], [0, 0, 1.0]])
    return lambda pose, _: upright_plane(pose, 0.0, z) @ metres


def on_ground(pose: Pose, _: float) -> Matrix:
    """The ground, painted in image units, y up (so always negative)."""
    return ground_plane(pose) @ FLIP


def standing_at(x: float, z: float) -> Placement:
    """A sprite in metres, its origin on the ground at (x, z)."""
    return lambda pose, _: upright_plane(pose, x, z)


def reach(place: Placement, width: int, height: int, *, samples: int = 500) -> tuple[float, float, float, float]:
    """What the camera ever sees of a backdrop: left, right, bottom, top in the sprite's units, with a margin."""
    corners = np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1]], float)
    seen = []
    for seconds in np.linspace(0, 3600, samples):
        pose = pose_at(float(seconds))
        back = np.linalg.solve(screen(pose, width, height) @ place(pose, float(seconds)), corners)
        seen.append(back[:2] / back[2])
    x, y = np.concatenate(seen, axis=1)
    margin = 0.02 + 2 / height
    return float(x.min()) - margin, float(x.max()) + margin, float(y.min()) - margin, float(y.max()) + margin
