"""Functions at the edges of their dtypes, on rustorch and on PyTorch: zeros of both signs, denormals, what nearly
overflows, infinities, nan, and every pair of them.

    python tests/differential/edges.py [float32 float64 bfloat16 float16 complex64 complex128]

Needs torch and rustorch in one interpreter. A line for every function whose results differ in kind (nan, inf, finite) or by
more than rounding, with the first cases: arguments, PyTorch's answer, ours. What KNOWN names is left out, each for its reason.
"""

import itertools
import math
import sys
import warnings

import torch

import rustorch

INF, NAN = math.inf, math.nan
REAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 1e-40, -1e-45, 1e30, -1e30, 3e38, -3e38, 100.0, -100.0, 88.5, -104.0,
        710.0, -745.0, 1e-8, -1e-8, 255.5, 1e10, 16777217.0, 0.9999999, 1.0000001, INF, -INF, NAN]  # fmt: skip
PARTS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 100.0, 1e18, -1e-18, INF, -INF, NAN]
ROWS = [[1, 2, 3], [INF, 1, 2], [-INF, 1, 2], [INF, -INF, 1], [NAN, 1, 2], [1, NAN, INF], [0, 0, 0], [-0.0, 0.0, -0.0], [INF, INF, INF],
        [-INF, -INF, -INF], [1e38, 1e38, -3e38], [1e-40, 1e-45, 0], [NAN, NAN, NAN], [1, 1, 1]]  # fmt: skip

UNARY = """abs acos acosh angle asin asinh atan atanh ceil cos cosh digamma erf erfc erfinv exp exp2 expm1 floor frac i0 lgamma log
log10 log1p log2 logit nan_to_num neg reciprocal relu round rsqrt sgn sigmoid sign signbit sin sinc sinh sqrt square tan tanh trunc
isfinite isinf isnan special.entr special.erfcx special.i0e special.i1 special.i1e special.log_ndtr special.ndtr special.ndtri
nn.functional.celu nn.functional.elu nn.functional.gelu nn.functional.hardsigmoid nn.functional.hardswish nn.functional.leaky_relu
nn.functional.logsigmoid nn.functional.mish nn.functional.relu6 nn.functional.selu nn.functional.silu nn.functional.softplus
nn.functional.softshrink nn.functional.softsign nn.functional.tanhshrink""".split()
BINARY = """add sub mul div pow atan2 fmod remainder maximum minimum fmax fmin hypot copysign logaddexp logaddexp2 xlogy eq ne lt le gt
ge nextafter heaviside ldexp float_power special.xlog1py logical_and logical_or logical_xor""".split()
OVER_ROWS = {
    **{name: (lambda lib, x, name=name: getattr(lib, name)(x, 1)) for name in """sum mean prod var std amax amin argmax argmin max min
    median nanmedian logsumexp softmax log_softmax cumsum cumprod cummax cummin logcumsumexp nansum nanmean all any""".split()},
    **{f"norm {p}": (lambda lib, x, p=p: lib.linalg.vector_norm(x, p, 1)) for p in (0, 0.5, 1, 2, 3, INF, -INF, -1, -2)},
    "sort": lambda lib, x: lib.sort(x, 1, stable=True),
    "quantile": lambda lib, x: lib.quantile(x, 0.3, 1),
    "clamp": lambda lib, x: lib.clamp(x, x.flip(0), x.flip(1)),
    "lerp": lambda lib, x: lib.lerp(x, x.flip(0), 0.3),
    "addcdiv": lambda lib, x: lib.addcdiv(x, x.flip(0), x.flip(1)),
    "normalize": lambda lib, x: lib.nn.functional.normalize(x, dim=1),
    "cross_entropy": lambda lib, x: lib.nn.functional.cross_entropy(x, lib.zeros(len(ROWS), dtype=lib.int64), reduction="none"),
    "huber_loss": lambda lib, x: lib.nn.functional.huber_loss(x, x.flip(0), reduction="none"),
    "with_logits": lambda lib, x: lib.nn.functional.binary_cross_entropy_with_logits(x, x.sigmoid(), reduction="none"),
}  # fmt: skip
KNOWN = {
    "real i0": "inf of inf; PyTorch's product of an overflow and a zero is nan",
    "real special.i1": "the same",
    "real nn.functional.gelu": "the same, and the tail at -3 has more digits",
    "real sinc": "0 at whole numbers; PyTorch's sine of a rounded pi is not",
    "real cosh": "PyTorch's overflows a little early",
    "real sinh": "the same",
    "real fmod": "PyTorch's vectors divide by denormals as by 0",
    "real remainder": "the same",
    "real special.ndtr": "PyTorch's loses its digits far below 0",
    "real nn.functional.tanhshrink": "the cube of 1e-8; PyTorch takes the difference",
    "real logaddexp2": "0 of (-1, -1)",
    "real erf": "PyTorch's bfloat16 gives 0 for 1e-8",
    "real ldexp": "a power of two beyond the dtype times 0 is 0",
    "complex ldexp": "a product with an infinite part keeps its other part",
    "complex logaddexp": "a nan of one part takes the other too in PyTorch",
    "complex log1p": "the same",
    "complex expm1": "inf of inf",
    "complex pow": "1 of (0, 0)",
    "complex float_power": "the same",
    "complex acos": "PyTorch's real part loses 1e-20 beside 1e18",
    "complex div": "exactly 1 of equal numbers",
}


def look_up(lib, name):
    for part in name.split("."):
        lib = getattr(lib, part)
    return lib


def flat(result):
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in flat(part)]
    return result.flatten().tolist()


def differ(theirs, ours, tolerance):
    for a, b in ((complex(theirs).real, complex(ours).real), (complex(theirs).imag, complex(ours).imag)):
        if math.isfinite(a) and math.isfinite(b):
            if abs(a - b) > tolerance * max(abs(a), abs(b), 1e-30):
                return True
        elif a != b and not (math.isnan(a) and math.isnan(b)):
            return True
    return False


def compare(label, call, values, dtype):
    """Prints the cases, if any, in which the two libraries differ; returns whether there are."""
    tolerance = {"float64": 1e-12, "complex128": 1e-12, "float32": 2e-5, "complex64": 2e-5}.get(dtype, 2e-2)
    try:
        theirs = flat(call(torch, *(torch.tensor(v, dtype=getattr(torch, dtype)) for v in values)))
    except (RuntimeError, TypeError):
        return False
    try:
        ours = flat(call(rustorch, *(rustorch.tensor(v, dtype=getattr(rustorch, dtype)) for v in values)))
    except (RuntimeError, TypeError) as refusal:
        print(f"{dtype} {label}: refused: {refusal}")
        return True
    cases = [(i, a, b) for i, (a, b) in enumerate(zip(theirs, ours, strict=True)) if differ(a, b, tolerance)]
    if cases:
        inputs = list(zip(*values, strict=True)) if len(values) > 1 else values[0]
        shown = [(inputs[i * len(inputs) // len(theirs)], a, b) for i, a, b in cases[:4]]
        print(f"{dtype} {label}: {len(cases)} of {len(theirs)}: {shown}")
    return bool(cases)


def main(dtypes):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    found = 0
    for dtype in dtypes:
        kind = "complex" if dtype.startswith("complex") else "real"
        numbers = [complex(a, b) for a, b in itertools.product(PARTS, PARTS)] if kind == "complex" else REAL
        pairs = list(itertools.product(numbers[::7] if len(numbers) > 100 else numbers, repeat=2))
        for name in UNARY:
            if f"{kind} {name}" not in KNOWN:
                found += compare(name, lambda lib, x, name=name: look_up(lib, name)(x), [numbers], dtype)
        for name in BINARY:
            if f"{kind} {name}" not in KNOWN:
                call = lambda lib, x, y, name=name: look_up(lib, name)(x, y)  # noqa: E731
                found += compare(name, call, [list(side) for side in zip(*pairs, strict=True)], dtype)
        if kind == "real":
            for name, call in OVER_ROWS.items():
                found += compare(name, call, [[[float(v) for v in row] for row in ROWS]], dtype)
    print(f"{found} functions differ")


if __name__ == "__main__":
    main(sys.argv[1:] or ["float32", "float64", "bfloat16", "float16", "complex64", "complex128"])
