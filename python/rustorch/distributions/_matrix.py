"""Linear algebra on batches of Cholesky factors, shared by the distributions of vectors and matrices."""

import rustorch as rt


def mahalanobis(factor, x):
    """|L^-1 x|^2 for a batch of lower factors (B, n, n) and vectors (..., B', n), B' broadcast with B.

    Leading dimensions of x that the factors lack become columns of one solve, so that no factor is repeated.
    """
    n, extra = x.shape[-1], max(x.dim() - factor.dim() + 1, 0)
    lead, batch = x.shape[:extra], x.shape[extra:-1]
    columns = x.reshape((-1,) + batch + (n,)).permute(*range(1, len(batch) + 2), 0)
    solved = rt.linalg.solve_triangular(factor, columns, upper=False).square().sum(-2)
    return solved.permute(-1, *range(solved.dim() - 1)).reshape(lead + solved.shape[:-1])


def half_log_det(factor):
    """log det L of lower factors."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def precision_to_factor(precision):
    """The lower factor of the inverse of a positive-definite matrix."""
    reverse = rt.linalg.cholesky(precision.flip((-2, -1)))
    upper = reverse.flip((-2, -1)).mT
    eye = rt.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return rt.linalg.solve_triangular(upper, eye, upper=False)


def check_one_matrix(covariance_matrix, precision_matrix, scale_tril):
    """Raises ValueError unless exactly one is given; returns its name and value, checked to be matrices."""
    given = {
        "covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) != 1:
        raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    ((name, value),) = given.items()
    if value.dim() < 2:
        raise ValueError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
    return name, value


def factor_of(name, value):
    """The lower factor of the covariance, which is given in one of three forms."""
    if name == "scale_tril":
        return value
    return rt.linalg.cholesky(value) if name == "covariance_matrix" else precision_to_factor(value)


def low_rank_capacitance(factor, diagonal):
    """The lower factor of I + W^T D^-1 W."""
    m = factor.shape[-1]
    eye = rt.eye(m, dtype=factor.dtype, device=factor.device)
    return rt.linalg.cholesky(eye + factor.mT @ (factor / diagonal.unsqueeze(-1)))


def low_rank_log_det(diagonal, capacitance):
    """log det(W W^T + D), by the matrix determinant lemma."""
    return 2 * half_log_det(capacitance) + diagonal.log().sum(-1)


def low_rank_mahalanobis(factor, diagonal, x, capacitance):
    """x^T (W W^T + D)^-1 x, by the Woodbury identity."""
    scaled = x / diagonal
    inside = (factor.mT @ scaled.unsqueeze(-1)).squeeze(-1)
    return (x * scaled).sum(-1) - mahalanobis(capacitance, inside)
