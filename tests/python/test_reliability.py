"""Faults from outside: files that want to run something, forks, the end of the interpreter, any number of threads."""

import io
import itertools
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import zipfile

import pytest

import rustorch as rt
import rustorch.nn.functional as F

# ---- pickles that want to run something

CALLABLES = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("os", "popen"), ("os", "execv"), ("os", "remove"),
    ("subprocess", "Popen"), ("subprocess", "run"), ("subprocess", "check_output"), ("builtins", "eval"),
    ("builtins", "exec"), ("builtins", "compile"), ("builtins", "open"), ("builtins", "getattr"),
    ("builtins", "setattr"), ("builtins", "__import__"), ("builtins", "print"), ("builtins", "list"),
    ("__builtin__", "eval"), ("importlib", "import_module"), ("runpy", "run_path"), ("pickle", "loads"),
    ("_pickle", "loads"), ("marshal", "loads"), ("types", "FunctionType"), ("types", "CodeType"),
    ("functools", "partial"), ("operator", "attrgetter"), ("operator", "methodcaller"), ("shutil", "rmtree"),
    ("socket", "create_connection"), ("urllib.request", "urlopen"), ("webbrowser", "open"), ("ctypes", "CDLL"),
    ("code", "interact"), ("pdb", "run"), ("timeit", "timeit"), ("cProfile", "run"), ("bdb", "Bdb"),
    ("torch", "load"), ("torch.hub", "load"), ("torch.serialization", "load"), ("torch.jit", "load"),
    ("torch._inductor.codecache", "compile_file"), ("torch.utils._config_module", "ConfigModule.load_config"),
    ("torch.storage", "_load_from_bytes"), ("rustorch", "load"), ("rustorch.hub", "load"), ("numpy", "load"),
    ("numpy.f2py.crackfortran", "myeval"), ("collections", "OrderedDict.fromkeys"), ("torch", "Tensor.__init__"),
    ("torch._utils", "_rebuild_tensor_v2.__globals__"), ("torch._utils", "__loader__"), ("__main__", "x"),
]  # fmt: skip


def text(s):
    return b"X" + len(s).to_bytes(4, "little") + s.encode()


# A call of module.name: by GLOBAL, by STACK_GLOBAL; with REDUCE, NEWOBJ, NEWOBJ_EX, OBJ, INST, BUILD.
FINDS = {
    "global": lambda m, n: b"c" + f"{m}\n{n}\n".encode(),
    "stack": lambda m, n: text(m) + text(n) + b"\x93",
}
CALLS = {
    "reduce": lambda f: f + text("x") + b"\x85R",
    "newobj": lambda f: f + text("x") + b"\x85\x81",
    "newobj_ex": lambda f: f + text("x") + b"\x85}\x92",
    "obj": lambda f: b"(" + f + text("x") + b"o",
    "build": lambda f: f + b")R}" + text("__setstate__") + f + b"sb",
    "bare": lambda f: f,
}


def archive(data):
    """A .pt file with this pickle."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("x/data.pkl", data)
        z.writestr("x/version", "3\n")
    return out.getvalue()


def gadgets():
    for (module, name), find, call, version in itertools.product(CALLABLES, FINDS, CALLS, (2, 4)):
        yield b"\x80" + bytes([version]) + CALLS[call](FINDS[find](module, name)) + b"."
    for module, name in CALLABLES:
        yield b"(" + text("x") + b"i" + f"{module}\n{name}\n".encode() + b"."  # INST
        for allowed in ("_rebuild_tensor_v2", "_rebuild_parameter"):  # as an argument of what may be called
            inner = FINDS["global"](module, name) + text("x") + b"\x85R"
            yield b"\x80\x02ctorch._utils\n" + allowed.encode() + b"\n" + inner + b"\x85R."
    for code in (1, 2, 240):  # EXT1: names from a registry
        yield b"\x80\x02\x82" + bytes([code]) + b")R."
    for protocol in range(6):

        class Evil:
            def __reduce__(self):
                return exec, ("raise SystemExit('it ran')",)

        yield pickle.dumps(Evil(), protocol)
        yield pickle.dumps({"weights": [Evil()]}, protocol)


def test_no_pickle_runs_anything():
    ran = []
    watching = True

    def watch(event, args):
        if watching and event in ("import", "exec", "os.system", "subprocess.Popen", "socket.connect", "compile"):
            ran.append((event, args))

    files = [archive(g) for g in gadgets()]
    assert len(files) > 1000
    assert rt.load(archive(b"\x80\x02K\x07.")) == 7  # the same road, open; and what it needs is imported now
    sys.addaudithook(watch)  # there is no way to take it off again: it is told to look away
    refused = 0
    for file in files:
        try:
            rt.load(file)
        except (RuntimeError, ValueError, TypeError):
            refused += 1
    watching = False
    assert refused == len(files) and not ran


# ---- processes


def run_program(program, **env):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120, env={**os.environ, **env})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


FORKS = """
import os, rustorch as rt
rt.set_num_threads(4)
a = rt.randn(300, 300)
x = rt.ones(8, requires_grad=True)
def work():
    (x * 2).sum().backward()
    return (a @ a).sum().item(), a.sort()[0].sum().item()
want = work()
for _ in range({n}):
    child = os.fork()
    if child == 0:
        os._exit(0 if work() == want else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert work() == want
print("fine")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forks_after_computing():
    code, out, err = run_program(FORKS.format(n=int(os.environ.get("RUSTORCH_FORKS", "25"))))
    assert (code, out) == (0, "fine\n"), err


EXITS = {
    "with threads at work": """
import threading, rustorch as rt
rt.set_num_threads(4)
def work():
    while True:
        a = rt.randn(200, 200, requires_grad=True)
        (a @ a).sum().backward()
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
import time; time.sleep(0.2)
""",
    "with graphs and hooks alive": """
import rustorch as rt
class F(rt.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2
    @staticmethod
    def backward(ctx, g):
        return g
x = rt.ones(3, requires_grad=True)
y = F.apply(x) * x
y.register_hook(lambda g: g)
x.register_post_accumulate_grad_hook(lambda t: None)
hooks = rt.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t); hooks.__enter__()
z = y.exp()
import builtins; builtins.kept = (x, y, z, hooks)
""",
    "with NumPy's memory": """
import numpy, rustorch as rt
a = numpy.ones(1000)
t = rt.from_numpy(a); b = t.numpy(); v = t[3:]
import builtins; builtins.kept = (t, b, v)
""",
    "inside of a loader": """
import rustorch as rt
from rustorch.utils.data import DataLoader, TensorDataset
it = iter(DataLoader(TensorDataset(rt.randn(500, 4)), batch_size=2, num_workers=3))
next(it)
import builtins; builtins.kept = it
""",
    "inside of a backward": """
import threading, rustorch as rt
x = rt.ones(3, requires_grad=True)
y = x * 2
started = threading.Event()
def hook(g):
    started.set()
    import time; time.sleep(30)
y.register_hook(hook)
threading.Thread(target=lambda: y.sum().backward(), daemon=True).start()
started.wait()
""",
}


@pytest.mark.parametrize("how", EXITS)
def test_the_process_ends_cleanly(how):
    if "numpy" in EXITS[how]:
        pytest.importorskip("numpy")
    for _ in range(int(os.environ.get("RUSTORCH_EXITS", "2"))):
        code, out, err = run_program(EXITS[how])
        assert (code, out, err) == (0, "", "")


def thread_local_alignment(library):
    """p_align of the PT_TLS segment of a 64-bit ELF file, or None where that is not what it is."""
    data = pathlib.Path(library).read_bytes()
    if data[:5] != b"\x7fELF\x02":
        return None
    (table,), (each, count) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", data, table + k * each) for k in range(count)]
    return next((s[7] for s in segments if s[0] == 7), None)


def test_leak_checkers_read_thread_local_memory_right():
    """What begins 16 bytes into a page they take for something else (see thread_modes() in src/autograd/meta.cc)."""
    binding = pathlib.Path(rt._C.__file__)
    libraries = [binding, *binding.parent.parent.parent.glob("librustorch.so"), *binding.parent.glob("librustorch.so*")]
    found = [a for a in map(thread_local_alignment, libraries) if a is not None]
    assert all(a >= 32 for a in found) and (found or sys.platform != "linux")


# ---- threads and bits

ROWS, WIDE = 130, 700


def inputs():
    rt.manual_seed(9)
    x = rt.randn(ROWS, WIDE, requires_grad=True)
    image = rt.randn(6, 8, 33, 31, requires_grad=True)
    index = rt.randint(0, ROWS, (4000,))
    rows = rt.randn(4000, 16, requires_grad=True)
    return x, image, index, rows


def attention(x):
    q = x[:128, :640].reshape(4, 32, 10, 64).transpose(1, 2)
    return F.scaled_dot_product_attention(q, q, q)


OPERATIONS = {
    "sum": lambda x, i, n, r: x.sum(), "sum 0": lambda x, i, n, r: x.sum(0), "mean 1": lambda x, i, n, r: x.mean(1),
    "prod": lambda x, i, n, r: (1 + x / 100).prod(0), "var": lambda x, i, n, r: x.var(0),
    "norm": lambda x, i, n, r: x.norm(), "logsumexp": lambda x, i, n, r: x.logsumexp(1),
    "softmax": lambda x, i, n, r: x.softmax(0), "cumsum": lambda x, i, n, r: x.cumsum(0),
    "cumprod": lambda x, i, n, r: (1 + x / 100).cumprod(1), "sort": lambda x, i, n, r: x.sort(0)[0],
    "topk": lambda x, i, n, r: x.topk(9)[0], "max": lambda x, i, n, r: x.max(0)[0], "median": lambda x, i, n, r: x.median(0)[0],
    "matmul": lambda x, i, n, r: x @ x.t(), "matvec": lambda x, i, n, r: x @ x[0], "einsum": lambda x, i, n, r: rt.einsum("ij,kj->ik", x, x),
    "layer norm": lambda x, i, n, r: F.layer_norm(x, (WIDE,)), "group norm": lambda x, i, n, r: F.group_norm(i, 4),
    "batch norm": lambda x, i, n, r: F.batch_norm(i, None, None, training=True),
    "conv": lambda x, i, n, r: F.conv2d(i, rt.ones(5, 8, 3, 3) / 7, padding=1), "depthwise": lambda x, i, n, r: F.conv2d(i, i[:1, :, :3, :3].transpose(0, 1), groups=8),
    "max pool": lambda x, i, n, r: F.max_pool2d(i, 3, 2), "avg pool": lambda x, i, n, r: F.avg_pool2d(i, 3, 2),
    "interpolate": lambda x, i, n, r: F.interpolate(i, scale_factor=1.7, mode="bilinear"),
    "index select": lambda x, i, n, r: x.index_select(0, n), "index": lambda x, i, n, r: x[n, n],
    "index add": lambda x, i, n, r: rt.zeros(ROWS, 16).index_add(0, n, r),
    "scatter add": lambda x, i, n, r: rt.zeros(ROWS, 16).scatter_add(0, n[:, None].expand(4000, 16), r),
    "scatter mean": lambda x, i, n, r: rt.zeros(ROWS, 16).scatter_reduce(0, n[:, None].expand(4000, 16), r, "mean"),
    "index put": lambda x, i, n, r: rt.zeros(ROWS, 16).index_put((n,), r, accumulate=True),
    "embedding": lambda x, i, n, r: F.embedding(n, x), "gather": lambda x, i, n, r: x.gather(0, n[:WIDE].expand(50, WIDE)),
    "attention": lambda x, i, n, r: attention(x), "cross entropy": lambda x, i, n, r: F.cross_entropy(x, n[:ROWS]),
    "fft": lambda x, i, n, r: rt.fft.rfft(x).abs(), "dropout": lambda x, i, n, r: F.dropout(x, 0.3), "randn": lambda x, i, n, r: rt.randn(70001),
    "solve": lambda x, i, n, r: rt.linalg.solve(x[:, :ROWS] + 20 * rt.eye(ROWS), x[:, :5]), "cdist": lambda x, i, n, r: rt.cdist(x, x[:40]),
    "cov": lambda x, i, n, r: rt.cov(x[:40]), "histc": lambda x, i, n, r: rt.histc(x.detach()), "unique": lambda x, i, n, r: rt.unique(n),
    "half": lambda x, i, n, r: (x.bfloat16() @ x.bfloat16().t()).float(), "gelu": lambda x, i, n, r: F.gelu(x),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_bits_do_not_depend_on_the_number_of_threads(name):
    before, results = rt.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 4, 8, 16):
            rt.set_num_threads(threads)
            args = inputs()
            out = OPERATIONS[name](*args)
            parts = [out]
            if out.requires_grad:
                leaves = [a for a in args if a.requires_grad]
                weight = rt.arange(out.numel(), dtype=out.dtype).reshape(out.shape).sin()
                parts += [g for g in rt.autograd.grad((out * weight).sum(), leaves, allow_unused=True) if g is not None]
            results.append([bytes(p.detach().contiguous().numpy()) for p in parts])
            assert results[-1] == results[0], f"{threads} threads"
    finally:
        rt.set_num_threads(before)
