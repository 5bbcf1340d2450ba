"""Trees out of leaves, and sunflowers for the corner of the picture, near enough for their seeds to be seen.

A tree is clusters of dabs, lit from the sun's side, dark within.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.scene.drawing.canvas import Texture, dabs, strands, texture_from
from realtime.scene.drawing.light import TO_SUN
from realtime.scene.drawing.noise import Array, colour, mix, smoothstep

HEADS = ((-0.30, 1.02, 0.105), (0.02, 1.20, 0.120), (0.27, 0.88, 0.095), (-0.09, 0.74, 0.085), (0.46, 1.10, 0.085))


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


def paint_sunflowers(pixels_per_m: float, rng: np.random.Generator) -> Texture:
    """A clump of them, 1.3 m high, its roots at the origin."""
    fine = 2 * pixels_per_m
    rgba = np.zeros((round(1.45 * fine), round(1.7 * fine), 4), np.uint8)
    origin = np.array([0.8 * fine, 1.40 * fine])
    for x, y, radius in sorted(HEADS, key=lambda head: head[1], reverse=True):
        _stem(rgba, origin, fine, (x, y), rng)
        _head(rgba, origin + np.array([x, -y]) * fine, radius * fine, rng)
    small = cv2.resize(rgba, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return texture_from(small.astype(np.float32) / 255, -0.8, 1.40, pixels_per_m)


def _stem(rgba: Array, origin: Array, fine: float, head: tuple[float, float], rng: np.random.Generator) -> None:
    x, y = head
    path = np.array([[0.55 * x, 0.0], [0.70 * x, 0.35 * y], [0.92 * x, 0.75 * y], [x, y]]) * [1, -1] * fine + origin
    for shift, width, tone in ((0.0, 0.022, (0.12, 0.22, 0.07)), (0.006, 0.010, (0.34, 0.48, 0.16))):
        strands(rgba, path[None] + shift * fine, np.array([width * fine]), np.array([tone], np.float32))
    for share in rng.uniform(0.25, 0.85, 5):
        at = path[0] + (path[-1] - path[0]) * share
        side = rng.choice([-1.0, 1.0])
        _leaf(rgba, at, side, rng.uniform(0.10, 0.17) * fine, rng)


def _leaf(rgba: Array, at: Array, side: float, length: float, rng: np.random.Generator) -> None:
    droop = rng.uniform(5, 40)
    lean = np.deg2rad(droop)
    for share, tone in ((1.0, (0.13, 0.26, 0.09)), (0.72, (0.30, 0.46, 0.14)), (0.4, (0.45, 0.60, 0.20))):
        centre = at + np.array([side * np.cos(lean), np.sin(lean)]) * length * 0.55 - (1 - share) * length * 0.10
        axes = np.array([[0.55, 0.26]]) * length * share
        dabs(rgba, centre[None], axes, np.array([side * droop]), np.array([tone], np.float32))


def _head(rgba: Array, centre: Array, radius: float, rng: np.random.Generator) -> None:
    for ring, (count, reach) in enumerate(((26, 1.0), (22, 0.86))):
        angle = np.arange(count) * 2 * np.pi / count + rng.normal(0, 0.08, count) + 0.12 * ring
        out = np.stack([np.cos(angle), 0.92 * np.sin(angle)], axis=1)
        to_sun = out[:, 0] * TO_SUN[0] - out[:, 1] * TO_SUN[1]
        light = np.clip(0.55 + 0.45 * to_sun + rng.normal(0, 0.09, count), 0, 1)
        ink = mix(colour(0.72, 0.38, 0.04), colour(1.0, 0.84, 0.22), light.astype(np.float32))
        axes = np.array([[0.38, 0.125]]) * radius * rng.uniform(0.85, 1.15, (count, 1))
        dabs(rgba, centre + out * radius * 0.68 * reach, axes, np.rad2deg(angle), ink)
    _seeds(rgba, centre, radius * 0.52)


def _seeds(rgba: Array, centre: Array, radius: float) -> None:
    """Vogel's spiral: seed n at angle n times 137.5 degrees, distance the root of n."""
    dark = np.array([[0.14, 0.08, 0.04]], np.float32)
    dabs(rgba, centre[None], np.array([[radius, radius * 0.94]]), np.zeros(1), dark)
    n = np.arange(1, 170)
    angle, distance = n * np.deg2rad(137.508), np.sqrt(n / 170)
    place = centre + np.stack([np.cos(angle), 0.94 * np.sin(angle)], axis=1) * distance[:, None] * radius
    light = np.clip(0.35 + 0.35 * (np.cos(angle) - np.sin(angle)) * distance + 0.2 * (distance > 0.75), 0, 1)
    ink = mix(colour(0.17, 0.09, 0.04), colour(0.66, 0.42, 0.15), light.astype(np.float32))
    dabs(rgba, place, np.full((n.size, 2), radius * 0.055), np.zeros(n.size), ink)
