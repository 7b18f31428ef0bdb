"""Operators that a graph may use when the policy names none: plain inference, nothing random, nothing custom."""

from __future__ import annotations

DEFAULT_OPS: tuple[str, ...] = (
    # arithmetic and comparison
    "Abs", "Add", "And", "BitShift", "Ceil", "Clip", "Cos", "CumSum", "Div", "Einsum", "Equal", "Erf", "Exp", "Floor",
    "Gemm", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Log", "MatMul", "Max", "Mean", "Min",
    "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "Round", "Sign", "Sin", "Sqrt", "Sub", "Sum", "Tanh", "Xor",
    # activations
    "Celu", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "LogSoftmax", "Mish", "PRelu", "Relu", "Selu",
    "Sigmoid", "Softmax", "Softplus", "Softsign", "ThresholdedRelu",
    # convolution, pooling, normalisation, recurrence
    "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "GRU", "GlobalAveragePool", "GlobalMaxPool",
    "GroupNormalization", "InstanceNormalization", "LRN", "LSTM", "LayerNormalization", "LpNormalization", "LpPool",
    "MaxPool", "MeanVarianceNormalization", "RNN",
    # reductions
    "ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "TopK",
    # shape and data movement
    "Cast", "CastLike", "Compress", "Concat", "Constant", "ConstantOfShape", "DepthToSpace", "Expand", "EyeLike",
    "Flatten", "Gather", "GatherElements", "GatherND", "GridSample", "Identity", "NonZero", "OneHot", "Pad", "Range",
    "Reshape", "Resize", "ReverseSequence", "ScatterElements", "ScatterND", "Shape", "Size", "Slice", "SpaceToDepth",
    "Split", "Squeeze", "Tile", "Transpose", "Trilu", "Unsqueeze", "Upsample", "Where",
    # quantised forms
    "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul",
    "QuantizeLinear",
    # control flow with a graph of its own (its operators are judged too)
    "If", "Loop",
)  # fmt: skip
