"""Types of the named tuples that operators with several results give, as rustorch.return_types.max."""

from . import _C

_EXAMPLES = {
    "aminmax": {}, "cummax": {"dim": 0}, "cummin": {"dim": 0}, "kthvalue": {"k": 1}, "max": {"dim": 0},
    "median": {"dim": 0}, "min": {"dim": 0}, "mode": {}, "nanmedian": {"dim": 0}, "sort": {}, "topk": {"k": 1}, "frexp": {},
}  # fmt: skip
_SQUARE = ("slogdet", "linalg_slogdet", "linalg_eigh", "linalg_eig", "linalg_qr", "linalg_svd", "linalg_lu", "linalg_lu_factor",
           "linalg_cholesky_ex", "linalg_inv_ex", "linalg_ldl_factor", "geqrf", "qr", "svd")  # fmt: skip


def __getattr__(name):
    function = getattr(_C.ops, name, None)
    if function is None or (name not in _EXAMPLES and name not in _SQUARE):
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    if name in _EXAMPLES:
        value = type(function(_C.ops.ones((1,)), **_EXAMPLES[name]))
    else:
        value = type(function(_C.ops.ones((1, 1))))
    globals()[name] = value
    return value


def __dir__():
    return [n for n in (*_EXAMPLES, *_SQUARE) if hasattr(_C.ops, n)]
