"""Whether a graph standardises its own input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from onnx import NodeProto, helper

from lab.specimens import FLOAT, constant, content, graph, model, model_of, node, port
from smokegate.lab.client import Lab
from smokegate.registry.graph import Graph, Scaler

WEIGHTS = [constant("mean", [0.1, 0.2, 0.3, 0.4]), constant("std", [1, 2, 3, 4]), constant("w", np.eye(4))]
DENSE = node("MatMul", ["z", "w"])


def scaler_of(lab: Lab, data: bytes) -> Scaler:
    found = lab.inspect(content(data))
    assert isinstance(found, Graph), found
    return found.scaler


def constant_node(name: str, values: Sequence[float]) -> NodeProto:
    return node("Constant", [], [name], value=constant("", values))


CASES: dict[str, tuple[list[NodeProto], Scaler]] = {
    "subtract, divide": ([node("Sub", ["x", "mean"], ["c"]), node("Div", ["c", "std"], ["z"])], Scaler.BAKED),
    "subtract, multiply": ([node("Sub", ["x", "mean"], ["c"]), node("Mul", ["std", "c"], ["z"])], Scaler.BAKED),
    "add a negative": ([node("Add", ["mean", "x"], ["c"]), node("Mul", ["c", "std"], ["z"])], Scaler.BAKED),
    "constants by node": (
        [
            constant_node("m", [0.0] * 4),
            node("Cast", ["x"], ["f"], to=FLOAT),
            node("Sub", ["f", "m"], ["c"]),
            node("Identity", ["c"], ["i"]),
            node("Div", ["i", "std"], ["z"]),
        ],
        Scaler.BAKED,
    ),
    "straight in": ([node("Identity", ["x"], ["z"])], Scaler.ABSENT),
    "only centred": ([node("Sub", ["x", "mean"], ["z"])], Scaler.UNKNOWN),
    "only scaled": ([node("Div", ["x", "std"], ["z"])], Scaler.UNKNOWN),
    "a constant less the value": (
        [node("Sub", ["mean", "x"], ["c"]), node("Div", ["c", "std"], ["z"])],
        Scaler.UNKNOWN,
    ),
    "standardised by itself": ([node("Sub", ["x", "x"], ["c"]), node("Div", ["c", "std"], ["z"])], Scaler.UNKNOWN),
    "after something else": (
        [node("Relu", ["x"], ["r"]), node("Sub", ["r", "mean"], ["c"]), node("Div", ["c", "std"], ["z"])],
        Scaler.UNKNOWN,
    ),
}


@pytest.mark.parametrize(("nodes", "expected"), CASES.values(), ids=CASES)
def test_the_way_to_the_first_weights_tells(lab: Lab, nodes: list[NodeProto], expected: Scaler) -> None:
    assert scaler_of(lab, model([*nodes, DENSE], weights=WEIGHTS)) is expected


def test_one_scaled_input_beside_a_plain_one_is_enough(lab: Lab) -> None:
    nodes = [
        node("Sub", ["x", "mean"], ["c"]),
        node("Div", ["c", "std"], ["s"]),
        node("Concat", ["s", "codec"], ["z"], axis=1),
        node("MatMul", ["z", "wide"]),
    ]
    weights = [*WEIGHTS[:2], constant("wide", np.ones((6, 1)))]
    data = model(nodes, inputs=[port("x"), port("codec", ["N", 2])], weights=weights)
    assert scaler_of(lab, data) is Scaler.BAKED


def test_scaling_after_the_weights_is_no_scaler(lab: Lab) -> None:
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("Sub", ["h", "mean"], ["c"]), node("Div", ["c", "std"])]
    assert scaler_of(lab, model(nodes, weights=WEIGHTS)) is Scaler.ABSENT


def test_a_branch_that_takes_the_input_unseen_leaves_it_open(lab: Lab) -> None:
    inner = helper.make_graph([node("Relu", ["x"], ["t"])], "then", [], [port("t", None)])
    other = helper.make_graph([node("Identity", ["x"], ["e"])], "else", [], [port("e", None)])
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("If", ["c"], ["i"], then_branch=inner, else_branch=other)]
    nodes.append(node("Add", ["h", "i"]))
    data = model(nodes, weights=[*WEIGHTS, constant("c", True, np.bool_)])
    assert scaler_of(lab, data) is Scaler.UNKNOWN


def test_a_scaler_operator_is_one(lab: Lab) -> None:
    nodes = [node("Scaler", ["x"], ["z"], domain="ai.onnx.ml", offset=[0.0] * 4, scale=[1.0] * 4), DENSE]
    made = model_of(graph(nodes, weights=WEIGHTS), opsets=[helper.make_opsetid("ai.onnx.ml", 3)])
    assert scaler_of(lab, made.SerializeToString()) is Scaler.BAKED
