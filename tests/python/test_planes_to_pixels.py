"""Copies between planes and pixels (channels first and last), against NumPy."""

import numpy as np
import pytest

import rustorch as rt


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "complex64", "complex128"])
@pytest.mark.parametrize(
    "shape",
    [
        (2, 3, 17, 19),
        (1, 2, 130, 5),
        (3, 4, 8, 8),
        (2, 5, 9, 31),
        (1, 3, 260, 260),
        (2, 40, 33, 7),
        (5, 1, 4, 4),
        (2, 3, 1, 1),
    ],
)
def test_planes_to_pixels_and_back(shape, dtype):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    planes = rt.from_numpy(values)
    pixels = planes.permute(0, 2, 3, 1).contiguous()
    assert np.array_equal(pixels.numpy(), values.transpose(0, 2, 3, 1))
    assert np.array_equal(pixels.permute(0, 3, 1, 2).contiguous().numpy(), values)
    # Parts of images: rows and pixels with gaps between them.
    part, expected = planes[:, :, 1:, : shape[3] - 1], values[:, :, 1:, : shape[3] - 1]
    assert np.array_equal(part.permute(0, 2, 3, 1).contiguous().numpy(), expected.transpose(0, 2, 3, 1))
    part, expected = pixels[:, :, 1:, :2], values.transpose(0, 2, 3, 1)[:, :, 1:, :2]
    assert np.array_equal(part.permute(0, 3, 1, 2).contiguous().numpy(), expected.transpose(0, 3, 1, 2))
