"""Sobol's sequence: points recorded from PyTorch, scrambled points, errors."""

import pytest

import rustorch as rt
from rustorch.quasirandom import SobolEngine


def test_points():
    engine = SobolEngine(3)
    assert engine.draw(4).tolist() == [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.75, 0.25, 0.25], [0.25, 0.75, 0.75]]
    assert engine.draw().tolist() == [[0.375, 0.375, 0.625]]
    assert engine.fast_forward(2).num_generated == 7
    assert engine.draw(1, dtype=rt.float64).tolist() == [[0.125, 0.625, 0.375]]
    assert engine.reset().draw_base2(2).shape == (4, 3) and engine.num_generated == 4
    with pytest.raises(ValueError, match="require n to be a power of 2"):
        engine.draw_base2(4)
    out = rt.empty(0)
    assert engine.draw(2, out=out) is out and out.shape == (2, 3)


def test_the_whole_table():
    engine = SobolEngine(SobolEngine.MAXDIM)
    points = engine.fast_forward(1000).draw(2, dtype=rt.float64)
    assert points[0, [1, 10, 100, 1110]].tolist() == [0.0966796875, 0.0849609375, 0.7685546875, 0.3701171875]
    all_points = SobolEngine(SobolEngine.MAXDIM).draw(64)
    counts = (all_points * 64).floor().to(rt.int64).sort(0).values
    assert rt.equal(counts, rt.arange(64).unsqueeze(1).expand_as(counts))  # one point in every 64th of every side


def test_scrambled_points_lie_as_evenly():
    a, b = SobolEngine(5, scramble=True, seed=3), SobolEngine(5, scramble=True, seed=3)
    x = a.draw(256)
    assert rt.equal(x, b.draw(256)) and not rt.equal(x, SobolEngine(5, scramble=True, seed=4).draw(256))
    cells = (x * 256).floor().to(rt.int64).sort(0).values
    assert rt.equal(cells, rt.arange(256).unsqueeze(1).expand_as(cells))
    assert repr(a) == "SobolEngine(dimension=5, scramble=True, seed=3)"


def test_errors():
    with pytest.raises(ValueError, match=r"Supported range of dimensionality for SobolEngine is \[1, 1111\]"):
        SobolEngine(1112)
    with pytest.raises(ValueError, match="points"):
        SobolEngine(1).fast_forward(2**30).draw()
