"""What floats: a sailing boat on the lake with its mirror image, and a balloon in the sky."""

import numpy as np

from realtime.scene.drawing.canvas import Canvas, Texture
from realtime.scene.drawing.light import TO_SUN, lit, round_shape
from realtime.scene.drawing.noise import Array, colour, fractal_noise, mix, sample_tile, smoothstep


def paint_boat(pixels_per_m: float, supersample: int, rng: np.random.Generator) -> Texture:
    """A small boat that sails to the right, its water line at y = 0."""
    canvas = Canvas((-3.4, 3.4), (-5.0, 7.4), pixels_per_m, supersample)
    mast = [(-0.06, 0.5), (0.06, 0.5), (0.04, 7.2), (-0.04, 7.2)]
    round_shape(canvas, mast, colour(0.45, 0.32, 0.20), 0.05, rng, smooth=False)
    main = [(-0.15, 1.2), (-2.6, 1.15), (-2.2, 2.6), (-1.2, 5.0), (-0.12, 7.0), (-0.02, 4.0)]
    round_shape(canvas, main, colour(0.96, 0.92, 0.84), 1.3, rng, folds=0.06, fold_cell=(2.5, 0.8), weave=0.03)
    jib = [(0.12, 6.4), (0.25, 4.0), (0.35, 1.25), (2.5, 0.95), (1.5, 2.7), (0.7, 4.8)]
    round_shape(canvas, jib, colour(0.86, 0.33, 0.20), 1.0, rng, folds=0.05, fold_cell=(2.5, 0.7), weave=0.03)
    hull = [(-2.75, 0.85), (0.0, 0.70), (2.2, 0.85), (3.2, 1.10), (2.3, 0.15), (1.6, -0.10), (-2.2, -0.10), (-2.6, 0.3)]
    round_shape(canvas, hull, colour(0.16, 0.27, 0.44), 0.45, rng, weave=0.08)
    canvas.tint(
        colour(0.92, 0.88, 0.78), 0.9 * canvas.stroke([(-2.7, 0.72), (0.0, 0.58), (2.2, 0.72), (3.0, 0.95)], 0.10)
    )
    for x, shirt in ((-1.5, (0.75, 0.62, 0.20)), (-0.9, (0.30, 0.45, 0.62))):
        body = [(x - 0.22, 0.7), (x + 0.22, 0.7), (x + 0.20, 1.35), (x, 1.5), (x - 0.20, 1.35)]
        round_shape(canvas, body, colour(*shirt), 0.15, rng)
        angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        head = np.stack([x + 0.13 * np.cos(angle), 1.66 + 0.16 * np.sin(angle)], axis=1)
        round_shape(canvas, head, colour(0.80, 0.58, 0.45), 0.12, rng)
    _mirror(canvas, rng)
    return canvas.finish()


def _mirror(canvas: Canvas, rng: np.random.Generator) -> None:
    """Fill what lies below the water line with a rippled image of what stands above it."""
    x, y = canvas.grid()
    ripple = fractal_noise(x.shape, 0.25 * canvas.per_unit, rng, octaves=2, stretch=5)
    column = (x + 0.30 * ripple * np.minimum(1, -y * 0.6 + 0.2) - canvas.left) * canvas.per_unit
    row = (canvas.top + y * 1.15) * canvas.per_unit
    fade = 0.62 * smoothstep(-4.6, -0.3, y) * (y < 0.0)
    inside = (row >= 0) & (row < x.shape[0])
    rows, columns = np.where(inside, row, 0).astype(int), np.clip(column, 0, x.shape[1] - 1).astype(int)
    image, cover = canvas.colour[rows, columns] * 0.8, canvas.alpha[rows, columns] * fade
    straight = image / np.maximum(canvas.alpha[rows, columns], 1e-3)[..., None]
    below = canvas.alpha * (y < -0.02)
    canvas.colour *= (1 - below)[..., None]
    canvas.alpha *= 1 - below
    canvas.over(straight, cover)


def paint_balloon(pixels_per_m: float, supersample: int, rng: np.random.Generator) -> Texture:
    """A hot-air balloon 18 m high, the basket's floor at y = 0."""
    canvas = Canvas((-7.5, 7.5), (-0.5, 19.0), pixels_per_m, supersample)
    x, y = canvas.grid()
    for side in (-1, -0.35, 0.35, 1):
        canvas.over(colour(0.25, 0.20, 0.16), canvas.stroke([(side * 0.8, 1.2), (side * 2.2, 5.2)], 0.10))
    basket = [(-0.85, 0.0), (0.85, 0.0), (0.95, 1.3), (-0.95, 1.3)]
    round_shape(canvas, basket, colour(0.52, 0.35, 0.18), 0.5, rng, weave=0.25, smooth=False)
    canvas.over(_envelope(x, y, rng), _outline(x, y))
    return canvas.finish()


def _half_width(y: Array) -> Array:
    """The envelope's outline: a ball above, a cone down to the mouth."""
    ball = np.sqrt(np.clip(1 - ((y - 11.8) / 6.7) ** 2, 0, 1)) * 6.7
    cone = 1.5 + (y - 4.4) * 0.93
    return np.asarray(np.where(y < 9.0, np.minimum(ball, cone), ball), np.float32)


def _outline(x: Array, y: Array) -> Array:
    return smoothstep(0.06, -0.06, np.abs(x) - _half_width(y)) * smoothstep(4.35, 4.45, y)


def _envelope(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Gores in three colours with a zigzag belt, seams, and the light of a ball."""
    across = np.clip(x / np.maximum(_half_width(y), 0.1), -1, 1)
    gore = np.arcsin(across) * 12 / np.pi + 0.35
    stripe = np.mod(np.floor(gore), 3)[..., None]
    red, cream, blue = colour(0.80, 0.17, 0.13), colour(0.95, 0.88, 0.70), colour(0.15, 0.30, 0.56)
    albedo = np.where(stripe == 0, red, np.where(stripe == 1, cream, blue))
    zigzag = 2.2 * np.abs(np.mod(gore, 1) - 0.5)
    belt = smoothstep(1.25, 1.05, np.abs(y - 11.3 - zigzag))
    albedo = mix(albedo, colour(0.95, 0.70, 0.18), belt)
    billow = (
        1 - 0.22 * np.exp(-((np.mod(gore, 1) - 0.02) ** 2) / 0.006) + 0.10 * np.cos(2 * np.pi * np.mod(gore, 1) - np.pi)
    )
    depth = np.sqrt(np.clip(1 - across**2, 0, 1))
    light = np.clip(across * TO_SUN[0] + (y - 11.0) / 7.5 * TO_SUN[1] + depth * TO_SUN[2] + 0.2, 0.02, 1) * billow
    cloth = 1 + 0.04 * sample_tile(rng.uniform(-1, 1, (64, 64)).astype(np.float32), x * 8, y * 8)
    return lit(albedo * cloth[..., None], light, 0.8)
