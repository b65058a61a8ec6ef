"""Which public names of the Python package C++ has, read from the headers; what it lacks must be listed with a reason.

`missing()` gives {"module.name": reason or None}: None for a name that C++ lacks and nobody has said why.
"""

import inspect
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = (
    "nn nn.functional nn.init nn.utils nn.utils.rnn optim optim.lr_scheduler optim.swa_utils distributions "
    "distributions.constraints distributions.transforms func"
).split()

# What C++ lacks, and why; the names of a module by reason.
REASONS = {
    "the older name of something that C++ has": {
        "nn": "Container NLLLoss2d",
        "nn.functional": "upsample upsample_bilinear upsample_nearest",
        "nn.init": ("constant dirac kaiming_normal kaiming_uniform orthogonal uniform xavier_normal xavier_uniform"),
        "nn.utils": "clip_grad_norm",
    },
    "a helper of Python code (typing, overrides, documentation), listed as PyTorch lists it": {
        "nn": "factory_kwargs",
        "nn.functional": (
            "BroadcastingList1 BroadcastingList2 BroadcastingList3 GRID_SAMPLE_INTERPOLATION_MODES "
            "GRID_SAMPLE_PADDING_MODES assert_int_or_pair boolean_dispatch handle_torch_function has_torch_function "
            "has_torch_function_unary has_torch_function_variadic reproducibility_notes sparse_support_notes tf32_notes"
        ),
        "nn.init": "Any Callable annotations",
    },
    "a C++ layer keeps the tensor it has and gives it a shape: no class of tensors of its own": {
        "nn": "UninitializedBuffer UninitializedParameter",
    },
    "C++ layers share code by detail::Recurrent": {"nn": "RNNBase RNNCellBase"},
    "one function for every number of dimensions (max_unpool, lp_pool, fractional_max_pool, dropout_nd)": {
        "nn.functional": (
            "dropout1d dropout2d dropout3d fractional_max_pool2d fractional_max_pool3d "
            "fractional_max_pool2d_with_indices fractional_max_pool3d_with_indices lp_pool1d lp_pool2d lp_pool3d "
            "max_unpool1d max_unpool2d max_unpool3d"
        ),
    },
    "forward_with_indices() of the layer, or the operator that gives both": {
        "nn.functional": (
            "adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices adaptive_max_pool3d_with_indices"
        ),
    },
    "the layer's inplace option": {"nn.functional": "celu_ elu_ hardtanh_ leaky_relu_ relu_ rrelu_ selu_"},
    "not written in C++ yet": {
        "nn": "LinearCrossEntropyLoss LinearCrossEntropyOptions",
        "nn.functional": (
            "affine_grid grid_sample grouped_mm linear_cross_entropy pdist ScalingType SwizzleType scaled_addmm scaled_addmm_ "
            "scaled_grouped_mm scaled_mm"
        ),
        "nn.utils": (
            "convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format fuse_conv_bn_eval "
            "fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights"
        ),
        "nn.utils.rnn": "invert_permutation",
        "optim": "swap_in_optimizer_params_and_state",
        "func": "functional_call replace_all_batch_norm_modules_ stack_module_state",
    },
    "detail::SkipInitGuard": {"nn.utils": "skip_init"},
    "hooks are registered with an optimizer": {
        "optim": "register_optimizer_step_post_hook register_optimizer_step_pre_hook",
    },
    "C++ asks an object, which knows its constraints: mixture_same_family(), no dependent ones": {
        "distributions.constraints": "MixtureSameFamilyConstraint dependent dependent_property is_dependent",
    },
    "for tracers and debuggers of Python": {"func": "debug_unwrap functionalize"},
}
_REASON_OF = {
    f"{module}.{name}": reason
    for reason, modules in REASONS.items()
    for module, names in modules.items()
    for name in names.split()
}


def declared() -> set[str]:
    """Every identifier of the public headers' code, and every operator."""
    names: set[str] = set()
    for path in sorted((ROOT / "include/rustorch").rglob("*.h")):
        text = re.sub(r"//[^\n]*", "", path.read_text())
        for pasted in re.findall(r"\w+##N##\w+", text):
            names |= {pasted.replace("##N##", n) for n in "123"}
        for kind, n in re.findall(r"^RT_PAD_LAYER\((\w+), (\d)\)", text, re.M):
            names.add(f"{kind}{n}d")
        for kind, n in re.findall(r"^RT_POOL_NAMES3?\((\w+), \w+(?:, (\d))?\)", text, re.M):
            names |= {f"{kind}{d}d" for d in n or "123"}
        names |= set(re.findall(r"[A-Za-z_]\w*", text))
    for path in sorted((ROOT / "ops").glob("*.ops")):
        text = path.read_text()
        names |= set(re.findall(r"^op (\w+)(?:\|[\w:]+)?\(", text, re.M))
        for line in re.findall(r"^\s+alias\s+(.*)$", text, re.M):
            names |= set(re.findall(r"\w+", line))
    return names


def public(module) -> list[str]:
    """The public functions, classes and constraints of a Python module."""
    listed = getattr(module, "__all__", None)
    names = listed if listed is not None else [n for n in vars(module) if not n.startswith("_")]
    return sorted(n for n in names if not inspect.ismodule(getattr(module, n, None)))


def missing() -> dict[str, str | None]:
    import importlib

    have, out = declared(), {}
    for module in MODULES:
        for name in public(importlib.import_module("rustorch." + module)):
            key = f"{module}.{name}"
            if name not in have:
                out[key] = _REASON_OF.get(key)
    return out


def stale() -> list[str]:
    """Names that are listed as missing and are there."""
    return sorted(set(_REASON_OF) - set(missing()))
