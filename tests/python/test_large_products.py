"""Products whose operands do not stay in a near cache: Note [Streaming] in src/backend/cpu/gemm/blocked.h."""

import numpy as np
import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

SIZES = [(512, 512, 512), (601, 700, 513), (300, 333, 2500), (257, 1100, 1030)]  # m, n, k


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_all_layouts_against_numpy(size, dtype):
    m, n, k = size
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n)))
    exact, limit = a.astype("f8") @ b.astype("f8"), 40 * np.sqrt(k) * np.finfo(dtype).eps
    for left in (rt.tensor(a), rt.tensor(a.T.copy()).T):
        for right in (rt.tensor(b), rt.tensor(b.T.copy()).T):
            assert np.abs((left @ right).numpy() - exact).max() < limit


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sums_and_bits_do_not_depend_on_threads(size):
    m, n, k = size
    rt.manual_seed(0)
    a, b, c = rt.randn(m, k), rt.randn(k, n), rt.randn(m, n)
    equal_on_threads(lambda: rt.addmm(c, a, b, beta=0.5, alpha=2))
    equal_on_threads(lambda: rt.nn.functional.linear(a, b.T, c[0]).relu())
