"""Parametrizations that come with the library: orthogonal, weight_norm and spectral_norm."""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import Tensor

from .. import functional as F
from ..modules.module import Module
from . import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _is_orthogonal(q: Tensor) -> bool:
    eps = 10 * q.size(-2) * rt.finfo(q.dtype).eps
    gram = q.mH @ q
    eye = rt.eye(q.size(-1), dtype=q.dtype, device=q.device).expand_as(gram)
    return bool(rt.allclose(gram, eye, atol=eps))


def _orthogonal_factor(a: Tensor) -> Tensor:
    """Q of the QR decomposition with a positive diagonal of R."""
    q, r = rt.linalg.qr(a)
    return q * r.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    """A matrix made orthogonal (tall or square: columns; wide: rows)."""

    base: Tensor | None

    def __init__(self, weight: Tensor, kind: str, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and kind == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.kind = kind
        self.register_buffer("base", rt.empty_like(weight) if use_trivialization else None)

    def forward(self, x: Tensor) -> Tensor:
        n, k = x.size(-2), x.size(-1)
        wide = n < k
        if wide:
            x = x.mT
            n, k = k, n
        if self.kind == "householder":
            q = _householder(x)
        else:
            a = x.tril()
            if n != k:  # square it with zero columns
                a = rt.cat([a, rt.zeros((*a.shape[:-1], n - k), dtype=a.dtype, device=a.device)], -1)
            a = a - a.mH
            if self.kind == "matrix_exp":
                q = rt.matrix_exp(a)
            else:
                eye = rt.eye(n, dtype=a.dtype, device=a.device)
                q = rt.linalg.solve(eye + a * -0.5, eye + a * 0.5)
            if n != k:
                q = q[..., :k]
        if self.base is not None:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, q: Tensor) -> Tensor:
        """A tensor that gives `q`, exactly with a base or by Householder reflections."""
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {q.shape}."
            )
        wide = q.size(-2) < q.size(-1)
        if wide:
            q = q.mT
        n, k = q.size(-2), q.size(-1)
        if self.base is None:
            if self.kind != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                    "use_trivialization=False."
                )
            a, tau = rt.geqrf(q)
            a.diagonal(dim1=-2, dim2=-1).sign_()
            a.diagonal(dim1=-2, dim2=-1)[tau == 0.0] *= -1
            return a.mT if wide else a
        if n == k:
            q = q.clone() if _is_orthogonal(q) else _orthogonal_factor(q)
        else:  # complete to a square orthogonal matrix
            extra = rt.randn((*q.shape[:-1], n - k), dtype=q.dtype, device=q.device)
            q = _orthogonal_factor(rt.cat([q, extra], -1))
        self.base = q
        negative = rt.zeros_like(q)
        negative.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        if self.kind == "householder":
            negative = rt.zeros_like(q)
            negative.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
            out = negative[..., :k]
        else:
            out = rt.zeros_like(q)[..., :k]
        return out.mT if wide else out


def _householder(x: Tensor) -> Tensor:
    """Product of reflections stored below the diagonal, signs on the diagonal (of them no gradient)."""
    a = x.tril(-1)
    tau = 2.0 / (1.0 + (a * a).sum(-2))
    q = rt.linalg.householder_product(a, tau)
    return q * x.detach().diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def orthogonal(
    module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Any:
    """Keep `module.<name>` (seen as matrices over the last two dims) orthogonal.

    `orthogonal_map`: 'matrix_exp' (default for square and complex), 'cayley' or 'householder' (default else).
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: ' + orthogonal_map
        )
    part = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return parametrize.register_parametrization(module, name, part, unsafe=True)


def norm_except_dim(v: Tensor, dim: int) -> Tensor:
    """Norms of v over all dims but `dim` (-1: over all), shaped to divide v."""
    if dim == -1:
        return v.norm()
    shape = [1] * v.dim()
    shape[dim] = v.size(dim)
    return v.transpose(0, dim).reshape(v.size(dim), -1).norm(2, 1).reshape(shape)


class _WeightNorm(Module):
    """v scaled to the norms g."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """(norms, weight)."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Split `module.<name>` into magnitude (original0) and direction (original1)."""
    if not isinstance(getattr(module, name, None), Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def convert_old(
        state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing: Any, unexpected: Any, errors: Any
    ) -> None:
        g, v = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if g in state_dict and v in state_dict:
            state_dict[f"{prefix}parametrizations.{name}.original0"] = state_dict.pop(g)
            state_dict[f"{prefix}parametrizations.{name}.original1"] = state_dict.pop(v)

    module._register_load_state_dict_pre_hook(convert_old)
    return module


class _SpectralNorm(Module):
    """A weight divided by its largest singular value, found by power iteration."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        n = weight.dim()
        if dim >= n or dim < -n:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{n}, {n - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + n
        self.eps = eps
        if n > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight)
            rows, cols = matrix.shape
            kw: Any = {"dtype": matrix.dtype, "device": matrix.device}
            u, v = rt.randn(rows, **kw), rt.randn(cols, **kw)
            self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            self._power(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        if self.dim != 0:
            weight = weight.transpose(0, self.dim)
        return weight.flatten(1)

    def _power(self, matrix: Tensor, iterations: int) -> None:
        with rt.no_grad():
            for _ in range(iterations):
                self._u.copy_(F.normalize(rt.mv(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(F.normalize(rt.mv(matrix.mH, self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._power(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / rt.vdot(u, rt.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself."""
        return value


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide `module.<name>` by its largest singular value (Miyato et al. 2018)."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        from ..modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    part = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return parametrize.register_parametrization(module, name, part)
