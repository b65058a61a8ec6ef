"""The installed package: the component `python` of the build tree, which is what a wheel holds, works on its own."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import rustorch as rt

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(rt._C.__file__).resolve().parents[2]

PROGRAM = """
import importlib, pathlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import rustorch as rt
from rustorch import nn
assert pathlib.Path(rt.__file__).parent == pathlib.Path(sys.argv[1], "rustorch"), rt.__file__
names = [m.name for m in pkgutil.walk_packages(rt.__path__, "rustorch.") if not m.name.endswith(("._C", ".librustorch"))]
for name in names:
    importlib.import_module(name)
outside = [n for n, m in sys.modules.items() if n.startswith("rustorch") and sys.argv[1] not in (getattr(m, "__file__", None) or sys.argv[1])]
assert not outside, outside
rt.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
optimizer = rt.optim.AdamW(net.parameters(), lr=0.01)
data = rt.utils.data.TensorDataset(rt.randn(16, 1, 8, 8), rt.arange(16) % 2)
losses = []
for _ in range(8):
    for x, y in rt.utils.data.DataLoader(data, batch_size=16):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
assert losses[-1] < losses[0], losses
print(len(names), "modules")
"""


def setting(name):
    found = re.search(rf"^{name}\b[^=]*=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    return found.group(1)


@pytest.mark.skipif(not (BUILD / "CMakeCache.txt").is_file(), reason="the tests run on an installed package already")
@pytest.mark.skipif(
    "sanitize" in str(BUILD) or "san" in BUILD.name, reason="a plain Python cannot load an instrumented library"
)
def test_installed_package(tmp_path):
    command = [setting("CMAKE_COMMAND"), "--install", str(BUILD), "--component", "python", "--prefix", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package = tmp_path / "rustorch"
    source = ROOT / "python" / "rustorch"
    want = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.suffix == ".py" or p.name == "py.typed"}
    want |= {p.name for p in (BUILD / "python" / "rustorch").glob("*.pyi")}
    got = {p.relative_to(package).as_posix() for p in package.rglob("*") if p.is_file()}
    assert want <= got, f"not in the package: {sorted(want - got)}"
    rest = sorted(got - want)
    assert rest and all(re.match(r"_C\..*so$|librustorch\.so|operators\.txt$", name) for name in rest), rest
    assert [p.name for p in tmp_path.iterdir()] == ["rustorch"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=tmp_path, env=clean, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 100


def test_a_wheel_is_that_component():
    text = (ROOT / "pyproject.toml").read_text()
    assert 'install.components = ["python"]' in text and "wheel.packages = []" in text
