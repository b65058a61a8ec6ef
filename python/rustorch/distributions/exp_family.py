"""ExponentialFamily: densities h(x) exp(<eta, t(x)> - A(eta)), whose entropy and divergences follow from A."""

import rustorch as rt

from .distribution import Distribution
from .utils import sum_rightmost

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """Base of distributions that give natural parameters eta, the log normaliser A and the mean of log h(x)."""

    @property
    def _natural_params(self):
        """The natural parameters eta, a tuple of tensors."""
        raise NotImplementedError

    def _log_normalizer(self, *natural_params):
        """A(eta)."""
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self):
        """The expected value of log h(x)."""
        raise NotImplementedError

    def _expected_statistics(self, create_graph=True):
        """eta as leaves, A(eta), and its gradients: the expected values of the statistics t(x)."""
        eta = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*eta)
        return eta, normalizer, rt.autograd.grad(normalizer.sum(), eta, create_graph=create_graph)

    def entropy(self):
        """A(eta) - <eta, dA/deta> - E log h(x)."""
        eta, normalizer, means = self._expected_statistics()
        result = normalizer - self._mean_carrier_measure
        for parameter, mean in zip(eta, means):
            result = result - sum_rightmost(parameter * mean, len(self.event_shape))
        return result
