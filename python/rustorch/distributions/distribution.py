"""Distribution: the base of all distributions, with checks of parameters and samples, and expansion."""

import warnings

import rustorch as rt

from .. import Size, Tensor
from . import constraints
from .utils import Number, broadcast_all, lazy_property

__all__ = ["Distribution"]


def expandable(cls):
    """Gives a class an `expand` that repeats everything which has the batch shape; see Distribution._expand_field."""

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(cls, _instance)
        self._expand_into(new, Size(batch_shape))
        return new

    expand.__doc__ = Distribution.expand.__doc__
    cls.expand = expand
    return cls


class Distribution:
    """A probability distribution, or a batch of them: samples have shape sample_shape + batch_shape + event_shape.

    `arg_constraints` says what every parameter must satisfy, `support` where samples lie. Checks are made when
    validate_args is true (the default, unless Python runs with -O or set_default_validate_args changed it).
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    _shared_fields = ()  # tensors that expand() leaves as they are

    @staticmethod
    def set_default_validate_args(value):
        """Whether distributions made from now on check their arguments."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape=Size(), event_shape=Size(), validate_args=None):
        self._batch_shape = batch_shape
        self._event_shape = event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self):
        try:
            expected = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize "
                "the distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        for name, constraint in expected.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # derived from the parameters that were given
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def _store(self, **parameters):
        """Sets parameters as attributes, broadcast together; returns their shape."""
        for name, value in zip(parameters, broadcast_all(*parameters.values())):
            setattr(self, name, value)
        return Size() if all(isinstance(v, Number) for v in parameters.values()) else value.shape

    # ---- shapes

    @property
    def batch_shape(self):
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self):
        """The shape of one sample of one distribution."""
        return self._event_shape

    def expand(self, batch_shape, _instance=None):
        """The distribution with its batch dimensions expanded to batch_shape; no memory is copied."""
        raise NotImplementedError

    def _expand_into(self, new, batch_shape):
        """Fills `new` with this distribution's attributes: batched ones expanded, the others shared."""
        for name, value in self.__dict__.items():
            new.__dict__[name] = self._expand_field(name, value, batch_shape)
        new._batch_shape = batch_shape

    def _expand_field(self, name, value, batch_shape):
        if isinstance(value, Distribution):
            return value.expand(batch_shape)
        if isinstance(value, Tensor) and name not in self._shared_fields:
            return value.expand(batch_shape + value.shape[len(self._batch_shape) :])
        return value

    def _extended_shape(self, sample_shape=Size()):
        """The shape of samples."""
        return Size(sample_shape) + Size(self._batch_shape) + Size(self._event_shape)

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also "
                "define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    # ---- what a distribution says of itself

    @property
    def arg_constraints(self):
        """Constraints by name of parameter."""
        raise NotImplementedError

    @property
    def support(self):
        """The constraint that samples satisfy."""
        raise NotImplementedError

    @property
    def mean(self):
        """The expected value."""
        raise NotImplementedError

    @property
    def mode(self):
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self):
        """The variance of every element."""
        raise NotImplementedError

    @property
    def stddev(self):
        """The standard deviation of every element."""
        return self.variance.sqrt()

    # ---- samples and densities

    def sample(self, sample_shape=Size()):
        """Samples, without gradients."""
        with rt.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()):
        """Samples through which gradients flow to the parameters."""
        raise NotImplementedError

    def sample_n(self, n):
        """n samples: the old name of sample((n,))."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead.", FutureWarning, stacklevel=2)
        return self.sample(Size((n,)))

    def log_prob(self, value):
        """Logarithm of the density or probability at value."""
        raise NotImplementedError

    def cdf(self, value):
        """Probability of values up to value."""
        raise NotImplementedError

    def icdf(self, value):
        """The value up to which lies the given probability: the inverse of cdf."""
        raise NotImplementedError

    def enumerate_support(self, expand=True):
        """All values of a discrete distribution along a new first dimension; expand: for every batch element."""
        raise NotImplementedError

    def entropy(self):
        """The entropy in nats."""
        raise NotImplementedError

    def perplexity(self):
        """exp(entropy)."""
        return rt.exp(self.entropy())

    def _validate_sample(self, value):
        """Raises ValueError when log_prob, cdf or icdf cannot take value."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape, expected = value.shape, self._batch_shape + self._event_shape
        if shape[len(shape) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {shape} vs {self._event_shape}.")
        if any(i != 1 and j != 1 and i != j for i, j in zip(reversed(shape), reversed(expected))):
            raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _checked(self, value):
        """value, after validation when that is on."""
        if self._validate_args:
            self._validate_sample(value)
        return value

    def __repr__(self):
        def shown(v):
            return v if v.numel() == 1 else v.size()

        given = [k for k in self.arg_constraints if k in self.__dict__]
        return f"{type(self).__name__}({', '.join(f'{k}: {shown(self.__dict__[k])}' for k in given)})"
