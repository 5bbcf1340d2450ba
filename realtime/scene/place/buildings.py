"""What people built: houses, the village on the far shore, and the signboard by the walk.

A house has a gable towards us, a long wall in the sun, tiles, windows, and ivy at the foot. The village is a church and
a few houses, stamped into the hills. The sign has planks, two posts, and lettering to read.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.scene.drawing.canvas import Canvas, Points, Texture
from realtime.scene.drawing.light import lit, round_shape
from realtime.scene.drawing.noise import Array, colour, fractal_noise, mix, smoothstep, value_noise

Colour = tuple[float, float, float]
RED, BROWN, ROSE = (0.60, 0.24, 0.15), (0.42, 0.28, 0.20), (0.66, 0.36, 0.26)
CREAM, WHITE, OCHRE = (0.92, 0.86, 0.72), (0.94, 0.93, 0.90), (0.86, 0.70, 0.44)
BOARD = (-0.62, 0.62, 0.62, 1.30)  # left, right, bottom, top in metres


@dataclass(frozen=True, slots=True)
class House:
    """Measures in metres; `side` is how wide the long wall appears."""

    gable: float = 5.4
    side: float = 4.6
    wall: float = 2.9
    ridge: float = 5.5
    plaster: Colour = (0.90, 0.83, 0.70)
    tiles: Colour = (0.58, 0.28, 0.19)
    tower: float = 0.0  # height of a steeple, for a church


def paint_house(house: House, pixels_per_m: float, supersample: int, rng: np.random.Generator) -> Texture:
    half = house.gable / 2
    tall = max(house.ridge + 1.2, house.tower + 0.6)
    canvas = Canvas((-half - 0.8, half + house.side + 0.9), (-0.3, tall), pixels_per_m, supersample)
    if house.tower:
        _steeple(canvas, house)
    _walls(canvas, house, rng)
    _chimney(canvas, house, rng)
    _roof(canvas, house, rng)
    _openings(canvas, house)
    _bushes(canvas, house, rng)
    return canvas.finish()


def _face(canvas: Canvas, points: Points, surface: Array, sun: float) -> Array:
    mask = canvas.polygon(points)
    canvas.over(lit(surface, np.full(mask.shape, sun, np.float32), 0.95), mask)
    return mask


def _walls(canvas: Canvas, house: House, rng: np.random.Generator) -> None:
    half, far = house.gable / 2, house.gable / 2 + house.side
    stains = fractal_noise(canvas.alpha.shape, 0.9 * canvas.per_unit, rng, octaves=6, gain=0.65)
    _, y = canvas.grid()
    damp = smoothstep(0.9, 0.0, y + 0.25 * stains)
    plaster = colour(*house.plaster) * (0.96 + 0.09 * stains)[..., None]
    plaster = mix(plaster, colour(0.45, 0.42, 0.33), 0.5 * damp)
    gable = [(-half, 0), (half, 0), (half, house.wall), (0, house.ridge - 0.1), (-half, house.wall)]
    _face(canvas, gable, plaster, 0.36)
    _face(canvas, [(half, 0), (far, 0.12), (far, house.wall - 0.14), (half, house.wall)], plaster, 0.95)
    eaves = [(half, house.wall), (far, house.wall - 0.14), (far, house.wall - 0.55), (half, house.wall - 0.50)]
    canvas.tint(colour(0.22, 0.20, 0.22), 0.45 * canvas.polygon(eaves, soft=0.08))


def _tile_rows(canvas: Canvas, tiles: Colour, rng: np.random.Generator) -> Array:
    x, y = canvas.grid()
    course = y / 0.21
    joint = (x + 0.11 * np.mod(np.floor(course), 2)) / 0.22
    relief = 0.80 + 0.26 * np.mod(course, 1) - 0.10 * (np.abs(np.mod(joint, 1) - 0.5) > 0.44)
    moss = fractal_noise(canvas.alpha.shape, 0.8 * canvas.per_unit, rng, octaves=5, gain=0.7)
    fine = fractal_noise(canvas.alpha.shape, 0.2 * canvas.per_unit, rng, octaves=2)
    surface = mix(colour(*tiles), colour(0.40, 0.36, 0.20), 0.7 * smoothstep(0.5, 1.3, moss))
    return np.asarray(surface * (relief + 0.13 * fine)[..., None], np.float32)


def _roof(canvas: Canvas, house: House, rng: np.random.Generator) -> None:
    half, far = house.gable / 2, house.gable / 2 + house.side
    tiles = _tile_rows(canvas, house.tiles, rng)
    top, foot = [(0.0, house.ridge), (house.side * 0.94, house.ridge - 0.16)], house.wall - 0.30
    slope = [*top, (far + 0.25, foot - 0.10), (half + 0.30, foot)]
    _face(canvas, slope, tiles, 0.92)
    for sign, sun in ((-1, 0.25), (1, 0.75)):
        x = sign * (half + 0.30)
        edge = [(0.0, house.ridge + 0.05), (x, foot), (x, foot - 0.22), (0.0, house.ridge - 0.20)]
        _face(canvas, edge, tiles * 0.8, sun)
        shade = [(0.0, house.ridge - 0.20), (x, foot - 0.22), (x - sign * 0.3, foot - 0.4), (0.0, house.ridge - 0.6)]
        canvas.tint(colour(0.16, 0.16, 0.20), 0.40 * canvas.polygon(shade, soft=0.07))


def _chimney(canvas: Canvas, house: House, rng: np.random.Generator) -> None:
    x = house.side * 0.55
    rough = fractal_noise(canvas.alpha.shape, 0.2 * canvas.per_unit, rng)
    brick = colour(0.50, 0.28, 0.20) * (1 + 0.2 * rough)[..., None]
    foot, top = house.ridge - 0.6, house.ridge + 0.75
    _face(canvas, [(x, foot), (x + 0.35, foot), (x + 0.35, top), (x, top)], brick, 0.35)
    _face(canvas, [(x + 0.35, foot), (x + 0.7, foot), (x + 0.7, top - 0.04), (x + 0.35, top)], brick, 0.95)
    rim = [(x - 0.05, top), (x + 0.75, top - 0.04), (x + 0.75, top + 0.1), (x - 0.05, top + 0.13)]
    _face(canvas, rim, brick * 0.6, 0.8)


def _openings(canvas: Canvas, house: House) -> None:
    half, side = house.gable / 2, house.side
    _window(canvas, (-0.62 * half, 1.05), (0.80, 1.10), 0.0, 0.45)
    _window(canvas, (0.62 * half, 1.05), (0.80, 1.10), 0.0, 0.45)
    _window(canvas, (0.0, house.wall + 0.35), (0.70, 0.85), 0.0, 0.45)
    for share in (0.28, 0.72):
        _window(canvas, (half + share * side, 1.10), (0.62, 1.05), -0.03, 1.0)
    door = [(-0.42, 0.0), (0.42, 0.0), (0.42, 1.95), (0.0, 2.10), (-0.42, 1.95)]
    _face(canvas, door, colour(0.20, 0.32, 0.33), 0.55)
    for x in (-0.2, 0.0, 0.2):
        canvas.tint(colour(0.06, 0.09, 0.10), 0.7 * canvas.stroke([(x, 0.05), (x, 1.95)], 0.03))
    canvas.tint(colour(0.85, 0.70, 0.30), canvas.stroke([(0.30, 0.95), (0.33, 0.95)], 0.07))


def _window(canvas: Canvas, centre: tuple[float, float], size: tuple[float, float], skew: float, sun: float) -> None:
    """A frame, four panes that mirror the sky, a sill; `skew` leans it along a wall seen in perspective."""
    (x, y), (w, h) = centre, (size[0] / 2, size[1] / 2)

    def quad(grow: float) -> Points:
        left, right, bottom, top = x - w - grow, x + w + grow, y - (h + grow), y + (h + grow)
        return [(left, bottom - skew), (right, bottom + skew), (right, top + skew), (left, top - skew)]

    _face(canvas, quad(0.09), colour(0.93, 0.92, 0.88), 0.4 + 0.5 * sun)
    _, up = canvas.grid()
    sky_in_it = 0.75 * smoothstep(y - 0.2, y + h, up) * (0.5 + 0.5 * sun)
    glass = mix(colour(0.10, 0.14, 0.20), colour(0.52, 0.64, 0.78), sky_in_it)
    canvas.over(glass, canvas.polygon(quad(0.0)))
    bar = lit(colour(0.92, 0.91, 0.87), np.full(up.shape, 0.3 + 0.5 * sun, np.float32), 0.9)
    canvas.over(bar, canvas.stroke([(x, y - h), (x, y + h)], 0.06))
    canvas.over(bar, canvas.stroke([(x - w, y + 0.1 - skew), (x + w, y + 0.1 + skew)], 0.06))
    sill = canvas.stroke([(x - w - 0.1, y - h - 0.13), (x + w + 0.1, y - h - 0.13)], 0.07)
    canvas.tint(colour(0.15, 0.14, 0.15), 0.5 * sill)


def _steeple(canvas: Canvas, house: House) -> None:
    x = house.side * 0.75
    base = house.tower * 0.62
    stone = colour(*house.plaster) * 0.95
    _face(canvas, [(x - 1.1, 0), (x + 0.2, 0), (x + 0.2, base), (x - 1.1, base)], stone, 0.35)
    _face(canvas, [(x + 0.2, 0), (x + 1.3, 0), (x + 1.3, base - 0.1), (x + 0.2, base)], stone, 0.95)
    slate = np.broadcast_to(colour(0.28, 0.31, 0.36), (*canvas.alpha.shape, 3))
    _face(canvas, [(x - 1.3, base - 0.1), (x + 0.2, base), (x + 0.1, house.tower)], slate, 0.3)
    _face(canvas, [(x + 0.2, base), (x + 1.5, base - 0.2), (x + 0.1, house.tower)], slate, 0.95)


def _bushes(canvas: Canvas, house: House, rng: np.random.Generator) -> None:
    for x in np.linspace(-house.gable / 2 - 0.3, house.gable / 2 + house.side + 0.3, 9):
        if abs(x) < 0.7:
            continue
        radius = rng.uniform(0.35, 0.75)
        angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        reach = radius * rng.uniform(0.8, 1.15, angle.size)
        around = np.stack([x + reach * np.cos(angle), 0.15 + 0.8 * reach * np.sin(angle)], axis=1)
        green = colour(0.20, 0.34, 0.13) * rng.uniform(0.8, 1.25)
        round_shape(canvas, around, green, radius * 0.8, rng, folds=0.10, fold_cell=(0.25, 0.22), weave=0.30)


# x across the view (image units), metres beyond the shore, and the house
HOUSES: tuple[tuple[float, float, House], ...] = (
    (0.060, 26.0, House(6, 5, 3.4, 6.4, CREAM, BROWN)),
    (0.300, 22.0, House(6, 6, 3.2, 6.0, WHITE, ROSE)),
    (0.195, 17.0, House(7, 8, 5.0, 9.0, WHITE, RED, tower=15.5)),
    (0.110, 10.0, House(6, 6, 3.4, 6.2, OCHRE, RED)),
    (0.260, 8.0, House(5, 6, 3.0, 5.6, CREAM, RED)),
    (0.165, 5.0, House(5, 5, 3.0, 5.4, WHITE, BROWN)),
    (0.335, 6.0, House(6, 5, 3.2, 5.8, OCHRE, ROSE)),
    (-0.760, 9.0, House(6, 6, 3.3, 6.0, WHITE, RED)),
)


def near_village(image_x: Array, inland_m: Array) -> Array:
    """Where no wood may grow."""
    return ((image_x > 0.03) & (image_x < 0.39) | (np.abs(image_x + 0.745) < 0.05)) & (inland_m < 34)


def paint_village_house(house: House, pixels_per_m: float, rng: np.random.Generator) -> tuple[Array, float]:
    """Premultiplied float RGBA of a house, and the column (pixels) of its middle."""
    texture = paint_house(house, pixels_per_m * 4, 1, rng)
    size = (max(2, texture.pixels.shape[1] // 4), max(2, texture.pixels.shape[0] // 4))
    small = cv2.resize(texture.pixels.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    return small, -float(texture.to_sprite[0, 2]) * pixels_per_m


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
