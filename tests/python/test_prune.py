"""nn.utils.prune: which elements go, how masks join, and how a parameter comes back."""

import pytest

import rustorch as rt
from rustorch import nn
from rustorch.nn.utils import prune


@pytest.fixture
def layer():
    m = nn.Linear(3, 2)
    with rt.no_grad():
        m.weight.copy_(rt.tensor([[5.0, -1.0, 3.0], [-2.0, 6.0, 4.0]]))
    return m


def test_smallest_elements(layer):
    prune.l1_unstructured(layer, "weight", 2)
    assert layer.weight_mask.tolist() == [[1, 0, 1], [0, 1, 1]]
    assert layer.weight.tolist() == [[5, 0, 3], [0, 6, 4]]
    assert [n for n, _ in layer.named_parameters()] == ["bias", "weight_orig"]
    prune.l1_unstructured(layer, "weight", 0.5)  # of the four that are left
    assert layer.weight_mask.tolist() == [[1, 0, 0], [0, 1, 0]]
    layer(rt.ones(1, 3)).sum().backward()
    assert layer.weight_orig.grad.tolist() == layer.weight_mask.tolist()


def test_scores_in_place_of_magnitudes(layer):
    prune.l1_unstructured(layer, "weight", 1, importance_scores=rt.tensor([[1.0, 2.0, 3.0], [4.0, 0.5, 6.0]]))
    assert layer.weight_mask.tolist() == [[1, 1, 1], [1, 0, 1]]


def test_random_elements(layer):
    rt.manual_seed(0)
    prune.random_unstructured(layer, "weight", 4)
    assert layer.weight_mask.sum().item() == 2
    again = nn.Linear(3, 2)
    rt.manual_seed(0)
    prune.random_unstructured(again, "weight", 4)
    assert rt.equal(again.weight_mask, layer.weight_mask)
    none = prune.random_unstructured(nn.Linear(3, 2), "weight", 0)
    assert none.weight_mask.all().item()


def test_removing_keeps_the_zeros(layer):
    prune.l1_unstructured(layer, "weight", 3)
    assert prune.is_pruned(layer)
    prune.remove(layer, "weight")
    assert not prune.is_pruned(layer) and isinstance(layer.weight, nn.Parameter)
    assert layer.weight.tolist() == [[5, 0, 0], [0, 6, 4]]


def test_over_several_tensors(layer):
    with rt.no_grad():
        layer.bias.copy_(rt.tensor([0.5, 7.0]))
    prune.global_unstructured([(layer, "weight"), (layer, "bias")], prune.L1Unstructured, amount=2)
    assert layer.weight_mask.tolist() == [[1, 0, 1], [1, 1, 1]] and layer.bias_mask.tolist() == [0, 1]


def test_amounts_are_checked(layer):
    for amount, error in ((-1, ValueError), (1.5, ValueError), ("x", TypeError), (7, ValueError)):
        with pytest.raises(error):
            prune.l1_unstructured(layer, "weight", amount)
