"""Small networks trained for 100 steps, shared by make_trajectories.py (run with PyTorch) and
tests/python/test_trajectories.py.

Weights and data come from numpy's RandomState, whose streams never change, so that both sides start from the same
numbers and no file of weights is needed. Every network has its own optimizer and schedule.
"""

import math

import numpy as np

STEPS = 100


def fill(t, module):
    """Every parameter from a stream of its own: matrices scaled by their width, scales near 1, biases small."""
    with t.no_grad():
        for k, (name, p) in enumerate(module.named_parameters()):
            v = np.random.RandomState(100 + k).uniform(-1, 1, tuple(p.shape))
            if p.dim() > 1:
                v *= math.sqrt(3.0 / (p.numel() / p.shape[0]))
            else:
                v = 0.1 * v + (1.0 if name.endswith("weight") else 0.0)
            p.copy_(t.tensor(v.tolist(), dtype=p.dtype))


def floats(t, dtype, seed, *shape):
    return t.tensor(np.random.RandomState(seed).uniform(-1, 1, shape).tolist(), dtype=dtype)


def labels(t, seed, high, *shape):
    return t.tensor(np.random.RandomState(seed).randint(0, high, shape).tolist())


# ---- networks: each gives (module, loss of a step, optimizer, scheduler or None, norm to clip to or None)


def mlp(t, dtype):
    nn = t.nn
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
    x, y = floats(t, dtype, 1, 24, 6), floats(t, dtype, 2, 24, 3)
    opt = lambda ps: t.optim.SGD(ps, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = lambda o: t.optim.lr_scheduler.CosineAnnealingLR(o, STEPS)
    return model, lambda m, k: nn.functional.mse_loss(m(x), y), opt, schedule, None


def cnn(t, dtype):
    nn = t.nn
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3), nn.LeakyReLU(0.1),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip
    x, y = floats(t, dtype, 3, 16, 1, 8, 8), labels(t, 4, 5, 16)
    return model, lambda m, k: nn.functional.cross_entropy(m(x), y), lambda ps: t.optim.Adam(ps, lr=0.01), None, None


def resnet18(t, dtype):
    nn = t.nn

    class Block(nn.Module):
        def __init__(self, c_in, c_out, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(c_out)
            self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(c_out)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or c_in != c_out:
                self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

        def forward(self, x):
            out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            out += x if self.downsample is None else self.downsample(x)
            return self.relu(out)

    layers = [nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True)]
    width = 4
    for k, c in enumerate((4, 8, 8, 16)):
        layers += [Block(width, c, 1 if k == 0 else 2), Block(c, c, 1)]
        width = c
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4))
    x, y = floats(t, dtype, 5, 8, 3, 12, 12), labels(t, 6, 4, 8)
    opt = lambda ps: t.optim.SGD(ps, lr=0.02, momentum=0.9, weight_decay=5e-4)
    schedule = lambda o: t.optim.lr_scheduler.MultiStepLR(o, [40, 80], 0.2)
    return model, lambda m, k: nn.functional.cross_entropy(m(x), y, label_smoothing=0.1), opt, schedule, None


def lstm(t, dtype):
    nn = t.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(12, 6)
            self.rnn = nn.LSTM(6, 8, num_layers=2, batch_first=True)
            self.out = nn.Linear(8, 12)

        def forward(self, x):
            h, _ = self.rnn(self.embed(x))
            return self.out(h)

    words = labels(t, 7, 12, 6, 11)
    opt = lambda ps: t.optim.NAdam(ps, lr=1e-2)
    loss = lambda m, k: nn.functional.cross_entropy(m(words[:, :-1]).flatten(0, 1), words[:, 1:].flatten())
    return Model(), loss, opt, lambda o: t.optim.lr_scheduler.ExponentialLR(o, 0.99), 1.0


def gru(t, dtype):
    nn = t.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(5, 6, bidirectional=True)
            self.out = nn.Linear(12, 2)

        def forward(self, x, lengths):
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
            _, h = self.rnn(packed)
            return self.out(t.cat([h[0], h[1]], 1))

    x, y = floats(t, dtype, 8, 9, 8, 5), floats(t, dtype, 9, 8, 2)
    lengths = t.tensor([9, 3, 7, 5, 9, 1, 4, 6])
    opt = lambda ps: t.optim.Adam(ps, lr=0.02, amsgrad=True)
    return Model(), lambda m, k: nn.functional.smooth_l1_loss(m(x, lengths), y), opt, None, 0.5


def transformer(t, dtype):
    nn = t.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(5, 16)
            layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, activation="gelu", batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(16))
            self.out = nn.Linear(16, 3)

        def forward(self, x, mask):
            return self.out(self.encoder(self.embed(x), src_key_padding_mask=mask).mean(1))

    x, y = floats(t, dtype, 10, 6, 7, 5), labels(t, 11, 3, 6)
    mask = t.arange(7) >= t.tensor([7, 4, 7, 5, 6, 3]).unsqueeze(1)
    opt = lambda ps: t.optim.AdamW(ps, lr=3e-3)
    schedule = lambda o: t.optim.lr_scheduler.LambdaLR(o, lambda e: min(1.0, (e + 1) / 10))
    return Model(), lambda m, k: nn.functional.cross_entropy(m(x, mask), y), opt, schedule, 1.0


def gpt(t, dtype):
    nn, F = t.nn, t.nn.functional

    class Block(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads = heads
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width)
            self.proj = nn.Linear(width, width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
            )

        def forward(self, x):
            b, n, c = x.shape
            q, k, v = (
                y.view(b, n, self.heads, c // self.heads).transpose(1, 2) for y in self.qkv(self.ln1(x)).split(c, 2)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.proj(y.transpose(1, 2).reshape(b, n, c))
            return x + self.mlp(self.ln2(x))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(20, 16), nn.Embedding(10, 16)
            self.blocks = nn.ModuleList([Block(16, 2) for _ in range(2)])
            self.norm = nn.LayerNorm(16)
            self.head = nn.Linear(16, 20, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, x):
            h = self.tokens(x) + self.places(t.arange(x.size(1)))
            for block in self.blocks:
                h = block(h)
            return self.head(self.norm(h))

    words = labels(t, 12, 20, 4, 11)
    opt = lambda ps: t.optim.AdamW(ps, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    schedule = lambda o: t.optim.lr_scheduler.OneCycleLR(o, 6e-3, total_steps=STEPS)
    loss = lambda m, k: F.cross_entropy(m(words[:, :-1]).flatten(0, 1), words[:, 1:].flatten())
    return Model(), loss, opt, schedule, 1.0


CASES = {"mlp": mlp, "cnn": cnn, "resnet18": resnet18, "lstm": lstm, "gru": gru, "transformer": transformer, "gpt": gpt}


def train(t, name, dtype):
    """({"losses": of every step, "state": sums of squares of state_dict's floating-point entries}) of a case."""
    dtype = getattr(t, dtype)
    model, loss_of, make_opt, make_schedule, clip = CASES[name](t, dtype)
    model.to(dtype)
    fill(t, model)
    opt = make_opt(model.parameters())
    schedule = make_schedule(opt) if make_schedule else None
    losses = []
    for step in range(STEPS):
        opt.zero_grad()
        loss = loss_of(model, step)
        loss.backward()
        if clip is not None:
            t.nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        if schedule is not None:
            schedule.step()
        losses.append(loss.item())
    state = {k: float((v.double() ** 2).sum()) for k, v in model.state_dict().items() if v.is_floating_point()}
    return {"losses": losses, "state": state}
