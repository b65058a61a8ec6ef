"""VonMises: the normal distribution's counterpart on the circle."""

import math

import rustorch as rt

from .. import Size
from . import constraints
from .distribution import Distribution, expandable
from .utils import lazy_property

__all__ = ["VonMises"]


@expandable
class VonMises(Distribution):
    """Angles about loc, of density proportional to exp(concentration cos(x - loc)).

    Sampled by rejection (D. Best, N. Fisher, 1979), in double precision.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc, concentration, validate_args=None):
        super().__init__(self._store(loc=loc, concentration=concentration), Size(), validate_args)

    def log_prob(self, value):
        k = self.concentration
        log_bessel = rt.special.i0e(k).log() + k  # log I0(k)
        return k * rt.cos(self._checked(value) - self.loc) - math.log(2 * math.pi) - log_bessel

    @lazy_property
    def _proposal_r(self):
        """The parameter of the wrapped Cauchy distribution that proposes samples."""
        k = self.concentration.double()
        tau = 1 + (1 + 4 * k**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * k)
        exact = (1 + rho**2) / (2 * rho)
        return rt.where(k < 1e-5, 1 / k + k, exact)  # the exact form loses all digits there

    def sample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        with rt.no_grad():
            k, r = self.concentration.double().expand(shape), self._proposal_r.expand(shape)
            angle = rt.zeros(shape, dtype=rt.float64, device=k.device)
            done = rt.zeros(shape, dtype=rt.bool, device=k.device)
            while not done.all():
                u1, u2, u3 = rt.rand((3,) + shape, dtype=rt.float64, device=k.device).unbind(0)
                z = rt.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                accept = (c * (2 - c) > u2) | ((c / u2).log() + 1 - c >= 0)
                proposal = (u3 - 0.5).sign() * rt.acos(f.clamp(min=-1, max=1))
                angle = rt.where(accept & ~done, proposal, angle)
                done = done | accept
            wrapped = (angle + math.pi + self.loc) % (2 * math.pi) - math.pi
            return wrapped.to(self.loc.dtype)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        """The circular variance, 1 - I1(k) / I0(k)."""
        return 1 - rt.special.i1e(self.concentration) / rt.special.i0e(self.concentration)
