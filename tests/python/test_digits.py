"""The demo: its training is the same, bit for bit, for any number of threads, and reaches its accuracy."""

import importlib.util
import pathlib

import pytest

import rustorch as rt

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "digits" / "train.py"


@pytest.fixture(scope="module")
def demo():
    spec = importlib.util.spec_from_file_location("digits_train", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def weights_after(demo, threads, images=200, epochs=2):
    before = rt.get_num_threads()
    rt.set_num_threads(threads)
    try:
        rt.manual_seed(0)
        x, y, test_x, test_y = demo.load_data()
        model = demo.DigitNet()
        demo.train(model, x[:images], y[:images], test_x[:50], test_y[:50], epochs, seed=0)
        return {name: tensor.clone() for name, tensor in model.state_dict().items()}
    finally:
        rt.set_num_threads(before)


def test_weights_do_not_depend_on_threads(demo):
    reference = weights_after(demo, 1)
    for threads in (2, 3, 4, 8):
        weights = weights_after(demo, threads)
        for name, tensor in reference.items():
            assert rt.equal(tensor, weights[name]), f"{name} differs with {threads} threads"


def test_no_image_is_in_both_sets(demo):
    images, labels, test_images, test_labels = demo.load_data()
    assert (len(images), len(test_images)) == (1438, 359)
    assert len(labels) == 1438 and len(test_labels) == 359


def test_not_of_bool():
    x = rt.tensor([True, False])
    assert (~x).tolist() == [False, True]
    assert (~rt.tensor([1, 2])).tolist() == [-2, -3]


def test_accuracy(demo):
    rt.manual_seed(0)
    model = demo.DigitNet()
    history = demo.train(model, *demo.load_data(), epochs=6, seed=0)
    assert history[-1][3] >= 0.97
