"""MixtureSameFamily: a mixture of the components that the last batch dimension of a distribution holds."""

import rustorch as rt

from .. import Size
from . import constraints
from .categorical import Categorical
from .distribution import Distribution, expandable

__all__ = ["MixtureSameFamily"]


@expandable
class MixtureSameFamily(Distribution):
    """mixture_distribution, a Categorical, draws which of the components a sample comes from."""

    arg_constraints = {}

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        batch = component_distribution.batch_shape[:-1]
        for own, other in zip(reversed(mixture_distribution.batch_shape), reversed(batch)):
            if own != 1 and other != 1 and own != other:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixture_distribution.batch_shape}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        count, of_components = mixture_distribution.logits.shape[-1], component_distribution.batch_shape[-1]
        if count != of_components:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal `component_distribution.batch_shape[-1]` "
                f"({of_components})"
            )
        super().__init__(batch, component_distribution.event_shape, validate_args=validate_args)

    def _expand_field(self, name, value, batch_shape):
        if name == "_component_distribution":
            batch_shape = batch_shape + value.batch_shape[-1:]
        return super()._expand_field(name, value, batch_shape)

    @constraints.dependent_property
    def support(self):
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self):
        """The distribution of the number of the component."""
        return self._mixture_distribution

    @property
    def component_distribution(self):
        """The components."""
        return self._component_distribution

    def _weights(self):
        """The probability of each component, with ones for the event dimensions."""
        probs = self._mixture_distribution.probs
        return probs.reshape(probs.shape + (1,) * len(self._event_shape))

    def _average(self, value):
        return (self._weights() * value).sum(-1 - len(self._event_shape))

    @property
    def mean(self):
        return self._average(self._component_distribution.mean)

    @property
    def variance(self):
        within = self._average(self._component_distribution.variance)
        away = self._component_distribution.mean - self._pad(self.mean)
        return within + self._average(away * away)

    def _pad(self, value):
        """value with a dimension for the components."""
        return value.unsqueeze(-1 - len(self._event_shape))

    def cdf(self, x):
        parts = self._component_distribution.cdf(self._pad(x))
        return (parts * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, x):
        parts = self._component_distribution.log_prob(self._pad(self._checked(x)))
        weights = rt.log_softmax(self._mixture_distribution.logits, dim=-1)
        return rt.logsumexp(parts + weights, dim=-1)

    def sample(self, sample_shape=Size()):
        with rt.no_grad():
            chosen = self._mixture_distribution.sample(sample_shape)
            values = self._component_distribution.sample(sample_shape)
            event = self._event_shape
            index = chosen.reshape(chosen.shape + (1,) * (len(event) + 1))
            dim = -1 - len(event)
            picked = values.gather(dim, index.expand(chosen.shape + (1,) + event))
            return picked.squeeze(dim)

    def __repr__(self):
        return f"MixtureSameFamily(\n  {self._mixture_distribution!r},\n  {self._component_distribution!r})"
