"""Small modules: random, futures, hub, device modules, versions, types, compiler, settings."""

import threading
import warnings

import pytest

import rustorch as rt


def test_fork_rng():
    rt.manual_seed(3)
    first = rt.rand(2)
    rt.manual_seed(3)
    with rt.random.fork_rng():
        rt.rand(10)
    assert rt.equal(rt.rand(2), first)
    with rt.fork_rng(enabled=False):
        rt.rand(1)
    assert rt.random.get_rng_state().dtype == rt.uint8 and rt.thread_safe_generator() is None


def test_futures():
    f = rt.futures.Future()
    g = f.then(lambda done: done.value() + 1).then(lambda done: done.wait() * 2)
    assert not f.done()
    threading.Timer(0.01, f.set_result, (1,)).start()
    assert f.wait() == 1 and g.wait() == 4
    with pytest.raises(RuntimeError, match="only be marked completed once"):
        f.set_result(2)
    bad = rt.Future()
    after = bad.then(lambda done: done.wait())
    bad.set_exception(KeyError("x"))
    for one in (bad, after):
        with pytest.raises(KeyError):
            one.wait()
    seen = []
    f.add_done_callback(seen.append)
    assert seen == [f] and rt.futures.wait_all([f, g]) == [1, 4] and rt.futures.collect_all([]).wait() == []
    with pytest.raises(RuntimeError, match="not completed"):
        rt.Future().value()


def test_hub(tmp_path):
    (tmp_path / "parts.py").write_text("SIZE = 3\n")
    (tmp_path / "hubconf.py").write_text(
        "dependencies = ['math']\nfrom parts import SIZE\nimport rustorch as rt\n\n"
        "def layer(out=1):\n    'A layer.'\n    return rt.nn.Linear(SIZE, out)\n"
    )
    assert "layer" in rt.hub.list(str(tmp_path), source="local")
    assert rt.hub.help(str(tmp_path), "layer", source="local") == "A layer."
    assert rt.hub.load(str(tmp_path), "layer", out=2, source="local").weight.shape == (2, 3)
    with pytest.raises(RuntimeError, match="Cannot find callable nothing in hubconf"):
        rt.hub.load(str(tmp_path), "nothing", source="local")
    with pytest.raises(NotImplementedError, match="not loaded from the network"):
        rt.hub.load("someone/something", "model", source="github")
    rt.save({"w": rt.ones(2)}, tmp_path / "w.pt")
    rt.hub.set_dir(tmp_path / "cache")
    assert rt.hub.load_state_dict_from_url((tmp_path / "w.pt").as_uri())["w"].tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="invalid hash value"):
        rt.hub.download_url_to_file((tmp_path / "w.pt").as_uri(), tmp_path / "copy.pt", hash_prefix="x")
    assert not (tmp_path / "copy.pt").exists() and not list(tmp_path.glob("tmp*"))


def test_device_modules():
    assert rt.cpu.is_available() and rt.cpu.device_count() == 1 and rt.cpu.current_device() == "cpu"
    s = rt.cpu.Stream()
    with rt.cpu.stream(s):
        assert rt.cpu.current_stream() is s
    assert rt.cpu.current_stream() is not s and s.record_event().query()
    for kind in (rt.cuda, rt.mps, rt.xpu):
        assert not kind.is_available() and kind.device_count() == 0
    with pytest.raises(RuntimeError, match="no CUDA devices"):
        rt.cuda.current_device()
    assert rt.accelerator.is_available() == rt.opencl.is_available()
    assert rt.get_device_module("cpu") is rt.cpu and rt.get_default_device() == rt.device("cpu")


def test_versions():
    version = rt.torch_version.TorchVersion("0.10.2+cpu")
    assert version > "0.9" and version >= (0, 10) and version == "0.10.2" and version < "1" and version != "0.10"
    assert rt.torch_version.TorchVersion("1.0rc1") < "1.0" and rt.torch_version.__version__ == rt.__version__
    assert rt.version.__version__ == rt.__version__ and rt.version.cuda is None
    with pytest.raises(ValueError, match="invalid version"):
        version > "new"  # noqa: B015


def test_compile_gives_the_function_back():
    def f(x):
        return x + 1

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rt.compile(f)
        assert rt.compile(f) is f and rt.compile(backend="eager")(f) is f
    assert len(caught) <= 1
    assert rt.compiler.disable(f) is f and not rt.compiler.is_compiling() and rt.compiler.list_backends() == ["eager"]


def test_settings():
    assert not rt.are_deterministic_algorithms_enabled() and rt.get_deterministic_debug_mode() == 0
    rt.use_deterministic_algorithms(True, warn_only=True)
    assert rt.get_deterministic_debug_mode() == 1 and rt.is_deterministic_algorithms_warn_only_enabled()
    rt.set_deterministic_debug_mode("default")
    assert not rt.are_deterministic_algorithms_enabled()
    with pytest.raises(RuntimeError, match="invalid value of debug_mode"):
        rt.set_deterministic_debug_mode("loud")
    rt.set_float32_matmul_precision("high")
    assert rt.get_float32_matmul_precision() == "high"
    rt.set_float32_matmul_precision("highest")
    rt.set_anomaly_enabled(True)
    assert rt.is_anomaly_enabled() and rt.is_anomaly_check_nan_enabled()
    rt.set_anomaly_enabled(False)
    assert not rt.is_anomaly_enabled()
    assert rt.sym_int(2.5) == 2 and rt.sym_max(1, 2) == 2 and not isinstance(3, rt.SymInt)
    with pytest.raises(TypeError):
        rt.SymInt(3)


def test_from_file(tmp_path):
    path = tmp_path / "numbers.bin"
    path.write_bytes(bytes(rt.arange(4.0).untyped_storage().tolist()))
    assert rt.from_file(str(path), size=4).tolist() == [0.0, 1.0, 2.0, 3.0]
    shared = rt.from_file(str(path), shared=True, size=6)
    shared[5] = 2.0
    del shared
    assert rt.from_file(str(path), size=6)[5].item() == 2.0
    with pytest.raises(RuntimeError, match="bytes; expected"):
        rt.from_file(str(path), size=100)


def test_types_and_return_types():
    assert rt.types.Number is not None and rt.types.Device is not None
    assert isinstance(rt.ones(2).max(0), rt.return_types.max)
    assert isinstance(rt.sort(rt.ones(2)), rt.return_types.sort)
    assert rt.functional.einsum is rt.einsum
    with pytest.raises(RuntimeError, match="deprecated"):
        rt.autograd.variable(1)
    from rustorch.autograd.variable import Variable

    assert Variable is rt.Tensor


def test_switches_of_vendor_libraries_are_kept():
    cudnn = rt.backends.cudnn
    cudnn.benchmark = True
    assert cudnn.benchmark is True and not cudnn.is_available() and cudnn.version() is None
    with cudnn.flags(enabled=False, benchmark=False):
        assert not cudnn.enabled and not cudnn.benchmark
    assert cudnn.enabled and cudnn.benchmark
    assert cudnn.set_flags(_benchmark=False)[1] is True and cudnn.benchmark is False
    rt.backends.cuda.matmul.allow_tf32 = True
    assert rt.backends.cuda.matmul.allow_tf32 and not rt.backends.mps.is_available()
    rt.backends.cuda.matmul.allow_tf32 = False
    assert rt.backends.is_built("cpu") and not rt.backends.cuda.is_built() and not rt.backends.mps.is_built()
    assert rt.backends.is_built("opencl") or not rt.backends.is_available("opencl")
    with pytest.raises(AttributeError, match="unknown flag 'alow_tf32'"):
        rt.backends.cuda.matmul.alow_tf32 = True
    assert not rt.backends.mkl.is_available() and not rt.backends.openmp.is_available()
    assert rt.backends.mkldnn.enabled and rt.backends.cpu.get_cpu_capability().isupper()


def test_dlpack_module():
    import rustorch.utils.dlpack as dlpack

    x = rt.arange(4)
    y = dlpack.from_dlpack(dlpack.to_dlpack(x))
    y[0] = 7
    assert x[0] == 7 and x.__dlpack_device__()[0] == dlpack.DLDeviceType.kDLCPU


def test_annotations_of_torchscript_mark_nothing():
    with pytest.warns(UserWarning, match="no compiler yet"):
        rt.jit._warned = False
        function = rt.jit.script(len)
    assert function is len and rt.jit.unused(len) is len and rt.jit.ignore(len) is len
    assert rt.jit.ignore(drop=True)(len) is len and rt.jit.export(len) is len and rt.jit.annotate(int, 3) == 3
    assert rt.jit.isinstance([1], list[int]) and not rt.jit.isinstance([1], (dict[str, int], int))
    assert not rt.jit.is_scripting() and not rt.jit.is_tracing()


def test_one_process():
    assert not rt.distributed.is_available() and not rt.distributed.is_initialized()
