"""Losses of style transfer: content, Gram style, total variation (Gatys 2016; Johnson 2016, arXiv 1603.08155).

Six are our own, against what these leave behind: `grid_loss` against the regular dots of upsampling nets, `comb_loss`
against those that come, go and change their sign with the strokes, `luma_weave_loss` against strokes that are crossed
by others as fine, `tone_loss` against halos, where a smooth wall is divided into bright and dark around whoever stands
before it, `structure_loss` for eyes and letters, and content weighed by `detail_map`, so that flat ground is free to
become paint while faces and edges cost their full price. Distances of whole distributions are in
trainers.losses.wasserstein.
"""

import torch
from torch import Tensor
from torch.nn import functional

from engines.networks.join.tensors import box_mean, luma_of

# Keeps a relative loss finite where the target is black.
TINY = 1e-12
# Upsampling and pixel_shuffle repeat with periods of 2 and 4 pixels.
GRID_PERIOD = 4
# Cells of one window: so many that an edge of the picture weighs little beside a grid.
GRID_WINDOW = 24
COMB_WINDOW_PX = 32
# Frequencies of the net's periods, in steps of 1 / COMB_WINDOW_PX, and how far off a comb's own peak has ended.
COMBS_AT = (0, 8, 16, 24)
BESIDE_COMBS = (3, 4, -4, -3)
# Power that nobody sees: of a pattern of about 2.5 of 255.
UNSEEN_POWER = 1e-4
# What is finer than this is a canvas's grain and no stroke; directions are told in windows of about three strokes.
GRAIN_PX = 3
WEAVE_WINDOW_PX = 7
# Of the squared change of luma from a pixel to the one after the next: what nobody sees has no direction to keep.
UNSEEN_CHANGE = (2 / 255) ** 2
TONE_CELL_PX = 8
# The least deviation by which tones are divided: an even picture has none to keep.
TONE_FLOOR = 0.05
STRUCTURE_PX = 9
# Variances of luma: of noise, which is no structure, and of what is half a structure.
STRUCTURE_NOISE = (2 / 255) ** 2
STRUCTURE_VARIANCE = (10 / 255) ** 2
# Detail is looked for in windows of this part of the long side, and measured by this quantile of what is found.
DETAIL_WINDOW = 1 / 24
DETAIL_QUANTILE = 0.9
# What surrounds a place is a window of this part of the long side; what has so much more detail than it has all of it.
SURROUNDINGS = 1 / 6
ABOVE_SURROUNDINGS = 1.5


def gram_matrix(features: Tensor) -> Tensor:
    """features [B, C, H, W] → [B, C, C]: the means of products of channels over all places (Johnson, equation 3).

    Johnson divides by C·H·W and we by H·W: the relative style loss below cancels the constant C.
    """
    batch, channels, height, width = features.shape
    flat = features.reshape(batch, channels, height * width)
    return flat @ flat.transpose(1, 2) / (height * width)


def content_loss(features: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """[B, C, H, W] twice → [B]: squared distance (Johnson, equation 2) relative to the target's own square.

    Being relative, one weight suits every loss network and layer. `weight` [B, 1, h, w] says where in the picture the
    distance counts; its areas are brought to the features' size.
    """
    if weight is None:
        return _relative_square(features, target)
    weight = functional.interpolate(weight, size=features.shape[-2:], mode="area")
    distance = (weight * (features - target).square()).flatten(1).sum(1)
    return distance / target.square().flatten(1).sum(1).clamp_min(TINY)


def detail_map(picture: Tensor, floor: float, local: float = 0.0) -> Tensor:
    """[B, 3, H, W], RGB → [B, 1, H, W] from `floor` to 1: where a photo has something to keep.

    The gradient of the luma, smoothed twice, relative to what the richest tenth of the picture has, or by the part
    `local` to what the place's surroundings have: a small face before a plain wall then counts beside any window frame.
    """
    luma = box_mean(luma_of(picture), 3)
    down = functional.pad(luma[..., 1:, :] - luma[..., :-1, :], (0, 0, 0, 1))
    right = functional.pad(luma[..., 1:] - luma[..., :-1], (0, 1, 0, 0))
    gradient = (down.square() + right.square()).sqrt()
    window = _window(picture, DETAIL_WINDOW)
    gradient = box_mean(box_mean(gradient, window), window)
    richest = gradient.flatten(1).quantile(DETAIL_QUANTILE, dim=1).clamp_min(TINY).view(-1, 1, 1, 1)
    if local:
        wide = _window(picture, SURROUNDINGS)
        around = ABOVE_SURROUNDINGS * box_mean(box_mean(gradient, wide), wide)
        richest = (1 - local) * richest + local * around
    return floor + (1 - floor) * (gradient / richest).clamp(0, 1)


def _window(picture: Tensor, part: float) -> int:
    """An odd window of this part of the long side, which a reflection of the picture can fill."""
    return min(max(3, int(max(picture.shape[-2:]) * part) | 1), 2 * min(picture.shape[-2:]) - 1)


def style_loss(features: Tensor, target_gram: Tensor) -> Tensor:
    """features [B, C, H, W], target_gram [B, C, C] → [B]: squared distance of Gram matrices, relative to the target.

    Johnson, equation 4, divided by the target's square, so that layers and styles weigh alike.
    """
    return _relative_square(gram_matrix(features), target_gram)


def gram_distance(gram: Tensor, target_gram: Tensor) -> Tensor:
    """[B, C, C] twice → [B]: the squared distance relative to the target, as `style_loss` has it."""
    return _relative_square(gram, target_gram)


def masked_gram(features: Tensor, weight: Tensor | None = None) -> Tensor:
    """[B, C, H, W], weight [1, 1, H, W] → [B, C, C]: means over places by weight (guided Gram, arXiv 1611.07865)."""
    if weight is None:
        return gram_matrix(features)
    share = weight / weight.sum().clamp_min(TINY) * weight.numel()
    return gram_matrix(features * share.sqrt())


def paper_gram_distance(gram: Tensor, target_gram: Tensor) -> Tensor:
    """[B, C, C] twice → [B]: E_l of Gatys 2016, equation 4, for matrices that are means over the M places.

    1 / (4 N² M²) Σ (G − A)² with sums over places in G and A: M² falls out against theirs, and pictures of several
    sizes can be compared.
    """
    return (gram - target_gram).square().flatten(1).sum(1) / (4 * gram.shape[1] ** 2)


def total_variation(picture: Tensor) -> Tensor:
    """[B, C, H, W] → [B]: mean squared difference of neighbours, down and right (Johnson, section 3.2)."""
    down = (picture[:, :, 1:] - picture[:, :, :-1]).square().flatten(1).mean(1)
    right = (picture[..., 1:] - picture[..., :-1]).square().flatten(1).mean(1)
    return down + right


def grid_loss(picture: Tensor) -> Tensor:
    """[B, C, H, W], H and W at least GRID_PERIOD → [B]: how far the places of a 4×4 grid differ in their local means.

    The painter's strokes fall on every place of the grid alike; a net's upsampling pattern does not.
    """
    batch, channels, height, width = picture.shape
    height, width = height - height % GRID_PERIOD, width - width % GRID_PERIOD
    places = functional.pixel_unshuffle(picture[..., :height, :width], GRID_PERIOD)
    window = (min(GRID_WINDOW, places.shape[-2]), min(GRID_WINDOW, places.shape[-1]))
    means = functional.avg_pool2d(places, window, stride=(max(1, window[0] // 2), max(1, window[1] // 2)))
    by_place = means.view(batch, channels, GRID_PERIOD**2, -1)
    return by_place.var(dim=2, unbiased=False).flatten(1).mean(1)


def comb_loss(picture: Tensor) -> Tensor:
    """[B, C, H, W] in 0..1, at least 32 pixels each way → [B]: how far combs stand out, squared, over their periods.

    The mean logarithm of the power at each period, less that beside it: of the two directions the one with more, so
    that the edges of houses and frames cost nothing. A photo has about 0.005, a visible comb 0.1 and more.
    """
    window = torch.hann_window(COMB_WINDOW_PX, periodic=False, device=picture.device, dtype=picture.dtype)
    weight = window[:, None] * window
    parts = picture.unfold(2, COMB_WINDOW_PX, COMB_WINDOW_PX // 2).unfold(3, COMB_WINDOW_PX, COMB_WINDOW_PX // 2)
    centred = (parts - parts.mean((-2, -1), keepdim=True)) * weight
    power = torch.fft.fft2(centred).abs().square() / weight.square().sum()
    level = (power + UNSEEN_POWER).log().mean((2, 3))
    beside = torch.maximum(_beside(level, -2), _beside(level, -1))
    places = torch.tensor(COMBS_AT, device=picture.device)
    excess: Tensor = (level - beside)[..., places, :][..., places].flatten(-2)[..., 1:]
    return excess.relu().square().flatten(1).mean(1)


def weave_loss(picture: Tensor, detail: Tensor) -> Tensor:
    """[B, 3, H, W], RGB → [B]: 1 - the coherence of the colours' structure tensor, where the content is flat.

    The tensor is the sum of those of the luma and of the three colours' differences from it, after Di Zenzo (A note on
    the gradient of a multi-image, 1986): stripes of colours across strokes of light and dark are a weave too.

    That is where its `detail_map` [B, 1, H, W] is low, of whatever floor below 1.

    Strokes change across themselves: 0. What changes alike in all directions, as a weave with periods of 4 to 12 pixels
    does, has 0.9 and more. Places count by how much changes there, so even paint counts nothing. Distributions of
    features ask for a canvas's grain too; a net that has nowhere to take it from crosses its strokes with a lattice.
    """
    luma = luma_of(picture)
    return _woven(torch.cat([luma, picture - luma], 1), detail)


def luma_weave_loss(picture: Tensor, detail: Tensor) -> Tensor:
    """As `weave_loss`, of the luma alone.

    Asked for colours that change across the strokes too, nets answer with level stripes.
    """
    return _woven(luma_of(picture), detail)


def _woven(planes: Tensor, detail: Tensor) -> Tensor:
    flat = 1 - detail[..., 1:-1, 1:-1]
    planes = box_mean(planes, GRAIN_PX)
    right = planes[..., 1:-1, 2:] - planes[..., 1:-1, :-2]
    down = planes[..., 2:, 1:-1] - planes[..., :-2, 1:-1]
    products = torch.cat([each.sum(1, True) for each in (right.square(), down.square(), right * down)], 1)
    xx, yy, xy = box_mean(box_mean(products, WEAVE_WINDOW_PX), WEAVE_WINDOW_PX).chunk(3, 1)
    directed = ((xx - yy).square() + 4 * xy.square() + TINY).sqrt() - TINY**0.5
    crossed = (flat * (xx + yy - directed)).flatten(1).sum(1)
    woven: Tensor = crossed / (flat * (xx + yy + UNSEEN_CHANGE)).flatten(1).sum(1).clamp_min(TINY)
    return woven


def tone_loss(picture: Tensor, content: Tensor) -> Tensor:
    """[B, 3, H, W] twice, RGB → [B]: squared distance of the coarse tones, light and dark, both standardised.

    Brightness and contrast as a whole are the style's; what is lighter than what stays the content's.
    """
    return (_tone(picture) - _tone(content)).square().flatten(1).mean(1)


def structure_loss(picture: Tensor, content: Tensor) -> Tensor:
    """[B, 3, H, W] twice, RGB → [B]: 1 − the lumas' correlation in windows of 9 pixels, where the content has any.

    It is what eyes, mouths and letters are read by, too small for the layers that carry content. Local brightness,
    contrast and every colour stay the style's; noise and flat ground count nothing.
    """
    ours, theirs = luma_of(picture), luma_of(content)
    our_mean, their_mean = box_mean(ours, STRUCTURE_PX), box_mean(theirs, STRUCTURE_PX)
    covariance = box_mean(ours * theirs, STRUCTURE_PX) - our_mean * their_mean + STRUCTURE_NOISE
    ours = (box_mean(ours.square(), STRUCTURE_PX) - our_mean.square()).clamp_min(0) + STRUCTURE_NOISE
    theirs = (box_mean(theirs.square(), STRUCTURE_PX) - their_mean.square()).clamp_min(0)
    correlation = covariance / (ours * (theirs + STRUCTURE_NOISE)).sqrt()
    weight = theirs / (theirs + STRUCTURE_VARIANCE)
    lost = (weight * (1 - correlation)).flatten(1).sum(1)
    return lost / weight.flatten(1).sum(1).clamp_min(1.0)


def _beside(level: Tensor, axis: int) -> Tensor:
    """The mean of what stands a little lower and higher in frequency."""
    return torch.stack([torch.roll(level, by, axis) for by in BESIDE_COMBS]).mean(0)


def _tone(picture: Tensor) -> Tensor:
    coarse = functional.avg_pool2d(luma_of(picture), min(TONE_CELL_PX, *picture.shape[-2:]))
    deviation, mean = torch.std_mean(coarse, dim=(2, 3), keepdim=True, unbiased=False)
    return (coarse - mean) / (deviation + TONE_FLOOR)


def _relative_square(value: Tensor, target: Tensor) -> Tensor:
    distance = (value - target).square().flatten(1).sum(1)
    return distance / target.square().flatten(1).sum(1).clamp_min(TINY)
