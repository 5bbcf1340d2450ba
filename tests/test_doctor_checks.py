"""The checks of `impasto doctor` one by one, on what other machines say of themselves."""

import struct
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Never

import pytest

from engines.machine import AMD, NVIDIA, bound_cores, may_have_gpu
from engines.protocols import BackendState
from realtime.doctor.finding import Finding, State, missing
from realtime.doctor.subjects import cameras, software
from realtime.doctor.subjects.engines import of_state
from realtime.doctor.subjects.graphics import kernel_cards, name_of_device, parse_query
from realtime.doctor.subjects.machine import features, look_at_processor
from realtime.doctor.subjects.screen_and_sound import inputs_of
from realtime.doctor.subjects.video import look_at_hardware, of_family
from realtime.media.hardware_video import HardwareCodec

XEON = "fpu avx2 avx512f avx512_vnni avx512_bf16 amx_tile amx_bf16 amx_int8"
ZEN_3 = "fpu sse4_2 avx avx2 vaes"
GRAVITON_3 = "fp asimd asimddp sve bf16 i8mm"
SMI = "NVIDIA L4, 570.86.15, 23034, 22563, 8.9, 0\nNVIDIA H100 80GB HBM3, 570.86.15, 81559, 81008, 9.0, 12\n"
PCI_IDS = """# comment
1002  Advanced Micro Devices, Inc. [AMD/ATI]
\t1681  Rembrandt [Radeon 680M]
8086  Intel Corporation
\t9a49  TigerLake-LP GT2 [Iris Xe Graphics]
\t\t8086 0001  A board
"""


@pytest.mark.parametrize(
    ("flags", "machine", "has"),
    [
        (XEON, "x86_64", {"AVX2", "AVX-512", "VNNI", "BF16", "AMX"}),
        (ZEN_3, "AMD64", {"AVX2"}),
        (GRAVITON_3, "aarch64", {"NEON", "dot product", "int8 matrices", "BF16", "SVE"}),
        ("", "arm64", set()),
    ],
)
def test_features_are_told_by_the_names_that_people_know(flags: str, machine: str, has: set[str]) -> None:
    found = features(set(flags.split()), machine)
    assert {name for name, there in found.items() if there} == has


def test_the_processor_of_this_machine_has_cores() -> None:
    subjects = {finding.subject: finding for finding in look_at_processor()}
    assert subjects["processor"].facts["model"]
    assert subjects["cores"].facts["usable"] == bound_cores() >= 1


def test_a_folder_that_is_not_installed_is_not_looked_for_in_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_there(name: str) -> Never:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(software, "distribution", not_there)
    finding = next(finding for finding in software.look_at_software() if finding.subject == "impasto")
    assert (finding.state, finding.remedy) == (State.NO, "pip install -e . in its folder")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_every_gpu_of_the_drivers_table_is_read() -> None:
    first, second = parse_query(SMI)
    assert (first["name"], first["driver_version"], first["compute_cap"]) == ("NVIDIA L4", "570.86.15", "8.9")
    assert (second["memory.free"], second["memory.total"]) == ("81008", "81559")
    assert parse_query("Failed to initialize NVML: Driver/library version mismatch\n") == []


def test_a_card_is_seen_without_its_driver_and_a_driver_without_the_bus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.machine.sys.platform", "linux")
    card, network, node = tmp_path / "pci/0000:01:00.0", tmp_path / "pci/0000:02:00.0", tmp_path / "dxg"
    write(network / "class", "0x020000\n")
    write(network / "vendor", "0x10de\n")
    assert not may_have_gpu([NVIDIA], tmp_path / "pci", [node])
    assert not may_have_gpu([NVIDIA], tmp_path / "no bus", [node])
    write(card / "class", "0x030200\n")
    write(card / "vendor", "0x1002\n")
    assert may_have_gpu([NVIDIA, AMD], tmp_path / "pci", [node])
    assert not may_have_gpu([NVIDIA], tmp_path / "pci", [node])
    node.touch()
    assert may_have_gpu([NVIDIA], tmp_path / "pci", [node])


def test_where_the_system_lists_no_devices_there_may_be_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.machine.sys.platform", "win32")
    assert may_have_gpu([NVIDIA])
    monkeypatch.setattr("engines.machine.sys.platform", "darwin")
    assert not may_have_gpu([NVIDIA])


def test_cards_are_found_on_the_bus_and_in_a_chip(tmp_path: Path) -> None:
    pci, drm = tmp_path / "pci", tmp_path / "drm"
    for slot, kind in (("0000:00:02.0", "0x030000"), ("0000:00:1f.0", "0x060100")):
        for name, text in (("class", kind), ("vendor", "0x8086"), ("device", "0x9a49")):
            write(pci / slot / name, f"{text}\n")
    (tmp_path / "drivers/i915").mkdir(parents=True)
    (tmp_path / "drivers/vc4").mkdir()
    (pci / "0000:00:02.0/driver").symlink_to(tmp_path / "drivers/i915")
    (drm / "card0").mkdir(parents=True)
    (drm / "card0/device").symlink_to(pci / "0000:00:02.0")
    (drm / "card1/device").mkdir(parents=True)
    (drm / "card1/device/driver").symlink_to(tmp_path / "drivers/vc4")
    (drm / "card1-HDMI-A-1").mkdir()
    on_bus, in_chip = kernel_cards(pci, drm)
    assert (on_bus.vendor, on_bus.device, on_bus.driver) == ("8086", "9a49", "i915")
    assert str(on_bus).startswith("Intel ")
    assert str(in_chip) == "(vc4)"
    assert kernel_cards(tmp_path / "none", tmp_path / "nor") == []


def test_a_device_has_its_name_from_the_systems_list(tmp_path: Path) -> None:
    write(tmp_path / "pci.ids", PCI_IDS)
    lists = (tmp_path / "absent", tmp_path / "pci.ids")
    assert name_of_device("8086", "9a49", lists) == "TigerLake-LP GT2 [Iris Xe Graphics]"
    assert name_of_device("1002", "1681", lists) == "Rembrandt [Radeon 680M]"
    assert name_of_device("1002", "9a49", lists) == ""
    assert name_of_device("8086", "9a49", lists[:1]) == ""


def test_an_error_of_ours_is_split_into_what_is_wrong_and_the_remedy() -> None:
    found = missing("torch", ValueError("torch is not\ninstalled; pip install it; or not"))
    assert (found.text, found.remedy) == ("torch is not installed", "pip install it; or not")
    assert found.state is State.ABSENT


def test_a_backend_is_told_with_its_precisions_or_its_reason() -> None:
    able = BackendState("x", True, version="1.2", precisions=("bf16", "fp32"), on_request=("int8",))
    assert of_state(able).text == "1.2 on CPU: bf16, fp32, and int8 on request"
    unable = of_state(BackendState("y", False, "no driver; install it"))
    assert (unable.state, unable.text, unable.remedy) == (State.ABSENT, "no driver", "install it")
    assert Finding.from_dict(unable.as_dict()) == unable


def test_hardware_is_told_by_its_kind() -> None:
    works, lacks = (
        HardwareCodec("h264_nvenc", True, ""),
        HardwareCodec("av1_nvenc", False, "it is too old; buy another"),
    )
    some = of_family("encode nvenc", [works, lacks])
    assert (some.state, some.text) == (State.YES, "h264; not av1")
    none = of_family("encode nvenc", [lacks])
    assert (none.state, none.text, none.remedy) == (State.ABSENT, "it is too old", "buy another")
    assert none.facts["reasons"] == {"av1": lacks.reason}


def test_all_hardware_that_ffmpeg_knows_is_told_of_here() -> None:
    subjects = [finding.subject for finding in look_at_hardware()]
    assert len(subjects) == len(set(subjects)) > 0


def test_microphones_are_those_that_capture() -> None:
    listed = (
        "00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1\n"
        "00-03: HDMI 0 : HDMI 0 : playback 1\n"
        "01-00: USB Audio : USB Audio : capture 1\n"
    )
    assert inputs_of(listed) == [("hw:0,0", "ALC257 Analog"), ("hw:1,0", "USB Audio")]
    assert inputs_of("") == []


def test_modes_are_read_as_the_kernel_writes_them() -> None:
    pytest.importorskip("fcntl", reason="Linux's video devices")
    from realtime.media import video_devices as kernel

    yuyv, mjpg = (int.from_bytes(letters, "little") for letters in (b"YUYV", b"MJPG"))
    sizes = {yuyv: [(640, 480), (320, 240)], mjpg: [(1920, 1080)]}
    rates = {(640, 480): [(1, 30), (1, 15)], (320, 240): [(1001, 60000)], (1920, 1080): []}

    def ask(request: int, question: bytes) -> bytes:
        number = struct.unpack_from("I", question)[0]
        try:
            if request == kernel.ENUM_FORMATS:
                assert struct.unpack_from("I", question, 4)[0] == kernel.CAPTURE
                return question[:44] + struct.pack("I", list(sizes)[number]) + question[48:]
            code = struct.unpack_from("I", question, 4)[0]
            if request == kernel.ENUM_SIZES:
                return question[:8] + struct.pack("3I", kernel.DISCRETE, *sizes[code][number]) + question[20:]
            size = struct.unpack_from("2I", question, 8)
            return question[:16] + struct.pack("3I", kernel.DISCRETE, *rates[size][number]) + question[28:]
        except IndexError:
            raise OSError(22, "Invalid argument") from None

    assert [str(mode) for mode in kernel.list_modes(ask)] == [
        "640x480 at 30 fps YUYV",
        "320x240 at 59.94 fps YUYV",
        "1920x1080 MJPG",
    ]


def test_of_each_size_the_fastest_coding_is_told() -> None:
    pytest.importorskip("fcntl", reason="Linux's video devices")
    from realtime.doctor.subjects.cameras import in_brief
    from realtime.media.video_devices import OfferedMode

    sizes = [(1920, 1080), (1280, 720), (640, 480), (320, 240), (160, 120), (80, 60)]
    modes = [OfferedMode(coding, size, fps) for size in sizes for coding, fps in (("MJPG", 30.0), ("YUYV", 5.0))]
    assert in_brief(modes[:4]) == "1920x1080 at 30 fps MJPG, 1280x720 at 30 fps MJPG"
    assert in_brief(modes).endswith("320x240 at 30 fps MJPG, and 2 smaller sizes")
    assert in_brief([]) == ""


def test_of_a_range_of_sizes_the_largest_is_told() -> None:
    pytest.importorskip("fcntl", reason="Linux's video devices")
    from realtime.media import video_devices as kernel

    def ask(request: int, question: bytes) -> bytes:
        if struct.unpack_from("I", question)[0]:
            raise OSError(22, "Invalid argument")
        if request == kernel.ENUM_FORMATS:
            return question[:44] + b"AR1\xb5" + question[48:]
        if request == kernel.ENUM_SIZES:
            return question[:8] + struct.pack("7I", 3, 32, 4096, 2, 16, 2160, 2) + question[36:]
        return question[:16] + struct.pack("7I", 2, 1, 120, 1, 1, 1, 1) + question[44:]

    assert [str(mode) for mode in kernel.list_modes(ask)] == ["4096x2160 at 120 fps AR15-BE"]


def test_the_structures_are_as_large_as_the_kernel_has_them() -> None:
    """The size stands in the request's own number (asm-generic/ioctl.h)."""
    pytest.importorskip("fcntl", reason="Linux's video devices")
    from realtime.media import video_devices as kernel

    for request, structure in (
        (kernel.ENUM_FORMATS, kernel.FORMAT),
        (kernel.ENUM_SIZES, kernel.SIZE),
        (kernel.ENUM_INTERVALS, kernel.INTERVAL),
    ):
        assert request >> 16 & 0x3FFF == structure.size


def test_without_its_package_the_virtual_cameras_driver_is_told_of_too(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cameras.look_at_virtual_cameras()
    monkeypatch.setattr(cameras, "installed_version", lambda package: "")
    first, second = cameras.look_at_virtual_cameras()
    assert first.remedy == "pip install 'impasto[virtualcam]'"
    assert second.text == before[-1].text
