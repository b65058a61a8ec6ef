"""State saved by PyTorch (tests/golden/make_state_golden.py) loads here, and ours has the same form."""

import gzip
import io
import pathlib
import sys
import warnings

import pytest

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import state_cases  # noqa: E402

FILE = rt.load(gzip.decompress((GOLDEN / "state.pt.gz").read_bytes()), weights_only=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    MODULES = {name: (make, specs) for name, make, specs in state_cases.modules(rt)}
OPTIMIZERS, SCHEDULERS = dict(state_cases.OPTIMIZERS), dict(state_cases.SCHEDULERS)
pytestmark = pytest.mark.filterwarnings("ignore")


def form(x):
    """Types, keys, dtypes and shapes of a state, without the numbers."""
    if isinstance(x, rt.Tensor):
        return str(x.dtype), tuple(x.shape)
    if isinstance(x, dict):
        return {k: form(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [form(v) for v in x]
    return type(x).__name__


def assert_close(got, want, tol):
    assert len(got) == len(want)
    for g, w in zip(got, want):
        assert g.dtype == w.dtype and g.shape == w.shape
        assert rt.allclose(g.double(), w.double(), rtol=tol, atol=tol)


def through_file(x):
    file = io.BytesIO()
    rt.save(x, file)
    file.seek(0)
    return rt.load(file)


def test_nothing_is_left_out():
    assert list(MODULES) == list(FILE["modules"])
    assert list(OPTIMIZERS) == list(FILE["optimizers"]) and list(SCHEDULERS) == list(FILE["schedulers"])


@pytest.mark.parametrize("name", list(MODULES))
def test_module(name):
    make, specs = MODULES[name]
    saved = FILE["modules"][name]
    module = state_cases.fresh(rt, make, rt.float32)
    assert str(module.load_state_dict(saved["state"])) == "<All keys matched successfully>"
    own = module.state_dict()
    assert list(own) == list(saved["state"]) and form(own) == form(saved["state"])
    assert dict(own._metadata) == dict(saved["state"]._metadata)
    assert_close(state_cases.outputs(rt, module, specs, rt.float32), saved["out"], 2e-5)
    if "orthogonal" not in name:  # training ends in the same state
        trained = state_cases.trained(rt, make, specs, rt.float32).state_dict()
        tensors = [k for k, v in trained.items() if isinstance(v, rt.Tensor)]
        norms = ("_u", "_v", ".0._u", ".0._v")  # start from random vectors
        tensors = [k for k in tensors if not k.endswith(norms)]
        assert_close([trained[k] for k in tensors], [saved["state"][k] for k in tensors], 2e-5)
    again = through_file(own)
    assert list(again) == list(own) and again._metadata == own._metadata


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizer(name):
    saved = FILE["optimizers"][name]
    for state in (saved["state"], through_file(saved["state"])):
        opt, params = state_cases.resumed(rt, OPTIMIZERS[name], state, saved["params"])
        own = opt.state_dict()
        assert list(own["state"]) == list(saved["state"]["state"])
        for ours, theirs in zip(own["state"].values(), saved["state"]["state"].values()):
            assert list(ours) == list(theirs)
        assert form(own["param_groups"]) == form(saved["state"]["param_groups"])
        state_cases.advance(rt, opt, params, state_cases.STEPS - state_cases.SAVED_AFTER)
        assert_close(params, saved["after"], 1e-10)


@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_scheduler(name):
    saved = FILE["schedulers"][name]
    opt, scheduler = state_cases.scheduled(rt, SCHEDULERS[name])
    assert list(scheduler.state_dict()) == list(saved["state"])
    scheduler.load_state_dict(through_file(saved["state"]))
    opt.load_state_dict(saved["opt"])
    assert form(scheduler.state_dict()) == form(saved["state"])
    rates = state_cases.advance_schedule(rt, opt, scheduler, state_cases.SAVED_AFTER, 18)
    for got, want in zip(rates, saved["rates"]):
        assert got == pytest.approx(want, rel=1e-12)


def test_counter_keeps_its_class():
    import collections

    back = through_file({"c": collections.Counter([3, 3, 9]), "e": collections.Counter()})
    assert back == {"c": {3: 2, 9: 1}, "e": {}}
    assert type(back["c"]) is collections.Counter and type(back["e"]) is collections.Counter


def test_spectral_norm_of_the_first_form():
    nn = rt.nn
    module = nn.utils.spectral_norm(nn.Linear(4, 3))
    module(rt.randn(2, 4))
    state = module.state_dict()
    old = {k: v.clone() for k, v in state.items() if k != "weight_v"}
    old["weight_u"] = rt.nn.functional.normalize(module.weight_orig.detach() @ module.weight_v, dim=0)
    module.eval()
    module(rt.randn(2, 4))
    old["weight"] = module.weight.detach().clone()
    other = nn.utils.spectral_norm(nn.Linear(4, 3))
    assert str(other.load_state_dict(old)) == "<All keys matched successfully>"
    x = rt.randn(2, 4)
    assert rt.allclose(other.eval()(x), module(x), atol=1e-5)
    nn.utils.remove_spectral_norm(other)
    assert list(other.state_dict()) == ["bias", "weight"] and "spectral_norm" not in other.state_dict()._metadata[""]
