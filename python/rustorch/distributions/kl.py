"""kl_divergence and the registry of its formulas, by the classes of the two distributions."""

import warnings

__all__ = ["kl_divergence", "register_kl"]

_KL_REGISTRY = {}  # (class of p, class of q) -> function
_KL_MEMOIZE = {}  # the same for classes that were asked for, subclasses included; emptied by register_kl


def register_kl(type_p, type_q):
    """Decorator that registers f(p, q) = KL(p || q) for two classes of distributions and their subclasses.

    When several registered pairs fit, the most specific one is used; a RuntimeWarning says when there is none, which
    registering the exact pair settles.
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(kind, type):  # classes of other libraries may join
            raise TypeError(f"Expected {name} to be a class but got {kind}")

    def decorator(fun):
        _KL_REGISTRY[type_p, type_q] = fun
        _KL_MEMOIZE.clear()
        return fun

    return decorator


def _dispatch_kl(type_p, type_q):
    """The most specific formula for two classes, or NotImplemented."""
    fits = [pair for pair in _KL_REGISTRY if issubclass(type_p, pair[0]) and issubclass(type_q, pair[1])]
    if not fits:
        return NotImplemented

    def distance(pair):
        return type_p.__mro__.index(pair[0]), type_q.__mro__.index(pair[1])

    left = min(fits, key=distance)
    right = min(fits, key=lambda pair: distance(pair)[::-1])
    if _KL_REGISTRY[left] is not _KL_REGISTRY[right]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({left[0].__name__}, {right[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _KL_REGISTRY[left]


def kl_divergence(p, q):
    """KL(p || q), the expected value under p of log p - log q, for every element of the batch."""
    key = type(p), type(q)
    if key not in _KL_MEMOIZE:
        _KL_MEMOIZE[key] = _dispatch_kl(*key)
    fun = _KL_MEMOIZE[key]
    if fun is NotImplemented:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
        )
    return fun(p, q)


from . import _kl_cross, _kl_same  # noqa: E402, F401  (they register the formulas)
