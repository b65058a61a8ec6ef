"""The optimizer steps written as formulas (ops/optim.ops): as one kernel, and as operators that autograd records."""

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt
from rustorch.nn._ops import op

CASES = [
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.2}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "betas": (0.5, 0.6)}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("ASGD", {"lr": 0.1, "weight_decay": 0.1, "t0": 2}),
    ("RMSprop", {"lr": 0.1, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.1, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.1, "centered": True}),
    ("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.9}),
    ("Rprop", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
]
SHAPES = [(7, 5), (), (0, 3), (33,)]


def run(name, options, dtype, steps=7, **more):
    """Parameters and states after some steps, the gradients changing their signs on the way."""
    rt.manual_seed(3)
    params = [rt.randn(s, dtype=rt.float64).to(dtype).requires_grad_() for s in SHAPES]
    strided = rt.randn(6, 4, dtype=rt.float64).to(dtype).t().requires_grad_()
    params.append(strided)
    if more.get("differentiable"):
        params = [p.clone() for p in params]
        for p in params:
            p.retain_grad()
    optimizer = getattr(rt.optim, name)(params, **options, **more)
    for step in range(steps):
        for p in params:
            p.grad = (
                p.detach() * 2 + rt.linspace(-1, 1, max(p.numel(), 1), dtype=dtype)[: p.numel()].view(p.shape)
            ) * (-1 if step == 3 else 1)
        optimizer.step()
    states = [v for p in params for _, v in sorted(optimizer.state[p].items()) if isinstance(v, rt.Tensor)]
    return [*params, *states]


@pytest.mark.parametrize("name, options", CASES)
@pytest.mark.parametrize("maximize", [False, True])
def test_as_in_operators(name, options, maximize):
    fused = run(name, options, rt.float64, maximize=maximize)
    composed = run(name, options, rt.float64, maximize=maximize, differentiable=True)
    assert len(fused) == len(composed) and composed[0].grad_fn is not None
    tolerance = 1e-4 if name.startswith("Adam") and name != "Adamax" else 1e-11  # those count steps in float32
    for a, b in zip(fused, composed):
        rt.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name, options", CASES)
def test_derivatives(name, options):
    """Three steps, differentiated by the gradients that they were given, against differences."""

    def final(size):
        p = rt.linspace(0.5, 1.5, 4, dtype=rt.float64).requires_grad_().clone()
        p.retain_grad()
        optimizer = getattr(rt.optim, name)([p], **options, differentiable=True)
        for factor in (1.0, -0.5, 0.7):
            p.grad = size * factor
            optimizer.step()
        return p.square().sum()

    start = rt.tensor([0.3, -0.8, 1.1, 0.6], dtype=rt.float64, requires_grad=True)
    (slopes,) = rt.autograd.grad(final(start), start)
    for k in range(4):
        step = rt.zeros(4, dtype=rt.float64)
        step[k] = 1e-6
        expected = (final(start.detach() + step) - final(start.detach() - step)) / 2e-6
        rt.testing.assert_close(slopes[k], expected.detach(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "name, options",
    [("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
     ("Adam", {"weight_decay": 0.1}), ("Adam", {"amsgrad": True}), ("AdamW", {})],
)  # fmt: skip
def test_derivatives_by_rates(name, options):
    """Three steps, differentiated by lr (and betas) as tensors, against differences."""

    def final(numbers):
        p = rt.linspace(0.5, 1.5, 4, dtype=rt.float64).requires_grad_().clone()
        p.retain_grad()
        betas = {} if name == "SGD" else {"betas": (numbers[1], numbers[2])}
        optimizer = getattr(rt.optim, name)([p], lr=numbers[0], **betas, **options, differentiable=True)
        for factor in (1.0, -0.5, 0.7):
            p.grad = rt.tensor([0.3, -0.8, 1.1, 0.6], dtype=rt.float64) * factor
            optimizer.step()
        return p.square().sum()

    start = [rt.tensor(v, dtype=rt.float64, requires_grad=True) for v in (0.1, 0.8, 0.9)][: 1 if name == "SGD" else 3]
    for k, slope in enumerate(rt.autograd.grad(final(start), start)):
        low, high = ([v.item() + (h if i == k else 0) for i, v in enumerate(start)] for h in (-1e-6, 1e-6))
        expected = (
            final([rt.tensor(v, dtype=rt.float64) for v in high]) - final([rt.tensor(v, dtype=rt.float64) for v in low])
        ) / 2e-6
        rt.testing.assert_close(slope, expected.detach(), rtol=1e-4, atol=1e-7)


def test_a_leaf_is_not_stepped_where_gradients_are_recorded():
    p = rt.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        op("_fused_lion_")([p], [rt.ones(2)], [rt.zeros(2)], lr=0.1, beta1=0.9, beta2=0.9, shrink=1.0)


@pytest.mark.parametrize("name, options", CASES)
@pytest.mark.parametrize("dtype, rtol", [(rt.float32, 1e-4), (rt.bfloat16, 0.1), (rt.float16, 0.05)])
def test_narrower_elements(name, options, dtype, rtol):
    if name == "Rprop" and dtype != rt.float32:
        return  # signs of rounded gradients decide
    exact, rounded = run(name, options, rt.float64, steps=3), run(name, options, dtype, steps=3)
    for a, b in zip(exact, rounded):
        rt.testing.assert_close(b.to(rt.float64), a.to(rt.float64), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", ["Lion", "AdaBound"])
def test_bits_do_not_depend_on_threads(name):
    def run():
        rt.manual_seed(0)
        p = rt.randn(70_001).requires_grad_()
        optimizer = getattr(rt.optim, name)([p], weight_decay=0.1)
        for _ in range(3):
            p.grad = p.detach().cos()
            optimizer.step()
        return p.detach()

    equal_on_threads(run, (1, 3))


def test_copies_made_before_a_step_keep_their_elements():
    p = rt.ones(5, requires_grad=True)
    p.grad = rt.ones(5)
    optimizer = rt.optim.RMSprop([p])
    optimizer.step()
    copies = [p.detach().clone(), optimizer.state[p]["square_avg"].clone()]
    kept = [c.tolist() for c in copies]
    optimizer.step()
    assert [c.tolist() for c in copies] == kept


def test_a_view_saved_for_backward_is_guarded():
    p = rt.ones(3, requires_grad=True)
    loss = (p * p).sum()
    p.grad = rt.ones(3)
    rt.optim.Adagrad([p]).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize(
    "lists, error, text",
    [
        (lambda t: ([t], [], [t]), ValueError, "grads must have one tensor per parameter; got 0; expected 1"),
        (lambda t: ([t], [t[:2]], [t]), rt.errors.ShapeMismatchError, "grads must have the shapes of the parameters"),
        (lambda t: ([t], [t.double()], [t]), RuntimeError, "grads must have the parameter's dtype"),
        (lambda t: ([t.long()], [t.long()], [t.long()]), RuntimeError, "parameters must be floating-point tensors"),
    ],
)
def test_lists_that_do_not_fit(lists, error, text):
    with pytest.raises(error, match=text):
        op("_fused_adagrad_")(*lists(rt.ones(3)), rate=0.1, eps=0.0, weight_decay=0.0)


def test_tensors_that_cross_in_memory():
    p = rt.ones(3, 3)
    step, numbers = op("_fused_adagrad_"), {"rate": 0.1, "eps": 0.0, "weight_decay": 0.0}
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        step([p], [p.t()], [rt.ones(3, 3)], **numbers)
    row = rt.ones(3)
    with pytest.raises(RuntimeError, match="single memory location"):
        step([row.expand(3, 3)], [p], [rt.ones(3, 3)], **numbers)
    assert rt.equal(p, rt.ones(3, 3)) and rt.equal(row, rt.ones(3))
    step([p], [p], [rt.zeros(3, 3)], **numbers)  # the same elements are read before they are written
    rt.testing.assert_close(p, rt.full((3, 3), 0.9))


def test_numbers_of_asgd_pass_through_the_default_dtype():
    p = rt.ones(2, dtype=rt.float64, requires_grad=True)
    optimizer = rt.optim.ASGD([p], lr=0.1, t0=0)
    optimizer.load_state_dict(  # a state of another program, in float64
        {
            **optimizer.state_dict(),
            "state": {
                0: {
                    "step": rt.tensor(5.0),
                    "eta": rt.tensor(0.1, dtype=rt.float64),
                    "mu": rt.tensor(1.0, dtype=rt.float64),
                    "ax": rt.zeros(2, dtype=rt.float64),
                }
            },
        }  # fmt: skip
    )
    p.grad = rt.ones(2, dtype=rt.float64)
    optimizer.step()
    assert optimizer.state[p]["mu"].item() == rt.tensor(1 / 6).item() != 1 / 6
