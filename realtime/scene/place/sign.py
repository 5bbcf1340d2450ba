"""The signboard by the walk: planks, two posts, and lettering to read."""

import cv2
import numpy as np

from realtime.scene.drawing.canvas import Canvas, Texture
from realtime.scene.drawing.light import lit
from realtime.scene.drawing.noise import Array, colour, fractal_noise, mix, smoothstep, value_noise
from realtime.scene.drawing.relief import round_shape

BOARD = (-0.62, 0.62, 0.62, 1.30)  # left, right, bottom, top in metres


def paint_sign(pixels_per_m: float, supersample: int, rng: np.random.Generator) -> Texture:
    canvas = Canvas((-0.75, 0.75), (-0.06, 1.45), pixels_per_m, supersample)
    left, right, bottom, top = BOARD
    for x in (-0.45, 0.45):
        post = [(x - 0.045, -0.05), (x + 0.045, -0.05), (x + 0.045, 1.40), (x, 1.43), (x - 0.045, 1.40)]
        round_shape(canvas, post, colour(0.36, 0.27, 0.19), 0.04, rng, weave=0.16, smooth=False)
    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    below = canvas.polygon([(x, y - 0.05) for x, y in corners], soft=0.02)
    canvas.tint(colour(0.10, 0.08, 0.06), 0.6 * below)
    board = canvas.polygon(corners)
    canvas.over(lit(_planks(canvas, rng), np.full(canvas.alpha.shape, 0.80, np.float32), 0.95), board)
    frame = canvas.stroke(corners, 0.045, closed=True)
    canvas.over(lit(colour(0.30, 0.19, 0.11), np.full(canvas.alpha.shape, 0.7, np.float32), 0.9), frame * board)
    _letter(canvas, "impasto", 0.94, 0.255, 700, colour(0.10, 0.17, 0.33), board)
    _letter(canvas, "LAKE  1.6 km", 0.715, 0.125, 600, colour(0.45, 0.10, 0.07), board)
    canvas.over(colour(0.10, 0.17, 0.33), 0.85 * canvas.stroke([(-0.5, 0.865), (0.5, 0.865)], 0.010))
    return canvas.finish()


def _planks(canvas: Canvas, rng: np.random.Generator) -> Array:
    """Cream paint on four boards: grain along them, dark joints, flakes gone here and there."""
    _, y = canvas.grid()
    cell = 0.02 * canvas.per_unit
    grain = fractal_noise(y.shape, cell, rng, octaves=3, gain=0.7, stretch=16)
    flakes = fractal_noise(y.shape, 0.10 * canvas.per_unit, rng, octaves=5, gain=0.7, stretch=2.5)
    place = (y - BOARD[2]) / 0.17
    tone = 0.05 * np.sin(np.floor(place) * 2.3) + 0.05 * grain
    paint = colour(0.90, 0.84, 0.68) * (0.95 + tone)[..., None]
    wood = colour(0.50, 0.38, 0.26) * (1 + 0.25 * grain)[..., None]
    painted = mix(paint, wood, smoothstep(1.25, 1.55, flakes))
    joint = smoothstep(0.040, 0.015, np.abs(np.mod(place + 0.5, 1) - 0.5))
    weather = 0.92 + 0.08 * value_noise(y.shape, (cell * 12, cell * 20), rng)
    return np.asarray(mix(painted, colour(0.25, 0.18, 0.12), 0.75 * joint) * weather[..., None], np.float32)


def _letter(canvas: Canvas, text: str, base: float, tall: float, weight: int, ink: Array, where: Array) -> None:
    """Letters centred on x = 0 with their feet at `base`, `tall` metres from line to line."""
    font = cv2.FontFace("sans")
    size = round(tall * canvas.per_unit)
    page = np.zeros((*canvas.alpha.shape, 3), np.uint8)
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), font, size, weight)
    foot = canvas.to_pixels([(0.0, base)], bits=0)[0]
    at = (int(foot[0] - width / 2), int(foot[1]))
    cv2.putText(page, text, at, (255, 255, 255), font, size, weight)
    canvas.over(ink, page[..., 0].astype(np.float32) / 255 * where * 0.93)
