"""Reading checkpoints: what torch, safetensors and numpy write comes back exactly, and no file runs code."""

import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engines.errors import ImpastoError
from engines.export.tensor_files import read_tensor_sets


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    return read_tensor_sets(path)[0]


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    square = torch.randn(4, 6, generator=generator)
    return {"a.weight": square, "a.turned": square.t(), "a.part": square[1:3, 2:5], "b": torch.tensor(2.5)}


def assert_same(read: dict[str, np.ndarray], state: dict[str, torch.Tensor]) -> None:
    assert set(read) == set(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(read[name], tensor.float().numpy())


@pytest.mark.parametrize("new_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_torch_checkpoints_come_back_exactly(
    tmp_path: Path, state: dict[str, torch.Tensor], dtype: torch.dtype, new_zip: bool
) -> None:
    typed = {name: tensor.to(dtype) for name, tensor in state.items()}
    torch.save(typed, tmp_path / "net.pth", _use_new_zipfile_serialization=new_zip)
    assert_same(read_tensors(tmp_path / "net.pth"), typed)


def test_views_of_one_storage_are_cut_out_of_it(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    torch.save(state, tmp_path / "net.pth")
    assert_same(read_tensors(tmp_path / "net.pth"), state)


def test_parameters_and_the_state_dict_inside_a_training_checkpoint(tmp_path: Path) -> None:
    net = torch.nn.Linear(3, 2)
    torch.save({"epoch": 3, "model": dict(net.named_parameters()), "lr": [0.1]}, tmp_path / "run.pth")
    assert_same(read_tensors(tmp_path / "run.pth"), {name: value.detach() for name, value in net.named_parameters()})


@pytest.mark.parametrize("new_zip", [True, False], ids=["zip", "legacy"])
def test_every_dict_of_a_training_checkpoint_the_largest_first(tmp_path: Path, new_zip: bool) -> None:
    net, small = torch.nn.Linear(9, 8), torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 9)).sum().backward()
    optimiser.step()
    metrics = {f"loss_{number}": torch.tensor(float(number)) for number in range(9)}
    run = {
        **metrics, "epoch": 3, "critic": {"state_dict": small.state_dict()}, "optimizer": optimiser.state_dict(),
        "model_state_dict": net.state_dict(),
    }  # fmt: skip
    torch.save(run, tmp_path / "run.pth", _use_new_zipfile_serialization=new_zip)
    sets = read_tensor_sets(tmp_path / "run.pth")
    assert_same(sets[0], net.state_dict())
    assert [set(tensors) for tensors in sets].count({"weight", "bias"}) == 2
    assert set(metrics) in [set(tensors) for tensors in sets]


def test_a_dict_that_holds_itself_ends(tmp_path: Path) -> None:
    run: dict[str, Any] = {"state_dict": {"a": torch.ones(3)}}
    run["again"] = run
    torch.save(run, tmp_path / "run.pth")
    assert_same(read_tensors(tmp_path / "run.pth"), run["state_dict"])


def test_safetensors_and_npz(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    whole = {name: tensor.contiguous().clone() for name, tensor in state.items()}
    save_file({**whole, "half": whole["b"].bfloat16()}, tmp_path / "net.safetensors", metadata={"made": "here"})
    save_npz(tmp_path / "net.npz", whole)
    assert_same(read_tensors(tmp_path / "net.safetensors"), {**whole, "half": whole["b"]})
    assert_same(read_tensors(tmp_path / "net.npz"), whole)


def save_npz(path: Path, state: dict[str, torch.Tensor]) -> None:
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in state.items()}
    np.savez(path, **arrays)


class Payload:
    """Unpickled by pickle itself, this makes a folder: proof that code ran."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (self.marker,))


def hostile_legacy(path: Path, payload: Payload) -> None:
    torch.save({"conv1.weight": payload}, path, _use_new_zipfile_serialization=False)


def hostile_zip(path: Path, payload: Payload) -> None:
    torch.save({"conv1.weight": payload}, path)


def hostile_pickle(path: Path, payload: Payload) -> None:
    path.write_bytes(pickle.dumps(payload))


def hostile_protocol_zero(path: Path, payload: Payload) -> None:
    path.write_bytes(pickle.dumps(payload, protocol=0))


def hostile_npz(path: Path, payload: Payload) -> None:
    with path.open("wb") as file:
        np.savez(file, weight=np.array([payload], dtype=object))


HOSTILE = [hostile_legacy, hostile_zip, hostile_pickle, hostile_protocol_zero, hostile_npz]


@pytest.mark.parametrize("write", HOSTILE, ids=lambda write: write.__name__)
def test_a_hostile_file_gets_one_line_and_runs_nothing(tmp_path: Path, write: Any) -> None:
    marker = tmp_path / "code ran"
    write(tmp_path / "hostile.pth", Payload(marker))
    with pytest.raises(ImpastoError) as caught:
        read_tensors(tmp_path / "hostile.pth")
    assert not marker.exists()
    assert "\n" not in str(caught.value)
    if write in (hostile_legacy, hostile_zip, hostile_pickle):
        assert "asks to run posix.mkdir" in str(caught.value)


def test_the_payload_would_run_in_a_plain_unpickler(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(tmp_path / "code ran")))
    assert (tmp_path / "code ran").is_dir()


def test_a_whole_module_is_refused_with_the_remedy(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    with pytest.raises(ImpastoError, match=r"torch\.nn\.modules\.linear\.Linear.*state_dict alone"):
        read_tensors(tmp_path / "module.pth")


@pytest.mark.parametrize("new_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95, 0.999])
def test_a_file_that_was_cut_short(tmp_path: Path, share: float, new_zip: bool) -> None:
    path = tmp_path / "net.pth"
    torch.save(torch.nn.Linear(30, 30).state_dict(), path, _use_new_zipfile_serialization=new_zip)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImpastoError, match=r"damaged or cut short|is a pickle, not|holds no"):
        read_tensors(path)


def test_flipped_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(torch.nn.Linear(3, 3).state_dict(), path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    generator = np.random.default_rng(2)
    for place in generator.integers(0, len(data), 300):
        path.write_bytes(data[:place] + bytes([int(generator.integers(256))]) + data[place + 1 :])
        try:
            read_tensors(path)
        except ImpastoError as error:
            assert "\n" not in str(error)  # noqa: PT017 - most flips still read as other numbers, and that is right


def test_a_strange_escape_in_a_name_is_refused_quietly(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(torch.nn.Linear(3, 3).state_dict(), path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"ctorch._utils\n", b"ctorch.\\>tils\n"))
    with pytest.raises(ImpastoError):
        read_tensors(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"hello, I am a text file that is called net.pth\n", "not a torch checkpoint"),
        (struct.pack("<Q", 20) + b'{"a": {"dtype": "F32"', "damaged"),
        (b"PK\x03\x04 and then nothing of a zip", "damaged"),
    ],
    ids=["empty", "text", "safetensors", "zip"],
)
def test_what_is_no_checkpoint_is_told_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(ImpastoError, match=says):
        read_tensors(tmp_path / "net.pth")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("weights.npy", "w", force_zip64=True) as entry,
    ):
        for _ in range(64):  # MiB, of some 300 KiB
            entry.write(bytes(2**20))
    with pytest.raises(ImpastoError, match="unpacks to more than"):
        read_tensors(tmp_path / "bomb.npz")


def test_a_tensor_that_reaches_outside_its_storage(tmp_path: Path) -> None:
    storage = torch.arange(4.0)
    path = tmp_path / "net.pth"
    torch.save({"a": storage}, path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    shape = data.index(b"K\x04\x85")
    path.write_bytes(data[: shape + 1] + b"\x09" + data[shape + 2 :])
    with pytest.raises(ImpastoError, match="damaged"):
        read_tensors(path)
