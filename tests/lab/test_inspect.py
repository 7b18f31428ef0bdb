"""What a model says about itself."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from lab.specimens import (
    FLOAT,
    OPSET_17,
    branching,
    constant,
    content,
    convolution,
    dense,
    field,
    graph,
    kept_outside,
    model,
    model_of,
    nested,
    node,
    outside,
    port,
)
from smokegate.lab.client import Lab
from smokegate.registry.graph import ExternalTensor, Graph, GraphFault, Port


def seen(lab: Lab, data: bytes) -> Graph:
    found = lab.inspect(content(data))
    assert isinstance(found, Graph), found
    return found


def fault(lab: Lab, data: bytes) -> str:
    found = lab.inspect(content(data))
    assert isinstance(found, GraphFault), found
    assert len(found.reason) <= 500
    assert found.reason.isprintable()
    return found.reason


def test_a_plain_model_is_described(lab: Lab) -> None:
    found = seen(lab, convolution(np.float16))
    assert found.inputs == (Port("x", "float16", ("batch", 3, "height", "width")),)
    assert found.outputs == (Port("y", "float16", ("batch", 1, "height", "width")),)
    assert found.ops == (("", "Conv"), ("", "Identity"))
    assert (found.ir_version, found.opsets, found.opset, found.node_count) == (8, (("", 17),), 17, 2)


def test_an_initializer_that_is_also_an_input_need_not_be_fed(lab: Lab) -> None:
    data = model(
        [node("MatMul", ["x", "w"])], inputs=[port("x"), port("w", [4, 4])], weights=[constant("w", np.eye(4))]
    )
    assert [p.name for p in seen(lab, data).inputs] == ["x"]


def test_types_that_are_no_plain_tensors_are_named(lab: Lab) -> None:
    many = helper.make_tensor_sequence_value_info("x", FLOAT, None)
    data = model([node("SequenceLength")], inputs=[many], outputs=[port("y", [], TensorProto.INT64)])
    assert seen(lab, data).inputs == (Port("x", "sequence(float32)", None),)


def test_operators_in_branches_count(lab: Lab) -> None:
    found = seen(lab, branching())
    assert {("", "Relu"), ("", "Sigmoid"), ("", "If")} <= set(found.ops)
    assert found.node_count == 5


@pytest.mark.parametrize("domain", ["", "ai.onnx"])
def test_the_default_domain_has_one_spelling(lab: Lab, domain: str) -> None:
    spelled_out = model_of(graph([node("Relu", domain=domain)]))
    spelled_out.opset_import[0].domain = "ai.onnx"
    found = seen(lab, spelled_out.SerializeToString())
    assert (found.ops, found.opsets) == ((("", "Relu"),), (("", 17),))


def test_custom_domains_are_told_apart(lab: Lab) -> None:
    body = graph([node("Relu", outputs=["r"]), node("Relu", ["r"], domain="acme")])
    found = seen(lab, model_of(body, opsets=[helper.make_opsetid("acme", 1)]).SerializeToString())
    assert found.ops == (("", "Relu"), ("acme", "Relu"))


def function_model(domain: str, body_op: str = "Tanh") -> bytes:
    imports = [helper.make_opsetid("", 17)]
    function = helper.make_function(domain, "Gelu", ["a"], ["b"], [node(body_op, ["a"], ["b"])], imports)
    calling = graph([node("Gelu", domain=domain)])
    made = model_of(calling, opsets=[helper.make_opsetid(domain, 1)], functions=[function])
    return bytes(made.SerializeToString())


def test_a_local_function_counts_as_its_body(lab: Lab) -> None:
    found = seen(lab, function_model("acme"))
    assert (found.ops, found.node_count) == ((("", "Tanh"),), 2)


def test_a_local_function_cannot_hide_a_built_in_operator(lab: Lab) -> None:
    assert ("com.microsoft", "Gelu") in seen(lab, function_model("com.microsoft")).ops


def test_training_graphs_count(lab: Lab) -> None:
    made = model_of(graph([node("Relu")]))
    training = made.training_info.add()
    training.algorithm.CopyFrom(graph([node("Erf")], weights=[kept_outside("t", [1], location="train.bin")]))
    training.initialization.name = "init"
    found = seen(lab, made.SerializeToString())
    assert ("", "Erf") in found.ops
    assert [e.location for e in found.external] == ["train.bin"]


# --- weights kept elsewhere


def test_external_data_is_reported_as_declared(lab: Lab) -> None:
    found = seen(lab, outside(location="../../etc/passwd", offset=128, length=64))
    assert found.external == (ExternalTensor("w", "../../etc/passwd", 128, 64),)
    assert seen(lab, outside(location="w.bin")).external == (ExternalTensor("w", "w.bin", 0, None),)


def test_external_data_hides_nowhere(lab: Lab) -> None:
    value = kept_outside("", [1], location="attribute.bin")
    inner = helper.make_graph(
        [node("Add", ["x", "k"], ["t"])], "then", [], [port("t", None)], [kept_outside("k", [1], location="branch.bin")]
    )
    other = helper.make_graph([node("Identity", ["x"], ["e"])], "else", [], [port("e", None)])
    nodes = [
        node("Constant", [], ["c0"], value=value),
        node("If", ["c"], ["i"], then_branch=inner, else_branch=other),
        node("F", ["i"], ["y"], domain="acme"),
    ]
    body = [
        node("Constant", [], ["k"], value=kept_outside("", [1], location="function.bin")),
        node("Add", ["a", "k"], ["b"]),
    ]
    function = helper.make_function("acme", "F", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    made = model_of(
        graph(nodes, inputs=[port("x"), port("c", [], TensorProto.BOOL)]),
        opsets=[helper.make_opsetid("acme", 1)],
        functions=[function],
    )
    sparse = made.graph.sparse_initializer.add(dims=[4])
    sparse.values.CopyFrom(kept_outside("s", [1], location="sparse.bin"))
    sparse.indices.CopyFrom(kept_outside("", [1], kind=TensorProto.INT64, location="indices.bin"))
    locations = {e.location for e in seen(lab, made.SerializeToString()).external}
    assert locations == {f"{n}.bin" for n in ("attribute", "branch", "function", "sparse", "indices")}


@pytest.mark.parametrize("offset", ["-4", "0x10", "1e3", "", " 8", "٣", "9" * 40])
def test_an_offset_is_a_decimal_number(lab: Lab, offset: str) -> None:
    assert "tensor 'w'" in fault(lab, outside(location="w.bin", offset=offset, length=64))


def test_a_length_is_a_decimal_number(lab: Lab) -> None:
    assert "length '64 '" in fault(lab, outside(location="w.bin", length="64 "))


def test_a_location_is_given_once(lab: Lab) -> None:
    tensor = kept_outside("w", location="a.bin")
    tensor.external_data.add(key="location", value="b.bin")
    assert "twice" in fault(lab, model([node("MatMul", ["x", "w"])], weights=[tensor]))
    assert "no location" in fault(lab, outside(offset=0))


def two_tensors(first: tuple[int, int | None], second: tuple[int, int | None]) -> bytes:
    ranges = (("a", *first), ("b", *second))
    weights = [kept_outside(name, location="w.bin", offset=offset, length=length) for name, offset, length in ranges]
    return model([node("MatMul", ["x", "a"], ["h"]), node("MatMul", ["h", "b"])], weights=weights)


def test_two_tensors_may_share_a_range_but_not_part_of_one(lab: Lab) -> None:
    seen(lab, two_tensors((0, 64), (64, 64)))
    seen(lab, two_tensors((0, 64), (0, 64)))
    seen(lab, two_tensors((0, None), (0, 64)))
    reason = fault(lab, two_tensors((0, 64), (60, 64)))
    assert "'a'" in reason
    assert "'b'" in reason
    assert "overlap" in fault(lab, two_tensors((0, None), (63, None)))


# --- what is no model


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n", "git-lfs pointer"),
        (b'{"message": "Not Found"}', "JSON"),
        (b"ir_version: 8\ngraph { name: 'g' }", "text form"),
        (b"PK\x03\x04" + b"\0" * 60, "zip"),
        (b"\x1c\0\0\0ORTM" + b"\0" * 60, "ORT-format"),
        (b"\x3a\xff\xff\xff\xff\x07", "cut short"),
        (b"\x08\x08", "no graph"),
        (b"\0" * 100, "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files_are_recognised(lab: Lab, data: bytes, words: str) -> None:
    assert words in fault(lab, data)


def altered(**fields: int) -> ModelProto:
    made = ModelProto()
    made.ParseFromString(dense())
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_model_names_its_operator_sets_once(lab: Lab) -> None:
    none = altered()
    del none.opset_import[:]
    assert "opset_import" in fault(lab, none.SerializeToString())
    two = altered()
    two.opset_import.add(domain="ai.onnx", version=11)
    assert "two versions" in fault(lab, two.SerializeToString())


@pytest.mark.parametrize("version", [0, -1, 9999, 1 << 62])
def test_an_absurd_ir_version_is_refused(lab: Lab, version: int) -> None:
    assert "checker" in fault(lab, altered(ir_version=version).SerializeToString())


def test_the_checker_is_heard(lab: Lab) -> None:
    twice = model([node("Relu", ["x"], ["y"]), node("Tanh", ["x"], ["y"])])
    assert "y" in fault(lab, twice)
    assert "w" in fault(lab, model([node("MatMul", ["x", "w"])], weights=[constant("w", np.eye(4))] * 2))
    assert "Nonesuch" in fault(lab, model([node("Nonesuch")]))
    assert "w" in fault(lab, model([node("MatMul", ["x", "w"])]))


def test_the_checker_is_heard_beside_external_data(lab: Lab) -> None:
    data = model(
        [node("MatMul", ["x", "w"], ["h"]), node("Nonesuch", ["h"])], weights=[kept_outside("w", location="w")]
    )
    assert "Nonesuch" in fault(lab, data)


def test_a_graph_without_a_name_is_a_graph(lab: Lab) -> None:
    nameless = altered()
    nameless.graph.name = ""
    seen(lab, nameless.SerializeToString())


def test_names_are_utf_8(lab: Lab) -> None:
    assert "UTF-8" in fault(lab, dense().replace(b"MatMul", b"Mat\xff\xfel"))


def test_depth_is_bounded(lab: Lab) -> None:
    assert "nested" not in fault(lab, nested(20))  # the checker misses inputs and outputs
    assert "nested" in fault(lab, nested(60))


def test_nodes_are_counted_through_functions(strict_lab: Lab) -> None:
    body = [node("Relu", [f"v{i}"], [f"v{i + 1}"]) for i in range(60)]
    function = helper.make_function("acme", "F", ["v0"], ["v60"], body, [helper.make_opsetid("", 17)])
    made = model_of(graph([node("F", domain="acme")]), opsets=[helper.make_opsetid("acme", 1)], functions=[function])
    assert "model_nodes" in fault(strict_lab, made.SerializeToString())


def test_a_message_that_swells_when_parsed_meets_the_memory_limit(strict_lab: Lab) -> None:
    empty_tensors = b"\x2a\x00" * (15 << 17)  # under 4 MiB of them, a hundred times that in memory
    assert "run_memory_mib" in fault(strict_lab, b"\x08\x08" + field(7, empty_tensors) + OPSET_17)
