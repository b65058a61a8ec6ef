"""TransformedDistribution: the distribution of f(x) for x from a base distribution."""

import rustorch as rt

from .. import Size
from . import constraints
from ._transform import ComposeTransform, Transform
from .distribution import Distribution, expandable
from .independent import Independent
from .utils import sum_rightmost

__all__ = ["TransformedDistribution"]


def _with_events(distribution, event_dim):
    """distribution with its last batch dimensions taken as event dimensions, until there are event_dim of them."""
    extra = event_dim - len(distribution.event_shape)
    return Independent(distribution, extra) if extra > 0 else distribution


@expandable
class TransformedDistribution(Distribution):
    """Samples of base_distribution, put through one transform or a list of them, first to last."""

    arg_constraints = {}

    def __init__(self, base_distribution, transforms, validate_args=None):
        if isinstance(transforms, Transform):
            transforms = [transforms]
        elif not isinstance(transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        elif not all(isinstance(t, Transform) for t in transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = transforms
        chain = ComposeTransform(transforms)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        if len(shape) < chain.domain.event_dim:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {chain.domain.event_dim}, but got {shape}."
            )
        out_shape = Size(chain.forward_shape(shape))
        base_batch = self._base_batch_shape(out_shape, base_distribution)
        if base_batch != base_distribution.batch_shape:
            base_distribution = base_distribution.expand(base_batch)
        self.base_dist = _with_events(base_distribution, chain.domain.event_dim)
        # Events of the base that the transforms leave alone stay events.
        kept = max(len(self.base_dist.event_shape) - chain.domain.event_dim, 0)
        cut = len(out_shape) - chain.codomain.event_dim - kept
        super().__init__(out_shape[:cut], out_shape[cut:], validate_args=validate_args)

    def _base_batch_shape(self, out_shape, base):
        shape = Size(ComposeTransform(self.transforms).inverse_shape(out_shape))
        return shape[: len(shape) - len(base.event_shape)]

    def _expand_field(self, name, value, batch_shape):
        if name == "base_dist":
            batch_shape = self._base_batch_shape(batch_shape + self._event_shape, value)
        return super()._expand_field(name, value, batch_shape)

    @constraints.dependent_property(is_discrete=False)
    def support(self):
        if not self.transforms:
            return self.base_dist.support
        constraint = self.transforms[-1].codomain
        extra = len(self.event_shape) - constraint.event_dim
        return constraints.independent(constraint, extra) if extra > 0 else constraint

    @property
    def has_rsample(self):
        return self.base_dist.has_rsample

    def _forward(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape=Size()):
        with rt.no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=Size()):
        return self._forward(self.base_dist.rsample(sample_shape))

    def log_prob(self, value):
        self._checked(value)
        event_dim = len(self.event_shape)
        log_volume = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            log_slope = transform.log_abs_det_jacobian(x, y)
            log_volume = log_volume + sum_rightmost(log_slope, event_dim - transform.domain.event_dim)
            y = x
        log_density = self.base_dist.log_prob(y)
        return sum_rightmost(log_density, event_dim - len(self.base_dist.event_shape)) - log_volume

    def _flip(self, p):
        """p where the transforms rise, 1 - p where they fall."""
        sign = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return p
        return sign * (p - 0.5) + 0.5

    def cdf(self, value):
        self._checked(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._flip(self.base_dist.cdf(value))

    def icdf(self, value):
        return self._forward(self.base_dist.icdf(self._flip(value)))
