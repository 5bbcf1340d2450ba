"""Sunflowers for the corner of the picture, near enough for their seeds to be seen."""

import cv2
import numpy as np

from realtime.scene.drawing.brush import dabs, strands
from realtime.scene.drawing.canvas import Texture, texture_from
from realtime.scene.drawing.light import TO_SUN
from realtime.scene.drawing.noise import Array, colour, mix

HEADS = ((-0.30, 1.02, 0.105), (0.02, 1.20, 0.120), (0.27, 0.88, 0.095), (-0.09, 0.74, 0.085), (0.46, 1.10, 0.085))


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
