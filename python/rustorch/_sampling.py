"""grid_sampler and its forms for images and volumes: nn.functional.grid_sample with numbers for the modes."""

from .nn.functional import grid_sample

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """Samples (N, C, ...) at the points of grid; the modes are places in bilinear, nearest, bicubic and in zeros,
    border, reflection."""
    if not 0 <= interpolation_mode < len(_MODES) or not 0 <= padding_mode < len(_PADDINGS):
        raise RuntimeError(
            f"grid_sampler(): unknown mode; got interpolation {interpolation_mode}, padding {padding_mode}"
        )
    return grid_sample(input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners)


def _of_rank(name, rank):
    def sampler(input, grid, interpolation_mode, padding_mode, align_corners):
        if input.dim() != rank:
            raise RuntimeError(f"{name}(): expected {rank}D input and grid; got input of {input.dim()}D")
        return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)

    sampler.__name__ = name
    sampler.__doc__ = f"grid_sampler of {rank}D input."
    return sampler


grid_sampler_2d = _of_rank("grid_sampler_2d", 4)
grid_sampler_3d = _of_rank("grid_sampler_3d", 5)
