"""Trees out of leaves: clusters of dabs, lit from the sun's side, dark within."""

from dataclasses import dataclass

import numpy as np

from realtime.scene.drawing.brush import dabs, strands
from realtime.scene.drawing.light import TO_SUN
from realtime.scene.drawing.noise import Array, colour, mix, smoothstep


@dataclass(frozen=True, slots=True)
class Species:
    """Shape in shares of the tree's height and the colours of leaves in shadow and in sun."""

    crown_width: float
    crown_base: float
    taper: float  # 0 round, 1 pointed at the top
    clusters: int
    leaves: int
    shadow: tuple[float, float, float]
    sun: tuple[float, float, float]


OAK = Species(0.92, 0.14, 0.10, 46, 70, (0.07, 0.13, 0.07), (0.55, 0.62, 0.20))
BIRCH = Species(0.58, 0.16, 0.35, 40, 55, (0.13, 0.20, 0.08), (0.74, 0.74, 0.28))
CYPRESS = Species(0.24, 0.04, 0.75, 44, 48, (0.04, 0.09, 0.07), (0.30, 0.40, 0.17))
SPRUCE = Species(0.42, 0.08, 1.0, 54, 40, (0.04, 0.10, 0.09), (0.27, 0.41, 0.22))
MAPLE = Species(0.80, 0.15, 0.15, 44, 60, (0.24, 0.09, 0.04), (0.93, 0.56, 0.16))


def paint_tree(height_px: int, species: Species, rng: np.random.Generator, *, fine: float = 1.0) -> Array:
    """Premultiplied RGBA uint8 of a tree whose trunk ends in the middle of the lowest row."""
    width = round(height_px * (species.crown_width + 0.16))
    rgba = np.zeros((height_px, width, 4), np.uint8)
    _trunk(rgba, species, rng)
    centres, radii = _clusters(species, rng)
    for centre, radius in zip(centres, radii, strict=True):
        _leaves(rgba, species, centre, radius, fine, rng)
    return rgba


def _trunk(rgba: Array, species: Species, rng: np.random.Generator) -> None:
    height, width = rgba.shape[:2]
    bark = np.array([[0.17, 0.13, 0.10], [0.30, 0.23, 0.17], [0.47, 0.37, 0.26]], np.float32)
    girth = max(1.0, 0.042 * height)
    middle = width / 2
    top = height * (1 - species.crown_base - 0.30)
    for shade, offset, share in ((0, 0.0, 1.0), (1, 0.10, 0.6), (2, 0.26, 0.22)):
        path = np.array([[[middle + offset * girth, height + 2], [middle + (offset + 0.2) * girth, top]]])
        strands(rgba, path, np.array([max(1, girth * share)]), bark[shade : shade + 1])
    for _ in range(7):
        reach = np.array([rng.uniform(-0.34, 0.34) * species.crown_width * height, -rng.uniform(0.12, 0.36) * height])
        start = np.array([middle, height * (1 - species.crown_base) - rng.uniform(-0.02, 0.12) * height])
        bend = start + reach * [0.4, 0.65]
        strands(rgba, np.array([[start, bend, start + reach]]), np.array([max(1, girth * 0.3)]), bark[1:2])


def _clusters(species: Species, rng: np.random.Generator) -> tuple[Array, Array]:
    """Centres [n, 3] in the crown's unit ball (x, y up, z to the viewer), back to front, and radii [n]."""
    direction = rng.normal(size=(species.clusters, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    centres = direction * rng.uniform(0.25, 0.86, (species.clusters, 1)) ** 0.5
    centres[:, 0] *= 1 - species.taper * 0.5 * (centres[:, 1] + 1)
    radii = rng.uniform(0.20, 0.36, species.clusters) * (1 - 0.45 * species.taper * 0.5 * (centres[:, 1] + 1))
    order = np.argsort(centres[:, 2])
    return centres[order], radii[order]


def _leaves(rgba: Array, species: Species, centre: Array, radius: float, fine: float, rng: np.random.Generator) -> None:
    height = rgba.shape[0]
    count = max(6, round(species.leaves * fine))
    ball = rng.normal(size=(count, 3))
    ball /= np.maximum(np.linalg.norm(ball, axis=1, keepdims=True), 1e-6)
    ball *= rng.uniform(0.2, 1.0, (count, 1)) ** 0.5
    ball = ball[np.argsort(ball[:, 2] + 0.8 * (ball @ TO_SUN))]
    place = centre + ball * radius
    light = np.clip(0.42 + 0.38 * (ball @ TO_SUN) + 0.42 * (place @ TO_SUN), 0, 1.1) + rng.normal(0, 0.10, count)
    shadow, sun = colour(*species.shadow), colour(*species.sun)
    middle = (0.62 * shadow + 0.38 * sun) * colour(0.85, 1.0, 0.95)
    ink = mix(mix(shadow, middle, smoothstep(0.05, 0.55, light)), sun, smoothstep(0.50, 1.05, light))
    ink = ink * (1 + rng.normal(0, 0.09, (count, 1))) + rng.normal(0, 0.012, (count, 3))
    crown_height = (1 - species.crown_base) * height
    pixels = np.empty((count, 2))
    pixels[:, 0] = rgba.shape[1] / 2 + place[:, 0] * species.crown_width * height * 0.42
    pixels[:, 1] = crown_height * (0.52 - 0.44 * place[:, 1])
    size = height * 0.0150 / fine**0.5 * rng.uniform(0.6, 1.35, (count, 1)) * np.array([[1.30, 0.68]])
    dabs(rgba, pixels, size, rng.uniform(0, 180, count), ink.astype(np.float32))
