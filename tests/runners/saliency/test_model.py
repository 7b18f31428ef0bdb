"""Any model with the contract works, under any names; any other is refused before a source is opened."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

import onnx_models
from runners.saliency import by_numpy, networks
from runners.saliency.test_pixels import frame
from smokegate.errors import UsageError
from smokegate_runners.saliency import cores
from smokegate_runners.saliency.network import heads, model, model_file, pixels
from smokegate_runners.saliency.network.model import ModelFailed, SaliencyModel
from smokegate_runners.saliency.settings import Size

CLOSE = 1e-5


def plain(data: bytes | Path, fed: Any) -> Any:
    """What ONNX Runtime gives, asked without any of ours."""
    source = str(data) if isinstance(data, Path) else data
    live = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    return live.run(None, {live.get_inputs()[0].name: fed})[0]


def expected(data: bytes | Path, width: int, height: int, multiple: int) -> Any:
    shown = frame(width, height)
    mask = plain(data, by_numpy.fed(by_numpy.rgb(shown.y, shown.u, shown.v), multiple))
    return mask.reshape(mask.shape[-2:])[:height, :width]


@pytest.mark.parametrize("poolings", range(7))
def test_the_multiple_is_found_by_trying(poolings: int, tmp_path: Path) -> None:
    data = networks.unet(poolings)
    place = networks.written(tmp_path, data)
    assert model.describe(place).multiple == 2**poolings
    found = SaliencyModel(place, provider="cpu", threads=1).mask(frame(75, 53))
    assert found.shape == (53, 75)
    assert np.abs(found - expected(data, 75, 53, 2**poolings)).max() < CLOSE


@pytest.mark.parametrize(("width", "height"), [(1, 1), (16, 16), (17, 9), (320, 180), (8, 64)])
def test_frames_are_padded_by_their_edges_and_masks_cropped(width: int, height: int, tmp_path: Path) -> None:
    data = networks.unet()
    found = SaliencyModel(networks.written(tmp_path, data), threads=1).mask(frame(width, height))
    assert found.shape == (height, width)
    assert np.abs(found - expected(data, width, height, 8)).max() < CLOSE


def test_other_names_and_a_free_batch(tmp_path: Path) -> None:
    data = networks.named("pixels/rgb", "где")
    live = SaliencyModel(networks.written(tmp_path, data), threads=1)
    assert (live.described.input, live.described.output, live.described.multiple) == ("pixels/rgb", "где", 1)
    assert np.abs(live.mask(frame(33, 21)) - expected(data, 33, 21, 1)).max() < CLOSE


def test_a_mask_without_its_channel_axis(tmp_path: Path) -> None:
    data = networks.brightness(flat=True)
    found = SaliencyModel(networks.written(tmp_path, data), threads=1).mask(frame(20, 10))
    assert np.abs(found - np.clip(expected(data, 20, 10, 1), 0, 1)).max() < CLOSE


def test_half_precision(tmp_path: Path) -> None:
    live = SaliencyModel(networks.written(tmp_path, networks.half()), threads=1)
    found = live.mask(frame(20, 10))
    assert live.described.half
    assert found.dtype == np.float32
    assert np.abs(found - expected(networks.named("i", "o"), 20, 10, 1)).max() < 2e-3


def test_a_model_of_one_size_sees_frames_resized_and_its_mask_is_resized_back(tmp_path: Path) -> None:
    place = networks.written(tmp_path, networks.brightness(0.0, 0.25, shape=(1, 3, 32, 48)))
    live = SaliencyModel(place, threads=1)
    assert (live.described.fixed, live.described.multiple) == (Size(48, 32), 1)
    assert live.mask(frame(75, 53)) == pytest.approx(np.full((53, 75), 0.25))
    data = networks.brightness(shape=(1, 3, 32, 48))
    exact = SaliencyModel(networks.written(tmp_path, data), threads=1).mask(frame(48, 32))
    assert np.abs(exact - expected(data, 48, 32, 1)).max() < CLOSE


def test_where_things_are_survives_resizing(tmp_path: Path) -> None:
    """Bright in one corner: in the frame, in what the model sees, and in the mask."""
    live = SaliencyModel(networks.written(tmp_path, networks.brightness(shape=(1, 3, 32, 32))), threads=1)
    picture = np.zeros((96, 160, 3), np.uint8)
    picture[:48, 80:] = 255
    found = live.mask_rgb(picture)
    assert found.shape == (96, 160)
    assert found[:40, 90:].min() > found[56:].max() + 0.2
    assert found[:40, 90:].min() > found[:, :70].max() + 0.2


def test_rgb_and_planes_of_one_picture_have_one_mask(tmp_path: Path) -> None:
    live = SaliencyModel(networks.written(tmp_path, networks.unet()), threads=1)
    shown = frame(41, 27)
    picture = (by_numpy.rgb(shown.y, shown.u, shown.v) * 255).round().astype(np.uint8).transpose(1, 2, 0)
    assert np.abs(live.mask_rgb(picture) - live.mask(shown)).max() < 5e-3


# -- values ----------------------------------------------------------------------------------------------------------


def test_values_outside_are_clipped_and_counted(tmp_path: Path) -> None:
    data = networks.brightness(gain=1.0, offset=0.0)
    shown = frame(64, 48)
    raw = expected(data, 64, 48, 1)
    answer = SaliencyModel(networks.written(tmp_path, data), threads=1).answer(shown, pixels.BT709)
    assert answer.clipped == int(((raw < 0) | (raw > 1)).sum()) > 0
    assert np.abs(answer.mask - raw.clip(0, 1)).max() < CLOSE


def test_values_that_only_padding_has_are_not_counted(tmp_path: Path) -> None:
    answer = SaliencyModel(networks.written(tmp_path, networks.unet()), threads=1).answer(frame(9, 9), pixels.BT709)
    assert answer.clipped == 0


def test_values_that_are_no_numbers_fail(tmp_path: Path) -> None:
    live = SaliencyModel(networks.written(tmp_path, networks.root()), threads=1)
    with pytest.raises(ModelFailed, match="not finite"):
        live.mask_rgb(np.zeros((8, 8, 3), np.uint8))


def test_infinite_values_fail(tmp_path: Path) -> None:
    live = SaliencyModel(networks.written(tmp_path, networks.brightness(gain=3e38)), threads=1)
    with pytest.raises(ModelFailed, match="not finite"):
        live.mask_rgb(np.full((8, 8, 3), 255, np.uint8))


def test_a_frame_on_which_it_does_not_run_fails_in_one_line(tmp_path: Path) -> None:
    live = SaliencyModel(networks.written(tmp_path, networks.one_height()), threads=1)
    with pytest.raises(ModelFailed, match="does not run on a frame of 30x20") as caught:
        live.mask(frame(30, 20))
    assert caught.value.message.isprintable()
    assert live.mask(frame(30, 65)).shape == (65, 30)


def test_values_do_not_hang_on_the_number_of_threads(tmp_path: Path) -> None:
    place = networks.written(tmp_path, networks.unet(width=24))
    shown = frame(331, 187)
    masks = [
        SaliencyModel(place, threads=threads).answer(shown, pixels.BT709, threads).mask for threads in (1, 2, 3, 5, 8)
    ]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


def test_many_threads_may_ask_one_model(tmp_path: Path) -> None:
    live = SaliencyModel(networks.written(tmp_path, networks.unet()), threads=2)
    shown = [frame(40 + seed % 3, 30, seed) for seed in range(24)]
    alone = [live.mask(one) for one in shown]
    start = threading.Barrier(4)
    with ThreadPoolExecutor(4, initializer=start.wait) as pool:
        together = list(pool.map(live.mask, shown))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_the_head_s_weights_are_fed_and_nothing_else_is_changed() -> None:
    before = onnx.load_model_from_string(networks.unet())
    after, weights = heads.fed(networks.unet())
    graph = onnx.load_model_from_string(after).graph
    (name,) = weights
    assert weights[name].shape == (1, 4, 1, 1)
    assert [port.name for port in graph.input] == [networks.FEED, name]
    assert {tensor.name for tensor in before.graph.initializer} - {tensor.name for tensor in graph.initializer} == {
        name
    }
    assert list(graph.node) == list(before.graph.node)


def test_a_graph_without_such_a_head_stays_as_it_is(tmp_path: Path) -> None:
    for data in (networks.brightness(), onnx_models.saliency(), onnx_models.mlp()):
        assert heads.fed(data) == (data, {})


def test_a_head_that_is_named_among_the_inputs_or_serves_twice(tmp_path: Path) -> None:
    """As old exporters list it, and as one that is used by two nodes."""
    found = onnx.load_model_from_string(networks.unet())
    head = next(node for node in reversed(found.graph.node) if node.op_type == "Conv")
    found.graph.input.append(onnx.helper.make_tensor_value_info(head.input[1], TensorProto.FLOAT, [1, 4, 1, 1]))
    twin = found.graph.node.add()
    twin.CopyFrom(head)
    twin.name, twin.output[0] = "twin", "unused"
    place = networks.written(tmp_path, found.SerializeToString())
    mask = SaliencyModel(place, provider="cpu", threads=1).mask(frame(24, 16))
    assert np.abs(mask - expected(networks.unet(), 24, 16, 8)).max() < CLOSE


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (onnx_models.passing_on(networks.FREE, further_input=True), "it has 2 inputs: 'features', 'further_in'"),
        (onnx_models.passing_on(networks.FREE, further_output=True), "it has 2 outputs"),
        (onnx_models.mlp(), "its input is"),
        (onnx_models.passing_on((1, 4, "H", "W")), "its input is"),
        (onnx_models.passing_on((1, 1, "H", "W")), "its input is"),
        (onnx_models.passing_on(networks.FREE, dtype=TensorProto.UINT8), "its input is a tensor.uint8."),
        (onnx_models.passing_on((8, 3, "H", "W")), "it takes 8 pictures at a time"),
        (onnx_models.passing_on((1, 3, 32, "W")), "one side is fixed"),
        (networks.many_channels(), r"its output for \d+x\d+ is \[1, 3, "),
        (networks.smaller_masks(), "its output for"),
        (networks.one_height(50), "it runs on no size of the multiples"),
        (networks.brightness(shape=(1, 3, 32, 48)).replace(b"ReduceMean", b"ReduceNope"), "does not load"),
        (b"", "does not load"),
        (b"no model at all", "is no ONNX file"),
    ],
)
def test_what_is_no_saliency_model_is_refused_at_once(data: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        model.describe(networks.written(tmp_path, data))
    assert caught.value.message.isprintable()


def test_a_model_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        model.describe(tmp_path / "gone.onnx")
    with pytest.raises(UsageError, match="directory"):
        model.describe(tmp_path)


def test_providers(tmp_path: Path) -> None:
    place = networks.written(tmp_path, networks.unet())
    there = onnxruntime.get_available_providers()
    assert SaliencyModel(place, provider="cpu").provider == "cpu"
    with pytest.raises(UsageError, match="none of auto, cpu, cuda"):
        SaliencyModel(place, provider="tpu")
    if "CUDAExecutionProvider" not in there:
        assert SaliencyModel(place).provider == "cpu"
        with pytest.raises(UsageError, match="CUDA was asked for, and the onnxruntime that is installed has"):
            SaliencyModel(place, provider="cuda")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_cuda_whose_libraries_do_not_load_is_no_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime lists the provider, and goes on with the CPU."""
    place = networks.written(tmp_path, networks.unet())
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    with pytest.raises(UsageError, match="its libraries do not load"):
        SaliencyModel(place, provider="cuda")
    assert SaliencyModel(place, provider="auto").provider == "cpu"


# -- the sidecar -----------------------------------------------------------------------------------------------------


def with_sidecar(folder: Path, data: bytes, **fields: Any) -> Path:
    place = networks.written(folder, data)
    place.with_suffix(".json").write_text(json.dumps(fields), encoding="utf-8")
    return place


def test_the_sidecar_may_say_the_multiple(tmp_path: Path) -> None:
    assert model.describe(with_sidecar(tmp_path, networks.unet(2), size_multiple=12)).multiple == 12
    with pytest.raises(UsageError, match="its sidecar has size_multiple 2, and on such a size"):
        model.describe(with_sidecar(tmp_path, networks.unet(2), size_multiple=2))
    for odd in (0, -8, 1000, 8.5, True, "8"):
        with pytest.raises(UsageError, match=r"no whole number 1\.\.256"):
            model.describe(with_sidecar(tmp_path, networks.unet(2), size_multiple=odd))


def test_a_twin_has_the_sidecar_of_its_model(tmp_path: Path) -> None:
    with_sidecar(tmp_path, networks.unet(2), size_multiple=12)
    twin = networks.written(tmp_path, networks.unet(2), "student.int8.onnx")
    assert model.describe(twin).multiple == 12


def test_a_model_that_was_trained_on_other_numbers_is_refused(tmp_path: Path) -> None:
    imagenet = {"input_mean": [0.485, 0.456, 0.406], "input_std": [0.229, 0.224, 0.225], "onnx_has_scaler": False}
    assert model.describe(with_sidecar(tmp_path, networks.unet(), **imagenet)).multiple == 8
    for field, value in (("input_mean", [0.5, 0.5, 0.5]), ("input_std", [1, 1, 1]), ("input_mean", [0.485])):
        with pytest.raises(UsageError, match=field.replace("input", "feature")):
            model.describe(with_sidecar(tmp_path, networks.unet(), **(imagenet | {field: value})))
    with pytest.raises(UsageError, match="normalises its input itself"):
        model.describe(with_sidecar(tmp_path, networks.unet(), onnx_has_scaler=True))


def test_a_sidecar_that_is_no_json_is_refused_with_its_line(tmp_path: Path) -> None:
    place = networks.written(tmp_path, networks.unet())
    place.with_suffix(".json").write_text('{\n"size_multiple": NaN}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"student\.json:2"):
        model.describe(place)


# -- bytes -----------------------------------------------------------------------------------------------------------


def test_the_digest_covers_weights_that_lie_outside(tmp_path: Path) -> None:
    place = networks.external(tmp_path, "parts/weights.bin")
    before = model.describe(place)
    assert before.value["external_data"].keys() == {"parts/weights.bin"}
    assert (
        np.abs(SaliencyModel(place, threads=1).mask(frame(24, 16)) - expected(networks.unet(), 24, 16, 8)).max() < CLOSE
    )
    weights = tmp_path / "parts/weights.bin"
    weights.write_bytes(bytes(len(weights.read_bytes())))
    after = model.describe(place)
    assert after.digests.sha256 == before.digests.sha256
    assert after.digest != before.digest


def test_the_digest_of_a_model_that_is_one_file_is_that_of_the_file(tmp_path: Path) -> None:
    described = model.describe(networks.written(tmp_path, networks.unet()))
    assert described.digest == described.digests.sha256


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "parts/../../weights.bin"])
def test_weights_outside_the_models_folder_are_refused(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(1000))
    with pytest.raises(UsageError, match="outside its folder"):
        model.describe(networks.external(folder, location))


def test_a_link_out_of_the_folder_is_refused_and_weights_that_are_gone_are_said(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    place = networks.external(folder)
    kept = folder / "weights.bin"
    kept.rename(tmp_path / "elsewhere.bin")
    with pytest.raises(UsageError, match=r"'weights\.bin', which cannot be read: No such file"):
        model.describe(place)
    kept.symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(UsageError, match="outside its folder"):
        model.describe(place)


def test_weights_of_a_subgraph_count_too(tmp_path: Path) -> None:
    found = onnx.load_model_from_string(onnx_models.branching())
    held = onnx.helper.make_tensor("inner", TensorProto.FLOAT, [1], [1.0])
    held.data_location = TensorProto.EXTERNAL
    held.ClearField("float_data")
    held.external_data.add(key="location", value="inner.bin")
    branch = next(node for node in found.graph.node if node.op_type == "If").attribute[0].g
    branch.initializer.append(held)
    (tmp_path / "inner.bin").write_bytes(bytes(4))
    place = networks.written(tmp_path, found.SerializeToString())
    assert list(model_file.read(place).external) == ["inner.bin"]


def test_bytes_that_changed_since_they_were_described_are_refused(tmp_path: Path) -> None:
    place = networks.written(tmp_path, networks.unet(seed=1))
    known = model.describe(place)
    assert SaliencyModel(place, known=known).described is known
    networks.written(tmp_path, networks.unet(seed=2))
    with pytest.raises(UsageError, match="not what it was when this run began"):
        SaliencyModel(place, known=known)


# -- processors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "least"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "1000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_container_s_share_of_processors_is_kept_to(files: dict[str, str], least: int | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n", encoding="ascii")
    free = cores.usable(tmp_path / "nowhere")
    assert cores.usable(tmp_path) == (free if least is None else min(free, least))
