"""The sky: a gradient, the sun's halo, fair-weather clouds lit from its side, and thin high streaks."""

import numpy as np

from realtime.scene.drawing.light import SUN_X, SUN_Y, air_colour, glow
from realtime.scene.drawing.noise import Array, colour, fractal_noise, mix, smoothstep, value_noise

# centre x, base y, half width, height: image coordinates, y upwards from the horizon
CLOUDS = (
    (-0.62, 0.245, 0.34, 0.19),
    (0.06, 0.315, 0.23, 0.12),
    (-0.15, 0.150, 0.24, 0.075),
    (0.66, 0.165, 0.26, 0.085),
    (0.36, 0.090, 0.17, 0.040),
    (-0.52, 0.095, 0.21, 0.045),
    (0.98, 0.270, 0.22, 0.14),
    (-1.12, 0.130, 0.22, 0.080),
)


def paint_sky(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Colours [rows, columns, 3] of the sky in directions x, y (image coordinates, y upwards)."""
    sky = _gradient(x, y)
    sky = _streaks(sky, x, y, rng)
    density = cloud_density(x, y, rng)
    return np.clip(_clouds(sky, density, x, y), 0, 1)


def _gradient(x: Array, y: Array) -> Array:
    zenith, middle = colour(0.20, 0.42, 0.74), colour(0.50, 0.69, 0.89)
    sky = mix(middle, zenith, smoothstep(0.10, 0.62, y))
    sky = mix(sky, air_colour(x, y), np.exp(-np.maximum(y, 0) / 0.13) * 0.92)
    halo = glow(x, y, 0.125)
    sky = sky + halo[..., None] * colour(0.62, 0.46, 0.24)
    disc = smoothstep(0.034, 0.027, np.hypot(x - SUN_X, y - SUN_Y))
    return mix(np.clip(sky, 0, 1), colour(1.0, 0.995, 0.95), disc)


def _streaks(sky: Array, x: Array, y: Array, rng: np.random.Generator) -> Array:
    cell = x.shape[0] / 5
    wisps = fractal_noise(x.shape, cell, rng, octaves=6, gain=0.6, stretch=4.5)
    veil = smoothstep(0.1, 1.5, wisps) * smoothstep(0.05, 0.30, y)
    return mix(sky, colour(0.97, 0.96, 0.94), veil * 0.40)


def cloud_density(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Optical thickness [rows, columns]: heaps with flat bases, their outlines broken by noise."""
    unit = x.shape[0] / float(y[0, 0] - y[-1, 0])  # pixels per frame height
    billow = 1 - 2 * np.abs(fractal_noise(x.shape, 0.13 * unit, rng, octaves=7, gain=0.55))
    ragged = fractal_noise(x.shape, 0.035 * unit, rng, octaves=5, gain=0.6)
    bend = 0.035 * value_noise(x.shape, (0.12 * unit, 0.12 * unit), rng)
    total = np.zeros_like(x)
    for centre, base, half_width, tall in CLOUDS:
        total = np.maximum(total, _heap(x + bend, y + 0.4 * bend, (centre, base, half_width, tall), billow, ragged))
    return total


def _heap(x: Array, y: Array, cloud: tuple[float, float, float, float], billow: Array, ragged: Array) -> Array:
    centre, base, half_width, tall = cloud
    across, up = (x - centre) / half_width, (y - base) / tall
    dome = 1 - across**2 - np.maximum(up, 0) ** 1.6
    noise = 0.55 * billow + 0.22 * ragged
    floor = smoothstep(-0.16, 0.14, up + 0.10 * ragged)
    return np.asarray(smoothstep(0.05, 0.75, dome * 0.95 + noise * 0.62 - 0.05) * floor, np.float32)


def _clouds(sky: Array, density: Array, x: Array, y: Array) -> Array:
    light = _light_through(density, x, y)
    shade, bright = colour(0.60, 0.65, 0.75), colour(1.0, 0.975, 0.93)
    body = mix(shade, bright, light)
    body = body + (0.20 * glow(x, y, 0.22) * light)[..., None] * colour(0.9, 0.7, 0.4)
    far = np.exp(-np.maximum(y, 0) / 0.11)
    body = mix(body, air_colour(x, y), 0.75 * far)
    return mix(sky, body, np.clip(density * 1.15, 0, 1) * 0.96)


def _light_through(density: Array, x: Array, y: Array) -> Array:
    """Sunlight left after the way through the cloud: the density summed over steps towards the sun."""
    rows = x.shape[0]
    step = max(1, round(0.011 * rows / float(y[0, 0] - y[-1, 0])))
    depth = np.zeros_like(density)
    for count in range(1, 8):
        depth += _shifted(density, -round(0.8 * count * step), round(0.95 * count * step))
    return np.exp(-0.30 * depth) * 0.85 + 0.22 * (1 - density)


def _shifted(field: Array, left: int, down: int) -> Array:
    """The field moved by whole pixels, its border repeated."""
    rows = np.clip(np.arange(field.shape[0]) - down, 0, field.shape[0] - 1)
    columns = np.clip(np.arange(field.shape[1]) - left, 0, field.shape[1] - 1)
    return np.asarray(field[rows][:, columns])
