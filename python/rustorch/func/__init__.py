"""Function transforms: gradients, Jacobians and calls of modules as pure functions."""

from ._grad import grad, grad_and_value, vjp
from ._jacobian import hessian, jacfwd, jacrev, jvp, linearize
from ._modules import functional_call, replace_all_batch_norm_modules_, stack_module_state
from ._vmap import debug_unwrap, functionalize, vmap

__all__ = [
    "debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
    "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap",
]  # fmt: skip
