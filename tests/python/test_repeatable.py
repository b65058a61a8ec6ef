"""The same bits for any number of threads, and from run to run."""

from thread_helpers import equal_on_threads

import rustorch as rt
import rustorch.nn.functional as F
from rustorch import nn


def train():
    """Weights of a small convolutional network after a few steps."""
    rt.manual_seed(7)
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Dropout(0.2), nn.Linear(128, 10))  # fmt: skip
    optimizer = rt.optim.Adam(model.parameters(), lr=1e-2)
    x, y = rt.randn(96, 1, 8, 8), rt.randint(0, 10, (96,))
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return [p.detach() for p in model.parameters()]


def test_weights_do_not_depend_on_the_number_of_threads():
    equal_on_threads(train, (1, 2, 3, 4, 8))


def test_large_reductions_and_products_do_not_depend_on_the_number_of_threads():
    rt.manual_seed(3)
    a, b = rt.randn(300, 700), rt.randn(700, 200)
    big = rt.randn(1_000_003)

    def run():
        return [(a @ b), big.sum(), big.var(), a.softmax(0), a.cumsum(1), big.sort()[0], rt.logsumexp(a, 0)]

    equal_on_threads(run, (1, 2, 3, 8))
