"""Trains a small convolutional network on 1,797 real handwritten digits.

    python examples/digits/train.py [--epochs 12] [--out DIR]

Prints loss and accuracy per epoch, writes digits.pt (weights and the test predictions) and digits.png (learning
curves, confusion matrix, some digits with predictions), then reads digits.pt back and predicts again. The C++ twin,
train.cc, loads the same file and must give the same predictions bit for bit.
"""

import argparse
import pathlib
import sys
import time

import rustorch as rt
from rustorch import nn
from rustorch.utils.data import DataLoader, TensorDataset

HERE = pathlib.Path(__file__).resolve().parent


class DigitNet(nn.Module):
    """8x8 grey image -> 10 class scores; 54 thousand weights."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64 * 2 * 2, 96),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(96, 10),
        )

    def forward(self, x):
        return self.classifier(self.features(x))


class ProgressBar:
    """One line that fills up; only drawn on a terminal."""

    def __init__(self, title, total):
        self.title, self.total, self.done = title, total, 0
        self.live = sys.stderr.isatty()
        self.start = time.perf_counter()

    def step(self, note=""):
        self.done += 1
        if self.live:
            filled = 28 * self.done // self.total
            rate = self.done / max(time.perf_counter() - self.start, 1e-9)
            bar = "#" * filled + "." * (28 - filled)
            sys.stderr.write(f"\r{self.title} [{bar}] {self.done}/{self.total} {rate:6.1f} it/s {note}\x1b[K")
            sys.stderr.flush()

    def close(self):
        if self.live:
            sys.stderr.write("\r\x1b[K")


def load_data():
    """Training images and labels, test images and labels: float32 [n, 1, 8, 8] in 0..1 and int64 [n].

    Every fifth image is kept for the test.
    """
    data = rt.load(HERE / "data.pt")
    images = data["images"].to(rt.float32).unsqueeze(1) / 16
    labels = data["labels"].to(rt.int64)
    test = rt.arange(len(labels)) % 5 == 4
    return images[~test], labels[~test], images[test], labels[test]


def predict(model, images):
    """Class scores of all images, [n, 10]."""
    model.eval()
    with rt.no_grad():
        return model(images)


def evaluate(model, images, labels):
    """Loss and accuracy."""
    logits = predict(model, images)
    loss = nn.functional.cross_entropy(logits, labels).item()
    return loss, (logits.argmax(1) == labels).to(rt.float32).mean().item()


def train(model, images, labels, test_images, test_labels, epochs, seed):
    """Trains in place; returns one (loss, accuracy, test loss, test accuracy) per epoch."""
    optimizer = rt.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    scheduler = rt.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    criterion = nn.CrossEntropyLoss()
    shuffler = rt.Generator().manual_seed(seed)
    loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True, generator=shuffler)
    history = []
    for epoch in range(1, epochs + 1):
        model.train()
        bar = ProgressBar(f"epoch {epoch:2d}/{epochs}", len(loader))
        total, correct = 0.0, 0
        for batch, targets in loader:
            optimizer.zero_grad()
            logits = model(batch)
            loss = criterion(logits, targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(targets)
            correct += int((logits.argmax(1) == targets).sum())
            bar.step(f"loss {loss.item():.4f}")
        bar.close()
        scheduler.step()
        row = (total / len(labels), correct / len(labels), *evaluate(model, test_images, test_labels))
        history.append(row)
        print(
            f"epoch {epoch:2d}/{epochs}  loss {row[0]:.4f}  accuracy {row[1]:7.2%}"
            f"  test loss {row[2]:.4f}  test accuracy {row[3]:7.2%}",
            flush=True,
        )
    return history


def draw(path, history, images, labels, logits):
    """Learning curves, confusion matrix and twenty digits, the wrong ones first."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    truth, guess = labels.tolist(), logits.argmax(1).tolist()
    figure = plt.figure(figsize=(13, 8), layout="constrained")
    grid = figure.add_gridspec(4, 10)
    epochs = range(1, len(history) + 1)

    axes = figure.add_subplot(grid[:2, :4])
    axes.plot(epochs, [h[0] for h in history], "C0-", label="train loss")
    axes.plot(epochs, [h[2] for h in history], "C0--", label="test loss")
    axes.set(xlabel="epoch", ylabel="loss", title="Learning curves", yscale="log")
    right = axes.twinx()
    right.plot(epochs, [100 * h[1] for h in history], "C1-", label="train accuracy")
    right.plot(epochs, [100 * h[3] for h in history], "C1--", label="test accuracy")
    right.set_ylabel("accuracy (%)")
    lines = axes.get_lines() + right.get_lines()
    axes.legend(lines, [line.get_label() for line in lines], loc="center right")

    matrix = [[0] * 10 for _ in range(10)]
    for t, g in zip(truth, guess):
        matrix[t][g] += 1
    axes = figure.add_subplot(grid[:2, 5:])
    axes.imshow(matrix, cmap="Blues")
    for t in range(10):
        for g in range(10):
            if matrix[t][g]:
                axes.text(g, t, matrix[t][g], ha="center", va="center", color="white" if t == g else "black")
    axes.set(xticks=range(10), yticks=range(10), xlabel="predicted", ylabel="true")
    right_ones = sum(matrix[d][d] for d in range(10))
    axes.set_title(f"Confusion matrix: {right_ones} of {len(truth)} right")

    shown = sorted(range(len(truth)), key=lambda i: truth[i] == guess[i])[:20]
    for place, i in enumerate(shown):
        axes = figure.add_subplot(grid[2 + place // 10, place % 10])
        axes.imshow(images[i, 0].tolist(), cmap="gray_r")
        axes.set_title(f"{truth[i]} → {guess[i]}", color="black" if truth[i] == guess[i] else "red", fontsize=11)
        axes.axis("off")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description="Train on handwritten digits.")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("."), help="folder for digits.pt and digits.png"
    )
    args = parser.parse_args()

    rt.manual_seed(args.seed)
    images, labels, test_images, test_labels = load_data()
    model = DigitNet()
    weights = sum(p.numel() for p in model.parameters())
    print(
        f"{len(labels)} training and {len(test_labels)} test images, {weights} weights, {rt.get_num_threads()} threads"
    )

    start = time.perf_counter()
    history = train(model, images, labels, test_images, test_labels, args.epochs, args.seed)
    seconds = time.perf_counter() - start
    print(f"trained in {seconds:.1f} s, test accuracy {history[-1][3]:.2%}")

    args.out.mkdir(parents=True, exist_ok=True)
    logits = predict(model, test_images)
    file = args.out / "digits.pt"
    rt.save({"model": model.state_dict(), "images": test_images, "labels": test_labels, "logits": logits}, file)

    again = DigitNet()
    saved = rt.load(file)
    again.load_state_dict(saved["model"])
    same = rt.equal(predict(again, saved["images"]), logits)
    print(f"wrote {file}; reloaded it: predictions {'equal bit for bit' if same else 'DIFFER'}")
    guesses = " ".join(str(d) for d in logits[:20].argmax(1).tolist())
    print(f"first test digits: predicted {guesses}")
    print(f"                   true      {' '.join(str(d) for d in test_labels[:20].tolist())}")

    try:
        draw(args.out / "digits.png", history, test_images, test_labels, logits)
        print(f"wrote {args.out / 'digits.png'}")
    except ImportError:
        print("matplotlib is not installed: no digits.png")
    return 0 if same and history[-1][3] >= 0.98 else 1


if __name__ == "__main__":
    sys.exit(main())
