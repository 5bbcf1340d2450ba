"""Loss networks: every kind of file, the names of the layers, frozen weights, and bad files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from trainers.losses.perceptual import VGG_STAGES, load_perceptual

FILES = {
    "weights/cd_vgg19_16x/5SE.pth": {
        "relu1_1": (16, 32),
        "relu2_2": (32, 16),
        "relu4_1": (128, 4),
        "relu5_1": (128, 2),
    },
    "weights/cd_vgg19_16x/3SE.pth": {"relu1_1": (16, 32), "relu3_1": (64, 8)},
    "weights/vgg19_normalised/vgg_normalised_conv3_1.pth": {"relu1_2": (64, 32), "relu3_1": (256, 8)},
    "weights/squeezenet1_1_torchvision_fp16.pth": {"relu1": (64, 15), "fire3": (128, 7), "fire9": (512, 1)},
}


def test_files_give_the_features_that_they_are_asked_for(shared_data: Path) -> None:
    for file, layers in FILES.items():
        net = load_perceptual(str(shared_data / file))
        picture = torch.rand(2, 3, 32, 32, requires_grad=True)
        features = net.features(picture, layers)
        assert {name: (f.shape[1], f.shape[2]) for name, f in features.items()} == layers, file
        sum(f.mean() for f in features.values()).backward()  # type: ignore[union-attr]
        assert picture.grad is not None
        assert all(parameter.grad is None for parameter in net.parameters())


def test_the_distilled_net_answers_like_the_real_one(shared_data: Path) -> None:
    """Its auxiliary 1x1 maps relu3_1 onto VGG-19's; distillation is not perfect, so correlation is asked for."""
    path = shared_data / "weights/cd_vgg19_16x/5SE.pth"
    aux = torch.load(path, map_location="cpu", weights_only=True)["model"]
    real = load_perceptual(str(shared_data / "weights/vgg19_normalised/vgg_normalised_conv3_1.pth"))
    from trainers.data import open_picture, to_tensor

    picture = to_tensor(open_picture(sorted((shared_data / "content/ship").glob("*.jpg"))[0]))[None]
    with torch.no_grad():
        mine = load_perceptual(str(path)).features(picture, ["relu3_1"])["relu3_1"]
        mapped = torch.nn.functional.conv2d(mine, aux["conv31_aux.weight"], aux["conv31_aux.bias"])
        other = real.features(picture, ["relu3_1"])["relu3_1"]
    height, width = (min(a, b) for a, b in zip(mapped.shape[-2:], other.shape[-2:], strict=True))
    energy = [f[..., :height, :width].relu().mean(1).flatten() for f in (mapped, other)]
    assert torch.corrcoef(torch.stack(energy))[0, 1] > 0.6


def torchvision_like(name: str) -> dict[str, torch.Tensor]:
    """A state dict with torchvision's names and shapes."""
    widths, tensors, index, channels = (64, 128, 256, 512, 512), {}, 0, 3
    for width, convolutions in zip(widths, VGG_STAGES[name], strict=True):
        for _ in range(convolutions):
            tensors[f"features.{index}.weight"] = torch.randn(width, channels, 3, 3) * 0.05
            tensors[f"features.{index}.bias"] = torch.zeros(width)
            index, channels = index + 2, width
        index += 1
    return tensors | {"classifier.0.weight": torch.zeros(2, 2)}


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_a_local_torchvision_file_is_recognised(name: str, tmp_path: Path) -> None:
    torch.save(torchvision_like(name), tmp_path / "vgg.pth")
    net = load_perceptual(str(tmp_path / "vgg.pth"))
    assert net.name == name
    assert net.features(torch.rand(1, 3, 32, 32), ["relu4_3"])["relu4_3"].shape == (1, 512, 4, 4)


def test_torchvision_builds_the_same_net() -> None:
    """torchvision's own VGG, run by torchvision, gives the features that ours names."""
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision does not import here: {error}")
    from trainers.losses.perceptual import _vgg

    theirs = models.vgg16(weights=None).features.eval()
    ours = _vgg("vgg16", theirs.state_dict())
    picture = torch.rand(1, 3, 32, 32)
    normalised = ours.layers[0](picture)
    torch.testing.assert_close(ours.features(picture, ["relu2_2"])["relu2_2"], theirs[:9](normalised))


def test_bad_files_get_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "foreign.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(FileNotFoundError, match="vgg16"):
        load_perceptual(str(tmp_path / "missing.pth"))
    for name, word in (("text", "not a torch"), ("foreign", "no loss network known"), ("list", "holds no state_dict")):
        with pytest.raises(ValueError, match=word):
            load_perceptual(str(tmp_path / f"{name}.pth"))


def test_an_unknown_layer_is_named_with_the_choices(tmp_path: Path) -> None:
    torch.save(torchvision_like("vgg16"), tmp_path / "vgg.pth")
    with pytest.raises(ValueError, match=r"relu9_9.*relu1_1"):
        load_perceptual(str(tmp_path / "vgg.pth")).features(torch.rand(1, 3, 32, 32), ["relu9_9"])


def test_oxfords_weights_as_npz(tmp_path: Path) -> None:
    """BGR of 0..255 less the mean, zeros around, as far as the file goes."""
    rng = np.random.default_rng(0)
    shapes = {"conv1_1": (5, 3), "conv1_2": (4, 5), "conv2_1": (6, 4)}
    tensors = {f"{name}.weight": rng.standard_normal((*shape, 3, 3)) * 0.01 for name, shape in shapes.items()}
    tensors |= {f"{name}.bias": rng.standard_normal(shape[0]) for name, shape in shapes.items()}
    np.savez(tmp_path / "vgg.npz", **{name: value.astype(np.float32) for name, value in tensors.items()})  # type: ignore[arg-type]
    net = load_perceptual(str(tmp_path / "vgg.npz"))
    assert (net.name, net.names[-1]) == ("vgg19", "relu2_1")
    picture = rng.random((3, 8, 6))
    bgr = 255 * picture[::-1] - np.array([103.939, 116.779, 123.68])[:, None, None]
    padded = np.pad(bgr, ((0, 0), (1, 1), (1, 1)))
    weight, bias = tensors["conv1_1.weight"], tensors["conv1_1.bias"]
    by_hand = [[(weight * padded[:, y : y + 3, x : x + 3]).sum((1, 2, 3)) + bias for x in range(6)] for y in range(8)]
    found = net.features(torch.from_numpy(picture).float()[None], ["relu1_1", "relu2_1"])
    np.testing.assert_allclose(found["relu1_1"][0].permute(1, 2, 0), np.maximum(by_hand, 0), rtol=1e-4, atol=1e-4)
    assert found["relu2_1"].shape == (1, 6, 4, 3)


def test_the_real_vgg19_goes_to_relu3_4(shared_data: Path) -> None:
    net = load_perceptual(str(shared_data / "weights/vgg19_keras/vgg19_keras_to_conv3_4_fp32.npz"))
    other = load_perceptual(str(shared_data / "weights/vgg19_normalised/vgg_normalised_conv3_1.pth"))
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert net.features(picture, ["relu3_4"])["relu3_4"].shape == (1, 256, 8, 8)
    inner = [found.features(picture, ["relu2_1"])["relu2_1"][..., 3:-3, 3:-3].flatten() for found in (net, other)]
    assert torch.corrcoef(torch.stack(inner))[0, 1] > 0.9


def test_a_bad_npz_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no weights")
    np.savez(tmp_path / "objects.npz", names=np.array([{"a": 1}], dtype=object))
    np.savez(tmp_path / "foreign.npz", other=np.zeros(3))
    for name, word in (("text", "an npz file"), ("objects", "no weights"), ("foreign", "no loss network known")):
        with pytest.raises(ValueError, match=word):
            load_perceptual(str(tmp_path / f"{name}.npz"))
