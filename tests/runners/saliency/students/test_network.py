"""The network, and the graph that it is exported as."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest

from runners.saliency.students.small import QUICK
from smokegate.allowlist import DEFAULT_OPS
from smokegate.errors import SmokegateError
from smokegate.lab.onnx_lite import pb
from smokegate.lab.scaler import ABSENT, find_scaler
from smokegate_runners.ensemble.export import session
from smokegate_runners.saliency.students import export, network
from smokegate_runners.saliency.students.network import Params
from smokegate_runners.saliency.students.recipe import Decoder, Recipe

BOTH = pytest.mark.parametrize("decoder", list(Decoder))


def shaken(decoder: Decoder, recipe: Recipe = QUICK) -> Params:
    """A network that is not at its beginning: biases too are something."""
    random = np.random.default_rng(3)
    learnt = network.initial(1, recipe, decoder)
    moments = {
        name: (random.normal(0, 0.3, len(layer[1])), random.uniform(0.5, 2, len(layer[1])))
        for name, layer in learnt.items()
    }
    moved = {
        name: (layer[0], *(part + random.normal(0, 0.2, part.shape) for part in layer[1:]))
        for name, layer in learnt.items()
    }
    return network.folded(moved, moments)


@BOTH
def test_the_size_of_the_students(decoder: Decoder) -> None:
    recipe = Recipe()
    params = shaken(decoder, recipe)
    assert network.parameters(params) == {Decoder.TRANSPOSED: 110_993, Decoder.RESIZED: 124_433}[decoder]
    tensors = onnx.load_model_from_string(export.graph(params, recipe, decoder, "x")).graph.initializer
    weights = [tensor for tensor in tensors if tensor.name != "twice"]
    assert sum(int(np.prod(tensor.dims)) for tensor in weights) == network.parameters(params)


@BOTH
@pytest.mark.parametrize("size", [(8, 8), (48, 64), (96, 128), (184, 320)])
def test_the_graph_computes_what_was_trained(decoder: Decoder, size: tuple[int, int]) -> None:
    params = shaken(decoder)
    pictures = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    trained = np.asarray(jax.nn.sigmoid(network.logits(params, jnp.asarray(pictures), QUICK, decoder)))
    model = export.graph(params, QUICK, decoder, "x")
    assert export.apart(model, pictures, trained, "x") <= 1e-5
    assert np.ptp(trained) > 0.05


@BOTH
def test_a_graph_that_computes_something_else_is_not_exported(decoder: Decoder) -> None:
    params = dict(shaken(decoder))
    pictures = np.random.default_rng(0).normal(size=(1, 16, 16, 3)).astype(np.float32)
    trained = np.asarray(jax.nn.sigmoid(network.logits(params, jnp.asarray(pictures), QUICK, decoder)))
    params["head"] = params["head"][0], params["head"][1] + 1e-3
    with pytest.raises(SmokegateError, match="nothing was exported"):
        export.apart(export.graph(params, QUICK, decoder, "x"), pictures, trained, "x")
    with pytest.raises(SmokegateError, match="nothing was exported"):
        export.apart(export.graph(params, QUICK, decoder, "x"), pictures, np.full_like(trained, np.nan), "x")


@BOTH
def test_the_graph_is_what_runners_and_the_judge_expect(decoder: Decoder) -> None:
    data = export.graph(shaken(decoder), QUICK, decoder, "student")
    assert data == export.graph(shaken(decoder), QUICK, decoder, "student")
    model = onnx.load_model_from_string(data)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    used = {node.op_type for node in model.graph.node}
    assert used <= set(DEFAULT_OPS)
    assert ("ConvTranspose" in used, "Resize" in used) == (decoder is Decoder.TRANSPOSED, decoder is Decoder.RESIZED)
    ports = {port.name: shape(port) for port in (*model.graph.input, *model.graph.output)}
    assert ports == {"input": [1, 3, "height", "width"], "saliency_map": [1, 1, "height", "width"]}
    lite = pb.ModelProto()
    lite.ParseFromString(data)
    assert find_scaler(lite.graph, ["input"]) == ABSENT


def shape(port: Any) -> list[int | str]:
    return [one.dim_param or one.dim_value for one in port.type.tensor_type.shape.dim]


def test_the_students_differ_in_the_way_up_alone() -> None:
    first, second = (network.initial(0, Recipe(), decoder) for decoder in Decoder)
    assert list(first) == list(second)
    for name in first:
        same = [one.tobytes() == other.tobytes() for one, other in zip(first[name], second[name], strict=True)]
        assert all(same) == (name not in {"up0", "up1", "up2"}), name
    other = network.initial(1, Recipe(), Decoder.RESIZED)
    assert all(other[name][0].tobytes() != second[name][0].tobytes() for name in second)


@BOTH
def test_folded_it_computes_what_normalising_did(decoder: Decoder) -> None:
    """Over one batch, whose own moments are folded in."""
    learnt = network.initial(2, QUICK, decoder)
    x = np.random.default_rng(1).normal(size=(4, 32, 32, 3)).astype(np.float32)
    seen: dict[str, tuple[Any, Any]] = {}
    normalised = network.logits(learnt, x, QUICK, decoder, network.learning(seen))
    assert set(seen) == set(learnt) - {"head"}
    folded = network.logits(network.folded(learnt, seen), x, QUICK, decoder)
    np.testing.assert_allclose(folded, normalised, rtol=0, atol=2e-4)


def test_doubling_is_what_onnx_means_by_half_pixels() -> None:
    x = np.random.default_rng(0).normal(size=(1, 5, 7, 2)).astype(np.float32)
    node = onnx.helper.make_node(
        "Resize", ["x", "", "twice"], ["y"], mode="linear", coordinate_transformation_mode="half_pixel"
    )
    twice = onnx.numpy_helper.from_array(np.asarray([1, 1, 2, 2], dtype=np.float32), "twice")
    ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("x", "y")]
    graph = onnx.helper.make_graph([node], "g", ports[:1], ports[1:], [twice])
    opsets = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (wanted,) = session(model.SerializeToString()).run(None, {"x": x.transpose(0, 3, 1, 2)})
    doubled = network._doubled(network._doubled(jnp.asarray(x), 1), 2)
    np.testing.assert_allclose(np.asarray(doubled).transpose(0, 3, 1, 2), wanted, rtol=0, atol=1e-6)


def test_pictures_are_normalised_as_runners_do_it() -> None:
    made = network.normalised(jnp.asarray([[[[0, 128, 255]]]], dtype=jnp.uint8))
    wanted = [(0 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    np.testing.assert_allclose(made[0, 0, 0], wanted, rtol=1e-6)
