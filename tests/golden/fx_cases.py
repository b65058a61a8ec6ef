"""Programs shared by make_fx_golden.py (run with PyTorch) and tests/python/test_fx.py: code and graph of their traces."""

import importlib


def programs(t):
    """name -> (module or function, example arguments)"""
    nn = t.nn
    importlib.import_module(f"{t.__name__}.fx")

    class Everything(nn.Module):
        def __init__(self):
            super().__init__()
            self.l, self.w = nn.Linear(2, 2), nn.Parameter(t.ones(2))
            self.register_buffer("b", t.zeros(2))
            self.seq = nn.Sequential(nn.ReLU(), nn.Linear(2, 2))

        def forward(self, x, k=2.0, *args, flag: bool = True):
            y = self.l(x) + self.w
            z = (t.relu(y) * k - self.b).view(-1, 2)[:, 0:1]
            q = -z
            q += 1
            a, b = t.chunk(q, 2), t.cat([q, z], dim=1)
            c = nn.functional.relu(q, inplace=False)
            d = self.seq(y)
            x.abs()
            i = d.size(0)
            far = x.clone(memory_format=t.preserve_format).to(t.float64, non_blocking=True)
            return {"a": c, "b": [d, (b, d.shape[0])]}, t.ones(2) + x.sum(), d.T, t.zeros(i), 1 - x, far, a[0], x == 1

    class Block(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(n, n, 3, padding=1, bias=False), nn.BatchNorm2d(n)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            out = self.relu(self.bn1(self.conv1(x)))
            out += x
            return self.relu(out)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 4, 3)
            self.layers = nn.Sequential(Block(4), Block(4))
            self.fc = nn.Linear(4, 5)

        def forward(self, x):
            x = self.layers(self.stem(x))
            x = nn.functional.adaptive_avg_pool2d(x, 1)
            return self.fc(t.flatten(x, 1)).softmax(dim=-1)

    def unpacked(x, y):
        a, b = x
        return a @ b, -(y**2) / 3 if True else y, ~(y > 0), 2 << y.long(), y.T.mT

    def shaped(x):
        n, c = x.shape
        return x.reshape(n * c, 1), getattr(x, "ndim"), x[..., None][0, :, ::2], x.max(dim=0).values

    x = t.tensor([[1.0, -2.0], [3.0, 4.0]])
    images = t.arange(2 * 3 * 6 * 6).reshape(2, 3, 6, 6).to(t.float32) / 100
    return {
        "everything": (Everything(), (x,)), "net": (Net().eval(), (images,)), "unpacked": (unpacked, ((x, x), x)),
        "shaped": (shaped, (x,)), "lambda": (lambda x: x.sin() + x.cos(), (x,)),
    }  # fmt: skip


def shown(t):
    """name -> [code, graph]"""
    result = {}
    for name, (program, _) in programs(t).items():
        traced = t.fx.symbolic_trace(program)
        result[name] = [traced.code, str(traced.graph).replace(f"{t.__name__}.", "torch.")]
    return result
