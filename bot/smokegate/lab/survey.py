"""One walk over everything a model holds: operators, nodes, tensors, wherever they hide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from smokegate.lab.onnx_lite import pb
from smokegate.lab.parse import UnreadableError

DEPTH_LIMIT = 64

# A model-local function that takes a built-in operator's name may lose to the built-in at run time, so hiding
# its calls would hide the real operator from the allowlist.
_BUILT_IN_DOMAINS = ("", "ai.onnx.", "com.microsoft", "com.ms.", "org.pytorch.aten")


class Survey:
    def __init__(self) -> None:
        self.ops: set[tuple[str, str]] = set()
        self.node_count = 0
        self.external: list[pb.TensorProto] = []
        self.hollow: list[pb.SparseTensorProto] = []
        """Sparse tensors with a part kept in another file."""
        self.respelled = False
        """Whether `ai.onnx` was written out, which ONNX calls the same as `""` and its checker does not know."""


def survey(model: pb.ModelProto, node_limit: int) -> Survey:
    found = Survey()
    local = _local_functions(model)
    pending: list[tuple[pb.GraphProto | pb.FunctionProto, int]] = [(model.graph, 1)]
    pending += [(function, 1) for function in model.functions]
    for training in model.training_info:
        pending += [(training.initialization, 1), (training.algorithm, 1)]
    while pending:
        scope, depth = pending.pop()
        if depth > DEPTH_LIMIT:
            raise UnreadableError(f"its graphs are nested more than {DEPTH_LIMIT} deep")
        found.node_count += len(scope.node)
        if found.node_count > node_limit:
            raise UnreadableError(
                f"it has more than {node_limit:,} nodes: raise limits.model_nodes if it is meant to be that large"
            )
        if isinstance(scope, pb.GraphProto):
            _note_tensors(found, scope.initializer, scope.sparse_initializer)
        for node in scope.node:
            _note_operator(found, node, local)
        pending += [(graph, depth + 1) for graph in _inside(found, scope)]
    return found


def spelled(name: str) -> str:
    """A string of the model. Protobuf hands out bytes where the file holds no valid UTF-8."""
    if isinstance(name, bytes):
        raise UnreadableError(f"it holds a name that is not valid UTF-8: {name[:40]!r}")
    return name


def domain_of(domain: str) -> str:
    return "" if domain == "ai.onnx" else spelled(domain)


def _local_functions(model: pb.ModelProto) -> frozenset[tuple[str, str]]:
    named = {(domain_of(function.domain), spelled(function.name)) for function in model.functions}
    return frozenset((domain, name) for domain, name in named if not _built_in(domain))


def _built_in(domain: str) -> bool:
    return domain == "" or domain.startswith(_BUILT_IN_DOMAINS[1:])


def _note_operator(found: Survey, node: pb.NodeProto, local: frozenset[tuple[str, str]]) -> None:
    operator = (domain_of(node.domain), spelled(node.op_type))
    if node.domain != operator[0]:
        node.domain = operator[0]
        found.respelled = True
    if operator not in local:
        found.ops.add(operator)


def _inside(found: Survey, scope: pb.GraphProto | pb.FunctionProto) -> Iterator[pb.GraphProto]:
    for attribute in _attributes(scope):
        if attribute.HasField("t"):
            _note_tensors(found, (attribute.t,), ())
        if attribute.HasField("sparse_tensor"):
            _note_tensors(found, (), (attribute.sparse_tensor,))
        _note_tensors(found, attribute.tensors, attribute.sparse_tensors)
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _attributes(scope: pb.GraphProto | pb.FunctionProto) -> Iterator[pb.AttributeProto]:
    for node in scope.node:
        yield from node.attribute
    if isinstance(scope, pb.FunctionProto):
        yield from scope.attribute_proto


def _note_tensors(found: Survey, plain: Iterable[pb.TensorProto], sparse: Iterable[pb.SparseTensorProto]) -> None:
    found.external += [tensor for tensor in plain if _is_external(tensor)]
    for tensor in sparse:
        parts = [part for part in (tensor.values, tensor.indices) if _is_external(part)]
        found.external += parts
        if parts:
            found.hollow.append(tensor)


def _is_external(tensor: pb.TensorProto) -> bool:
    return tensor.data_location == pb.TensorProto.EXTERNAL
