"""People who walk: bodies in parts that turn about their joints, each a layer, so that its motion is exact."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import cos, pi, sin

import numpy as np

from realtime.scene.drawing.camera import Matrix, rotation, translation, upright_plane
from realtime.scene.drawing.canvas import Canvas, Texture
from realtime.scene.drawing.layer import Layer, Placement
from realtime.scene.drawing.light import limb, round_shape
from realtime.scene.drawing.noise import Array, colour, smoothstep
from realtime.scene.people.face import Looks, paint_head

Colour = tuple[float, float, float]
Joints = Callable[[float], Matrix]  # time in seconds -> a part's own coordinates to those of the whole figure

THIGH_M, SHIN_M, HIP_M = 0.43, 0.42, 0.90
UPPER_ARM_M, FOREARM_M, SHOULDER_M = 0.29, 0.26, 1.40


@dataclass(frozen=True, slots=True)
class Walker:
    """Somebody who crosses the picture again and again along a line at depth z."""

    name: str
    z: float
    speed_m: float  # metres a second; negative walks to the left
    start_x: float
    half_track_m: float
    coat: Colour
    trousers: Colour
    shoes: Colour
    skirt: bool = False
    hat: Colour | None = None
    looks: Looks = field(default_factory=Looks)

    def x_at(self, seconds: float) -> float:
        """Place along the line; the walker enters again at the other end, far outside the picture."""
        length = 2 * self.half_track_m
        return (self.start_x + self.speed_m * seconds + self.half_track_m) % length - self.half_track_m

    def stride(self, seconds: float) -> float:
        """Phase of the gait in radians; a cycle is two steps of 0.7 m."""
        return 2 * pi * abs(self.speed_m) * seconds / 1.4


def walker_layers(walker: Walker, pixels_per_unit: float, supersample: int, rng: np.random.Generator) -> list[Layer]:
    """The parts of a walker, back to front."""
    paint = _Parts(pixels_per_unit * 1.2 / walker.z, supersample, rng)
    skin = walker.looks.skin
    leg = walker.looks.skin if walker.skirt else walker.trousers
    far_arm, near_arm = paint.arm(0.70 * colour(*walker.coat), skin), paint.arm(colour(*walker.coat), skin)
    far_leg, near_leg = paint.leg(0.72 * colour(*leg), walker.shoes), paint.leg(colour(*leg), walker.shoes)
    parts: list[tuple[Texture, Joints]] = [
        *zip(far_arm, _arm_joints(walker, pi), strict=True),
        *zip(far_leg, _leg_joints(walker, pi), strict=True),
        *zip(near_leg, _leg_joints(walker, 0.0), strict=True),
        (paint.body(walker), _body_joint(walker)),
        *zip(near_arm, _arm_joints(walker, 0.0), strict=True),
    ]
    layers = [Layer(f"{walker.name} shadow", paint.shadow(), _walking(walker, lambda _: np.eye(3)))]
    return layers + [Layer(walker.name, texture, _walking(walker, joint)) for texture, joint in parts]


def _walking(walker: Walker, joint: Joints) -> Placement:
    facing: Matrix = np.diag(np.array([1.0 if walker.speed_m > 0 else -1.0, 1.0, 1.0]))
    return lambda pose, seconds: upright_plane(pose, walker.x_at(seconds), walker.z) @ facing @ joint(seconds)


def _bob(walker: Walker, seconds: float) -> float:
    return 0.018 * cos(2 * walker.stride(seconds)) - 0.02


def _body_joint(walker: Walker) -> Joints:
    return lambda seconds: translation(0, _bob(walker, seconds)) @ rotation(-0.04)


def _leg_joints(walker: Walker, offset: float) -> tuple[Joints, Joints]:
    """Shin, then thigh (painted over it). Angles turn anticlockwise, y up: positive swings the leg forward, to +x."""

    def thigh(seconds: float) -> Matrix:
        swing = 0.05 + 0.42 * sin(walker.stride(seconds) + offset)
        return translation(0, HIP_M + _bob(walker, seconds)) @ rotation(swing)

    def shin(seconds: float) -> Matrix:
        lift = max(0.0, cos(walker.stride(seconds) + offset))
        return thigh(seconds) @ translation(0, -THIGH_M) @ rotation(-0.10 - 0.80 * lift**2)

    return shin, thigh


def _arm_joints(walker: Walker, offset: float) -> tuple[Joints, Joints]:
    """Forearm, then upper arm; the arms swing against the legs."""

    def upper(seconds: float) -> Matrix:
        swing = -0.02 - 0.38 * sin(walker.stride(seconds) + offset)
        return translation(-0.01, SHOULDER_M - 0.03 + _bob(walker, seconds)) @ rotation(swing)

    def fore(seconds: float) -> Matrix:
        bend = 0.32 - 0.18 * sin(walker.stride(seconds) + offset)
        return upper(seconds) @ translation(0, -UPPER_ARM_M) @ rotation(bend)

    return fore, upper


@dataclass(frozen=True, slots=True)
class _Parts:
    """Painter of the parts of a body at one density."""

    pixels_per_m: float
    supersample: int
    rng: np.random.Generator

    def canvas(self, x: tuple[float, float], y: tuple[float, float]) -> Canvas:
        return Canvas(x, y, self.pixels_per_m, self.supersample)

    def shadow(self) -> Texture:
        """A dark pool about the feet, longer on the side away from the sun."""
        canvas = self.canvas((-0.9, 0.6), (-0.16, 0.12))
        x, y = canvas.grid()
        pool = smoothstep(1.0, 0.15, np.hypot((x + 0.15) / 0.62, (y + 0.015) / 0.105))
        canvas.over(colour(0.10, 0.10, 0.12), 0.55 * pool)
        return canvas.finish()

    def arm(self, sleeve: Array, skin: Colour) -> tuple[Texture, Texture]:
        """Forearm with the hand, and upper arm."""
        fore = self.canvas((-0.12, 0.12), (-0.42, 0.10))
        hand = [(-0.030, -0.25), (0.034, -0.25), (0.042, -0.31), (0.022, -0.365), (-0.012, -0.36), (-0.032, -0.31)]
        round_shape(fore, hand, colour(*skin), 0.03, self.rng)
        round_shape(fore, limb(FOREARM_M, 0.048, 0.038), sleeve, 0.045, self.rng, folds=0.004)
        upper = self.canvas((-0.12, 0.12), (-0.38, 0.12))
        round_shape(upper, limb(UPPER_ARM_M, 0.062, 0.049), sleeve, 0.055, self.rng, folds=0.004)
        return fore.finish(), upper.finish()

    def leg(self, cloth: Array, shoes: Colour) -> tuple[Texture, Texture]:
        """Shin with the shoe, and thigh."""
        shin = self.canvas((-0.16, 0.26), (-0.56, 0.12))
        shoe = [
            (-0.065, -0.40),
            (0.050, -0.40),
            (0.075, -0.435),
            (0.150, -0.465),
            (0.172, -0.486),
            (0.145, -0.500),
            (-0.055, -0.500),
        ]
        round_shape(shin, shoe, colour(*shoes), 0.035, self.rng)
        round_shape(shin, limb(SHIN_M, 0.066, 0.046, bulge=0.008), cloth, 0.055, self.rng, folds=0.006)
        thigh = self.canvas((-0.16, 0.16), (-0.56, 0.14))
        round_shape(thigh, limb(THIGH_M, 0.092, 0.066), cloth, 0.075, self.rng, folds=0.006)
        return shin.finish(), thigh.finish()

    def body(self, walker: Walker) -> Texture:
        """Trunk, skirt or coat tails, and the head, turned to where the walker goes and a little to us."""
        canvas = self.canvas((-0.50, 0.50), (0.36, 1.92))
        hem, half = (0.46, 0.30) if walker.skirt else (0.74, 0.165)
        skirt = colour(*(walker.trousers if walker.skirt else walker.coat))
        lower = [
            (-0.13, 1.02),
            (0.13, 1.02),
            (0.165, 0.86),
            (half, hem),
            (0.0, hem - 0.02),
            (-half, hem),
            (-0.17, 0.86),
        ]
        round_shape(canvas, lower, skirt, 0.14, self.rng, folds=0.028, fold_cell=(0.8, 0.10), weave=0.07)
        trunk = [(-0.05, 1.50), (0.06, 1.50), (0.135, 1.42), (0.16, 1.22), (0.125, 1.02), (0.135, 0.94),
                 (-0.135, 0.94), (-0.125, 1.05), (-0.165, 1.25), (-0.145, 1.42)]  # fmt: skip
        paint_head(canvas, (0.035, 1.62), 0.75, walker.looks, self.rng)
        round_shape(canvas, trunk, colour(*walker.coat), 0.12, self.rng, folds=0.016, weave=0.07)
        scarf = [(-0.07, 1.475), (0.02, 1.490), (0.095, 1.470), (0.085, 1.440), (0.01, 1.448), (-0.06, 1.44)]
        round_shape(canvas, scarf, colour(0.90, 0.85, 0.72), 0.03, self.rng, folds=0.006)
        if walker.hat is not None:
            self._hat(canvas, walker.hat)
        return canvas.finish()

    def _hat(self, canvas: Canvas, felt: Colour) -> None:
        crown = [(-0.075, 1.69), (-0.07, 1.78), (0.0, 1.81), (0.08, 1.79), (0.115, 1.69)]
        brim = [(-0.16, 1.70), (0.0, 1.715), (0.20, 1.69), (0.20, 1.672), (0.02, 1.685), (-0.16, 1.675)]
        round_shape(canvas, crown, colour(*felt), 0.06, self.rng)
        round_shape(canvas, [(-0.078, 1.705), (0.117, 1.698), (0.117, 1.72), (-0.077, 1.73)], colour(*felt) * 0.4, 0.01,
                    self.rng, smooth=False)  # fmt: skip
        round_shape(canvas, brim, colour(*felt) * 1.1, 0.012, self.rng)
