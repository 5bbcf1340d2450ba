"""int8 for OpenVINO: post-training quantisation by NNCF, and layer by layer back to floats where that costs too much.

What every convolution of the net reads and its weights become 8-bit integers, over ranges that NNCF measures while the
net paints frames like those to come, in all styles of the file: the style is an input, and the ranges differ. All else
(norms, sums, the arithmetic on the picture) stays in floats.

What reads the picture itself reads its bytes, exactly (bytes.py). Still one layer can spoil it: where a frame
is dark or flat, the norms enlarge what little there is, and the rounding. So the quantised net is compared with the
unquantised one: on the bundled calibration pictures, some of which ranges are never measured on, and on frames of the
user's that were held back. Until they agree, layers get their floats back: the stem, then whatever helps most.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from engines.backends.openvino.bytes import read_bytes_exactly
from engines.backends.openvino.evened import evened
from engines.backends.openvino.kept_int8 import KeptNets, QuantisedNet
from engines.backends.openvino.layers import CONVOLUTIONS, Inputs, Judge, Layers, convolutions_reading
from engines.backends.openvino.ready_int8 import ready_net
from engines.backends.openvino.rounding import round_by_inputs
from engines.backends.openvino.samples import Samples, draw_samples, in_order, judged_inputs
from engines.errors import EngineRefused, refusing
from engines.machine import adds_products_in_32_bits
from engines.packages import import_nncf, import_openvino, quiet_nncf
from engines.protocols import BuildAids
from engines.spec import FLOOR_DB, EngineSpec
from engines.style.styles import StyleFile

# Agreement is asked for on few frames and styles: this much above the floor leaves room for the gate's.
WANTED_DB = FLOOR_DB["int8"] + 2
JUDGED_AT_PX = 1280
JUDGED_LARGE = 3  # pictures: those that find most come first
MOST_FLOATS = 0.5  # of the layers: with less in int8, bf16 or fp32 is as fast
# An 8-bit value stays one in them, so that it is rounded before them and they move a quarter of the memory.
PASSED = ("Pad", "Transpose", "Relu")


def quantised(style: StyleFile, spec: EngineSpec, aids: BuildAids, settings: dict[str, str]) -> Any:
    """The openvino.Model of a style in int8, of free height and width; compiled with `settings` where it is judged.

    The one that came along, where the spec asks for that: it is judged by the gate alone. Else one that was made for
    another size is taken where it agrees at this one, or it is made by nncf. What it cost goes to `aids.report`.
    EngineRefused where nncf is missing, cannot take the graph, or where too little is left to quantise.
    """
    if spec.ready:
        net = ready_net(spec)
        aids.report(f"int8 as it came along, {net.told}")
        return net.model
    kept = KeptNets(aids.folder, style, spec)
    known = kept.load()
    if known is None:
        import_nncf()  # where it is missing, that is told before any work
    floats = read_folded(style)
    large = cache(lambda: _judge_at_size(style, spec, floats, settings))
    if known is not None:
        aids.progress("comparing int8 with floats", 0.5)
        known = replace(known, agreement=min(known.agreement, large().agreement(known.model)))
    if known is None or known.agreement < WANTED_DB:
        known = _quantised_anew(style, spec, floats, large, aids, settings, wide=adds_products_in_32_bits())
        kept.store(known)
    aids.report(f"int8 {known.told}: {known.agreement:.1f} dB from the unquantised net on the calibration pictures")
    return known.model


def quantised_for_any(style: StyleFile, spec: EngineSpec, settings: dict[str, str], *, wide: bool) -> QuantisedNet:
    """One to travel with the style, for processors that add products in 32 bits (`wide`) or for all the others."""
    floats = read_folded(style)
    large = cache(lambda: _judge_at_size(style, spec, floats, settings))
    return _quantised_anew(style, spec, floats, large, BuildAids(Path()), settings, wide=wide)


def _quantised_anew(
    style: StyleFile,
    spec: EngineSpec,
    floats: Any,
    large: Callable[[], Judge],
    aids: BuildAids,
    settings: dict[str, str],
    *,
    wide: bool,
) -> QuantisedNet:
    aids.progress("reading frames to calibrate on", 0)
    samples = draw_samples(style, aids)
    aids.progress("quantising", 0.1)
    samples = Samples(*(in_order(floats, style, inputs) for inputs in (samples.calibration, samples.held)))
    state = [each.name for each in style.card.state]
    layers = quantised_layers(floats, samples.calibration, spec, state, wide=wide)
    if not layers.names:
        raise EngineRefused(f"{spec}: nncf finds nothing to quantise in {style.path.name}; choose another --precision")
    return _agreeing(layers, Judge(floats, samples.held, settings), large, spec, aids)


def read_folded(style: StyleFile) -> Any:
    """The file's graph for any size, all that depends on constants computed: NNCF takes weights as constants alone.

    A quantised net that was read from a file would lose its bytes by that: the widening of its weights depends on
    constants alone, and OpenVINO then convolves in floats. When it compiles, it computes constants itself.
    EngineRefused where OpenVINO cannot read the file.
    """
    core = import_openvino().Core()  # first, for it keeps out what tells of every use
    from openvino.passes import ConstantFolding, Manager

    with refusing(f"OpenVINO cannot read {style.path.name}", RuntimeError):
        model = core.read_model(style.data, b"")
        model.reshape({"frame": [1, -1, -1, 3]})
        passes = Manager()
        passes.register_pass(ConstantFolding())
        passes.run_passes(model)
        return model


def _agreeing(
    layers: Layers, small: Judge, large: Callable[[], Judge], spec: EngineSpec, aids: BuildAids
) -> QuantisedNet:
    """The model with the fewest layers in floats that agrees with the unquantised one.

    A picture of the engine's own size costs most and is asked for last; it may have larger values than a small one.
    """
    agreement = 0.0
    for back in _floats_to_try(layers, small, aids):
        aids.progress("comparing int8 with floats", 0.2 + 0.8 * len(back) / len(layers.names))
        model = _candidate(layers, back)
        agreement = small.agreement(model)
        if agreement >= WANTED_DB:
            agreement = min(agreement, large().agreement(model))
        if agreement >= WANTED_DB:
            break
    told = f"by nncf {import_nncf().__version__}, {layers.told(back)}"
    if agreement < FLOOR_DB["int8"]:
        raise EngineRefused(
            f"{spec} {told}: {agreement:.1f} dB from the unquantised net on the calibration pictures, and "
            f"{FLOOR_DB['int8']:.0f} dB is the least; choose another --precision"
        )
    return QuantisedNet(model, told, agreement)


def _candidate(layers: Layers, back: Sequence[str]) -> Any:
    """The quantised model with these layers in floats."""
    model = layers.with_floats(back)
    read_bytes_exactly(model, layers.weights)
    return model


def _floats_to_try(layers: Layers, judge: Judge, aids: BuildAids) -> Iterator[list[str]]:
    """Layers to give their floats back, more and more: the stem, then those whose floats help most."""
    yield []
    back = layers.names[:1]
    yield back
    gains: dict[str, float] = {}
    most = int((len(layers.names) - 1) * MOST_FLOATS)
    for layer in layers.names[1:] if most else ():
        aids.progress("looking for the layers that need floats", 0.2 + 0.8 * len(gains) / len(layers.names))
        gains[layer] = judge.agreement(_candidate(layers, [*back, layer]))
    for layer in sorted(gains, key=gains.__getitem__, reverse=True)[:most]:
        back = [*back, layer]
        yield back


def _judge_at_size(style: StyleFile, spec: EngineSpec, floats: Any, settings: dict[str, str]) -> Judge:
    """By few pictures of the engine's own size, or smaller where its longer side is above JUDGED_AT_PX."""
    scale = min(1.0, JUDGED_AT_PX / max(spec.height, spec.width))
    inputs = judged_inputs(style, round(spec.height * scale), round(spec.width * scale))
    return Judge(floats, in_order(floats, style, list(islice(inputs, JUDGED_LARGE))), settings)


def quantised_layers(
    floats: Any, calibration: Sequence[Inputs], spec: EngineSpec, state: Collection[str] = (), *, wide: bool
) -> Layers:
    """The layers of the model in int8, and in floats as they then are: channels evened, and weights rounded together.

    What reads the `frame`, or textures of its size, will read bytes as they are. EngineRefused where nncf cannot.
    """
    with refusing(f"{spec}: its channels cannot be brought to one range", RuntimeError, ValueError):
        even = evened(floats, calibration, but=convolutions_reading(floats, ["frame", *state]))
    integers = quantise(even, calibration, spec, state, wide=wide)
    layers = Layers(even, integers)
    with refusing(f"{spec}: its weights cannot be rounded", RuntimeError, ValueError):
        round_by_inputs(integers, even, layers.weights, calibration)
    return layers


def quantise(
    floats: Any, calibration: Sequence[Inputs], spec: EngineSpec, state: Collection[str] = (), *, wide: bool
) -> Any:
    """The model with its convolutions in int8, but for those that read `state`; EngineRefused where nncf cannot.

    What is rounded in what goes from frame to frame adds up. Where products are not added in 32 bits (`wide`), half the
    range of weights is safe.
    """
    nncf = import_nncf()
    others = {op.get_type_name() for op in floats.get_ordered_ops()} - {*CONVOLUTIONS, *PASSED}
    its_own = nncf.ValidationError, nncf.InternalError, nncf.UnsupportedModelError
    with refusing(f"{spec}: nncf cannot quantise the net", RuntimeError, ValueError, *its_own), quiet_nncf():
        return nncf.quantize(
            floats.clone(),
            nncf.Dataset(calibration),
            subset_size=len(calibration),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            ignored_scope=nncf.IgnoredScope(
                names=convolutions_reading(floats, state), types=sorted(others), validate=False
            ),
            advanced_parameters=_parameters(nncf, wide=wide),
        )


def _parameters(nncf: Any, *, wide: bool) -> Any:
    """No correction of biases: only the head has one. Norms take any constant away, or their shift, an input, is one.

    The ranges take in every value seen. Clipping rare ones makes the steps finer, but they are what stands out in a
    quiet picture, and in a larger one than was calibrated on there are more of them.
    """
    ranges = nncf.quantization.range_estimator
    kinds, joins = ranges.StatisticsType, ranges.AggregatorType
    low = ranges.StatisticsCollectorParameters(kinds.MIN, aggregator_type=joins.MIN)
    high = ranges.StatisticsCollectorParameters(kinds.MAX, aggregator_type=joins.MAX)
    return nncf.AdvancedQuantizationParameters(
        overflow_fix=nncf.OverflowFix.DISABLE if wide else nncf.OverflowFix.ENABLE,
        disable_bias_correction=True,
        activations_range_estimator_params=ranges.RangeEstimatorParameters(low, high),
    )
