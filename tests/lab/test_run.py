"""Loaded and run once, in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from lab.specimens import (
    FLOAT,
    branching,
    constant,
    content,
    convolution,
    dense,
    endless,
    graph,
    image,
    kept_outside,
    model,
    model_of,
    node,
    outside,
    port,
    u_net,
)
from smokegate.lab.client import Lab
from smokegate.registry.graph import RunResult

FINE = RunResult(ok=True)


def run(lab: Lab, data: bytes, **external: bytes) -> RunResult:
    return lab.run(content(data), {name: content(body) for name, body in external.items()})


def refusal(lab: Lab, data: bytes, **external: bytes) -> str:
    result = run(lab, data, **external)
    assert not result.ok
    assert 0 < len(result.reason) <= 500
    assert result.reason.isprintable()
    return result.reason


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_convolution_runs(lab: Lab, kind: type) -> None:
    assert run(lab, convolution(kind)) == FINE


def test_a_kernel_that_is_not_there_is_a_refusal(lab: Lab) -> None:
    assert "implementation for Conv" in refusal(lab, convolution(np.float64))


def test_a_u_net_is_given_a_size_it_takes(lab: Lab) -> None:
    assert run(lab, u_net()) == FINE


def test_sizes_are_found_by_trying(lab: Lab) -> None:
    flatten = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"])]
    data = model(flatten, inputs=[image("x")], weights=[constant("w", np.ones((3 * 224 * 224, 1)))])
    assert run(lab, data) == FINE
    features = model(
        [node("MatMul", ["x", "w"])], inputs=[port("x", ["n", "f"])], weights=[constant("w", np.ones((20, 1)))]
    )
    assert run(lab, features) == FINE


def test_one_symbol_is_one_size(lab: Lab) -> None:
    inputs = [port("x", ["q", "t"]), port("z", ["t", 1])]
    nodes = [node("MatMul", ["x", "w"], ["a"]), node("MatMul", ["x", "z"], ["b"]), node("Add", ["a", "b"])]
    assert run(lab, model(nodes, inputs=inputs, weights=[constant("w", np.ones((20, 1)))])) == FINE


def test_shapes_that_nothing_fits_are_a_refusal(lab: Lab) -> None:
    data = model([node("MatMul", ["x", "w"])], inputs=[port("x", [1, 5])], weights=[constant("w", np.eye(4))])
    reason = refusal(lab, data)
    assert "MatMul" in reason
    assert "onnxruntime_src" not in reason


def test_branches_run(lab: Lab) -> None:
    assert run(lab, branching()) == FINE


def test_a_local_function_runs(lab: Lab) -> None:
    function = helper.make_function(
        "acme", "F", ["a"], ["b"], [node("Tanh", ["a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    made = model_of(graph([node("F", domain="acme")]), opsets=[helper.make_opsetid("acme", 1)], functions=[function])
    assert run(lab, made.SerializeToString()) == FINE


def test_a_custom_operator_does_not_load(lab: Lab) -> None:
    made = model_of(graph([node("F", domain="acme")]), opsets=[helper.make_opsetid("acme", 1)])
    assert "acme" in refusal(lab, made.SerializeToString())


@pytest.mark.parametrize(
    "kind",
    ["INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL", "STRING", "BFLOAT16", "DOUBLE"],
)
def test_inputs_of_many_types_are_fed(lab: Lab, kind: str) -> None:
    code = TensorProto.DataType.Value(kind)
    data = model([node("Identity")], inputs=[port("x", kind=code)], outputs=[port("y", kind=code)])
    assert run(lab, data) == FINE


def test_whole_numbers_can_be_looked_up(lab: Lab) -> None:
    table = constant("table", [[1.0, 2.0], [3.0, 4.0]])
    inputs = [port("x", ["n", "t"], TensorProto.INT64)]
    assert run(lab, model([node("Gather", ["table", "x"])], inputs=inputs, weights=[table])) == FINE
    lone = constant("table", [[1.0, 2.0]])
    assert run(lab, model([node("Gather", ["table", "x"])], inputs=inputs, weights=[lone])) == FINE


def test_sequences_are_not_fed(lab: Lab) -> None:
    many = helper.make_tensor_sequence_value_info("x", FLOAT, None)
    data = model([node("SequenceLength")], inputs=[many], outputs=[port("y", [], TensorProto.INT64)])
    assert "unsupported input type seq(tensor(float))" in refusal(lab, data)


def test_an_int8_twin_runs(lab: Lab, tmp_path: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    (tmp_path / "x.onnx").write_bytes(dense())
    quantize_dynamic(tmp_path / "x.onnx", tmp_path / "x.int8.onnx")
    twin = (tmp_path / "x.int8.onnx").read_bytes()
    assert b"MatMulInteger" in twin
    assert run(lab, twin) == FINE


# --- what comes out


def test_nan_is_refused_and_named(lab: Lab) -> None:
    data = model([node("Log", ["minus"], ["l"]), node("Add", ["x", "l"], ["score"])], outputs=[port("score")], weights=[
        constant("minus", -1.0)
    ])  # fmt: skip
    reason = refusal(lab, data)
    assert "'score'" in reason
    assert "NaN" in reason


def test_infinity_in_bfloat16_is_refused(lab: Lab) -> None:
    code = TensorProto.BFLOAT16
    nodes = [node("Cast", ["x"], ["h"], to=FLOAT), node("Div", ["h", "zero"], ["d"]), node("Cast", ["d"], to=code)]
    data = model(nodes, inputs=[port("x", kind=code)], outputs=[port("y", kind=code)], weights=[constant("zero", 0)])
    assert "infinite" in refusal(lab, data)


def test_nothing_at_all_is_refused(lab: Lab) -> None:
    data = model(
        [node("Slice", ["x", "from", "to"])], weights=[constant("from", [0], np.int64), constant("to", [0], np.int64)]
    )
    assert "empty" in refusal(lab, data)


def test_floats_inside_sequences_are_looked_at(lab: Lab) -> None:
    nodes = [node("Log", ["minus"], ["l"]), node("Add", ["x", "l"], ["a"]), node("SequenceConstruct", ["a"], ["y"])]
    data = model(
        nodes, outputs=[helper.make_tensor_sequence_value_info("y", FLOAT, None)], weights=[constant("minus", -1.0)]
    )
    assert "not finite" in refusal(lab, data)


# --- weights kept elsewhere


def test_external_weights_are_handed_over_in_memory(lab: Lab) -> None:
    assert run(lab, outside(location="w.bin", length=64), **{"w.bin": np.eye(4, dtype=np.float32).tobytes()}) == FINE


def test_external_weights_are_those_that_were_handed_over(lab: Lab) -> None:
    poison = np.full(16, np.nan, dtype=np.float32).tobytes()
    assert "NaN" in refusal(lab, outside(location="w.bin", length=64), **{"w.bin": poison})


@pytest.mark.parametrize("location", ["/etc/passwd", "../../../../../../etc/passwd", "/proc/self/maps", "/dev/zero"])
def test_files_of_the_machine_are_out_of_reach(lab: Lab, location: str) -> None:
    data = model([node("Add", ["x", "w"])], weights=[kept_outside("w", [4], kind=TensorProto.FLOAT, location=location)])
    assert "does not load" in refusal(lab, data)


def test_a_refusal_names_no_place_in_somebody_elses_source(lab: Lab) -> None:
    reshape = model(
        [node("Reshape", ["x", "s"])], inputs=[port("x", [1, 5])], weights=[constant("s", [2, 3], np.int64)]
    )
    reasons = refusal(lab, reshape), refusal(lab, outside(location="w.bin", length=64), **{"w.bin": b"short"})
    assert "cannot be reshaped" in reasons[0]
    assert "out of bounds" in reasons[1]
    assert not [reason for reason in reasons if ".cc:" in reason or "::" in reason or "/onnx" in reason]


def test_external_weights_that_are_too_short_are_a_refusal(lab: Lab) -> None:
    assert "does not load" in refusal(lab, outside(location="w.bin", length=64), **{"w.bin": b"\0" * 10})
    assert "does not load" in refusal(lab, outside(location="w.bin", length=64), **{"w.bin": b""})


def test_a_pointer_into_memory_is_no_location(lab: Lab) -> None:
    """ONNX Runtime marks tensors that lie at an address of its own process with this location."""
    data = outside(location="*/_ORT_MEM_ADDR_/*", offset=4096, length=64)
    refusal(lab, data)


# --- limits


def test_a_loop_without_end_meets_the_cpu_limit(strict_lab: Lab) -> None:
    reason = refusal(strict_lab, endless())
    assert "CPU seconds" in reason
    assert "run_seconds" in reason


def test_an_allocation_without_end_meets_the_memory_limit(strict_lab: Lab) -> None:
    nodes = [node("ConstantOfShape", ["big"], ["z"]), node("ReduceSum", ["z"], ["s"]), node("Add", ["x", "s"])]
    data = model(nodes, weights=[constant("big", [1 << 34], np.int64)])
    assert "run_memory_mib" in refusal(strict_lab, data)


def test_an_input_without_end_meets_the_memory_limit(strict_lab: Lab) -> None:
    assert "run_memory_mib" in refusal(strict_lab, model([node("Relu")], inputs=[port("x", [1 << 20, 1 << 20])]))


def test_the_laboratory_survives_them(strict_lab: Lab) -> None:
    assert run(strict_lab, dense()) == FINE
