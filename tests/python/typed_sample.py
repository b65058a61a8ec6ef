"""A program that type checkers must accept (tools/check runs mypy on it) and that runs (test_stubs.py)."""

from __future__ import annotations

import rustorch as torch
from rustorch import Tensor, nn, optim
from rustorch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.hidden(x)).mul(2).add(1, alpha=3))


def shapes(x: Tensor) -> tuple[int, int]:
    y = x.reshape(-1, 4).t().contiguous()
    values, places = torch.topk(y.float(), 1, dim=1)
    count: int = values.numel() + int(places.sum().item())
    flags: Tensor = (x > 0) & ~torch.isnan(x)
    mean: float = float(x.mean())
    return count if mean >= 0 else -count, int(flags.sum())


def train(steps: int = 3) -> list[float]:
    torch.manual_seed(0)
    x: Tensor = torch.rand(8, 2, dtype=torch.float32)
    loader: DataLoader[tuple[Tensor, ...]] = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=4)
    model = Net(4)
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    losses: list[float] = []
    for _ in range(steps):
        for inputs, targets in loader:
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    with torch.no_grad():
        norm = torch.cat([p.detach().reshape(-1) for p in model.parameters()]).norm()
    losses.append(norm.item())
    return losses


if __name__ == "__main__":
    print(train(), shapes(torch.arange(8.0)))
