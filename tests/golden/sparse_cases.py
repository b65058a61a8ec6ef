"""Calls on sparse tensors that rustorch and PyTorch both run; sparse.json holds what PyTorch gives.

A result is [layout, dtype, shape, requires_grad, values of the dense form], a list of results, a text or number, or
"refused".
"""

import math
import warnings

# What the expressions may name, made anew for each of them.
NAMES = {
    "i": lambda T: T.tensor([[0, 1, 1, 3], [2, 0, 2, 1]]),
    "v": lambda T: T.tensor([3.0, -4.0, 5.0, 0.5], dtype=T.float64),
    "s": lambda T: T.sparse_coo_tensor(NAMES["i"](T), NAMES["v"](T), (4, 3)),
    "c": lambda T: NAMES["s"](T).coalesce(),
    "z": lambda T: T.sparse_coo_tensor(
        [[1, 0, 2], [2, 1, 2]], T.tensor([2.0, 7.0, -1.0], dtype=T.float64), (4, 3)
    ).coalesce(),
    "u": lambda T: T.sparse_coo_tensor([[2, 0, 2, 2]], T.tensor([1.0, 2.0, 3.0, 4.0], dtype=T.float64), (5,)),
    "h": lambda T: T.sparse_coo_tensor(
        [[1, 0, 1]], T.tensor([[1.0, 2.0], [3.0, -4.0], [5.0, 6.0]], dtype=T.float64), (3, 2)
    ),
    "csr": lambda T: NAMES["c"](T).to_sparse_csr(),
    "csr2": lambda T: NAMES["z"](T).to_sparse_csr(),
    "csc": lambda T: NAMES["c"](T).to_sparse_csc(),
    "d": lambda T: T.arange(12, dtype=T.float64).reshape(4, 3) - 5,
    "m": lambda T: T.arange(6, dtype=T.float64).reshape(3, 2) - 2.5,
    "b4": lambda T: T.tensor([[1.0, 0, 0, 0], [2, 3, 0, 0], [0, 0, 0, 4], [0, 0, 0, 0]], dtype=T.float64),
    "t3": lambda T: T.sparse_coo_tensor(
        [[0, 1, 1], [1, 0, 2], [0, 2, 2]], T.tensor([1.0, 2.0, 3.0], dtype=T.float64), (2, 3, 4)
    ),
    "x": lambda T: T.tensor([[1.0, 0, 2], [0, 0, 3]], dtype=T.float64, requires_grad=True),
    "k": lambda T: T.sparse_coo_tensor([[0, 1], [1, 0]], T.tensor([1 + 2j, 3 - 1j]), (2, 2)).coalesce(),
}

EXPRESSIONS = """
s | c | h | u | csr | csc | t3 | k
c + c | c + z | s + s | u + u | c - z | d + s | d - s | s + d | s + 1 | d + csr | csr + csr | csr + csr2 | c.add(z, alpha=3)
c * 2 | s * 2 | u * 2 | 2 * c | c * c | c * z | s * d | d * s | csr * 2 | csr * csr | h * 3 | c / 2 | s / d | c * T.tensor(3.0)
c.neg() | u.sin() | c.abs() | c.sqrt().isnan() | c.tanh() | c.sign() | c.relu() | c.expm1() | c ** 2 | u ** 2 | csr.sin() | c.exp() | u.square()
c.isnan() | c.to(T.float32) | c.double() | c.to(T.int64) | c.bool() | k.conj() | k.abs() | k.t()
c.t() | s.transpose(0, 1) | t3.transpose(0, 2) | t3.permute(2, 0, 1) | csr.t() | csc.t() | h.t() | c.unsqueeze(0) | c.unsqueeze(2)
c[1] | c[1, 2] | c[0, 0] | c[:, 1] | t3[1] | t3.select(2, 2) | h[1] | csr[1] | u[2] | c.index_select(0, T.tensor([1, 3, 1]))
c.index_select(1, T.tensor([2, 0])) | h.index_select(1, T.tensor([1])) | T.cat([c, z]) | T.cat([s, z], 1) | T.stack([c, z])
c.clone() | c.detach() | T.zeros_like(c) | T.empty_like(c) | T.ones_like(c) | c.to_dense() | u.to_dense() | csr.to_dense() | csc.to_dense()
c.to_dense(T.float32) | d.to_sparse() | d.to_sparse(1) | b4.to_sparse() | b4.to_sparse_csr() | b4.to_sparse_csc() | b4.to_sparse_bsr((2, 2))
b4.to_sparse_bsc((2, 2)) | b4.to_sparse_bsr((2, 2)).to_dense() | b4.to_sparse_bsc((1, 2)).to_dense() | b4.to_sparse_bsr((3, 2))
b4.to_sparse(layout=T.sparse_csr) | b4.to_sparse(layout=T.sparse_bsr, blocksize=(2, 2)) | csr.to_sparse() | csc.to_sparse_csr()
csr.to_sparse_csc() | csr.to_sparse_bsr((2, 1)) | T.ones(2, 3, 4).to_sparse_csr() | T.ones(2, 3, 4).to_sparse_csr().to_dense()
b4.to_sparse_bsr((2, 2)).values() | b4.to_sparse_bsc((2, 2)).ccol_indices() | b4.to_sparse_bsr((2, 2)).col_indices() | csr.crow_indices()
csr.col_indices() | csc.ccol_indices() | csc.row_indices() | csr.values() | c.values() | c.indices() | s.values() | s.indices()
u.coalesce().indices() | u.coalesce().values() | u._indices() | u._values() | h.coalesce().values() | h.coalesce().indices()
c.crow_indices() | csr.ccol_indices() | csr.indices() | d.values() | d.indices() | d.coalesce() | d.is_coalesced() | csr.is_coalesced()
c._nnz() | u._nnz() | u.coalesce()._nnz() | csr._nnz() | c.sparse_dim() | h.sparse_dim() | h.dense_dim() | d.sparse_dim() | d.dense_dim()
csr.sparse_dim() | csr.dense_dim() | c.is_coalesced() | s.is_coalesced() | c.t().is_coalesced() | (c + z).is_coalesced() | (s * 2).is_coalesced()
c.is_sparse | csr.is_sparse | csr.is_sparse_csr | c.layout == T.sparse_coo | csr.layout == T.sparse_csr | c.numel() | c.dim() | len(c)
c @ m | c @ c.t() | csr @ m | csc @ m | csr @ csr.t() | m.t() @ c.t() | s @ m[:, 0] | c.mv(m[:, 1]) | csr.mv(m[:, 1]) | T.mm(c, m) | u @ u
T.addmm(T.ones(4, 2, dtype=T.float64), c, m, beta=2, alpha=3) | T.addmm(T.ones(2, dtype=T.float64), c, m) | c @ d | T.bmm(t3, T.ones(2, 4, 2, dtype=T.float64))
T.sparse.mm(c, m) | T.sparse.mm(s, m) | T.sparse.mm(csr, m) | T.sparse.mm(c, c.t()) | T.sparse.addmm(T.ones(4, 2, dtype=T.float64), c, m, beta=0.5, alpha=2)
T.sparse.mm(csr, m, 'sum') | T.sparse.mm(csr, m, 'mean') | T.sparse.mm(csr, m, 'amax') | T.sparse.mm(csr, m, 'amin')
T.sparse.sampled_addmm(csr, d, T.ones(3, 3, dtype=T.float64)) | T.sparse.sampled_addmm(csr, d, T.ones(3, 3, dtype=T.float64), beta=0.5, alpha=2)
T.nn.functional.linear(c, m.t()) | T.nn.functional.linear(csr, m.t(), T.ones(2, dtype=T.float64)) | T.nn.functional.linear(d, z) | T.smm(c, m) | T.hspmm(c, m) | T.sspaddmm(T.sparse_coo_tensor((3, 3), dtype=T.float64), c.t(), d, alpha=2) | T.spmm(c, m) | T.dsmm(c, m)
csr.sum(0, keepdim=True) | csr.sum(1, keepdim=True) | csr.sum((0, 1), keepdim=True) | c.sum(1, keepdim=True) | T.zeros_like(c, layout=T.sparse_coo) | T.zeros_like(csr, layout=T.sparse_csr) | T.zeros_like(csr, layout=T.strided)
c.sum() | csr.sum() | c.sum(0) | c.sum(1) | c.sum((0, 1)) | h.sum(1) | h.sum(0) | T.sparse.sum(c) | T.sparse.sum(c, 0) | T.sparse.sum(h, 1)
T.sparse.sum(t3, (0, 2)) | T.sparse.sum(h, [0, 1]) | T.sparse.sum(c, 1, dtype=T.float32) | c.norm() | u.norm() | c.any() | c.mean() | c.max()
T.sparse.softmax(c, 1) | T.sparse.softmax(c, 0) | T.sparse.softmax(u, 0) | T.sparse.softmax(h, 1) | T.sparse.softmax(t3, 1) | T.sparse.log_softmax(c, 1)
T.sparse.log_softmax(h, 0) | T.sparse.softmax(c, 1, dtype=T.float32) | d.sparse_mask(c) | z.sparse_mask(c) | d.sparse_mask(csr) | s.sparse_mask(z)
c == c | c < 1 | c.exp() | c.view(3, 4) | c.reshape(3, 4) | c.expand(2, 4, 3) | c.item() | c.numpy() | c.tolist() | c.cos() | T.equal(c, c)
c.data_ptr() | c.fill_(2) | c.max() | T.nn.functional.relu(c) | T.nn.functional.softmax(c, 1) | T.where(c, c, c) | c.cumsum(0) | c.sort()
T.sparse.spdiags(T.arange(9.0).reshape(3, 3), T.tensor([0, -1, 2]), (3, 3)) | T.sparse.spdiags(T.ones(3), T.tensor([1]), (3, 5))
T.sparse_coo_tensor([[0, 1], [1, 0]], [2, 3]) | T.sparse_coo_tensor((2, 3)) | T.sparse_coo_tensor([[0, 1]], [2.0, 3.0], (4,), dtype=T.float64)
T.sparse_coo_tensor(i, T.ones(2), (4, 3)) | T.sparse_coo_tensor(i, v, (2,)) | T.sparse_coo_tensor(i, v) | T.sparse_coo_tensor([], [], (0,))
T.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0]) | T.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (2, 3)) | T.sparse_csc_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (3, 2))
T.sparse_compressed_tensor([0, 1, 2], [0, 1], [1.0, 2.0], layout=T.sparse_csr) | T.sparse_csr_tensor([0, 1, 3], [0, 1], [1.0, 2.0], check_invariants=True)
T.sparse_bsr_tensor([0, 1, 2], [0, 1], [[[1.0, 2.0]], [[3.0, 4.0]]]) | T.sparse_bsc_tensor([0, 1, 2], [0, 1], [[[1.0, 2.0]], [[3.0, 4.0]]])
T.sparse_csr_tensor([[0, 1, 2], [0, 0, 2]], [[0, 1], [0, 1]], [[1.0, 2.0], [3.0, 4.0]], (2, 2, 3)).to_dense()
c.sparse_resize_((6, 5), 2, 0) | c.sparse_resize_and_clear_((2, 2), 1, 1) | T.sparse_coo_tensor((1, 1)).resize_as_sparse_(h) | c.zero_()
T.sparse_coo_tensor((4, 3), dtype=T.float64).copy_(c) | c.add_(z) | c.mul_(2) | d.add_(c) | d.add_(s, alpha=-2) | d.sub_(c) | d.t().contiguous().t().add_(c) | c.neg_()
T.indices_copy(c) | T.values_copy(c) | T.crow_indices_copy(csr) | T.col_indices_copy(csr) | T.ccol_indices_copy(csc) | T.row_indices_copy(csc)
repr(s) | repr(c.to(T.float32)) | repr(csr) | repr(h) | repr(T.zeros_like(c)) | repr(c.requires_grad_()) | str(b4.to_sparse_bsr((2, 2)))
"""

# Gradients: the expression's sum, by what is named behind it. Every leaf is made to require a gradient.
GRADIENTS = """
(x.to_sparse().to_dense() * d[:2]).sum() : x
(x.to_sparse() * 3).to_dense().sum() : x
(x.to_sparse().sin().to_dense() * d[:2]).sum() : x
T.sparse.mm(x.to_sparse(), m).sum() : x m
(T.sparse.mm(x.to_sparse_csr(), m) ** 2).sum() : x m
(T.sparse.mm(x.to_sparse(), x.t().to_sparse()).to_dense() ** 2).sum() : x
T.sparse.addmm(d[:2, :2], x.to_sparse(), m, alpha=2, beta=3).sum() : x m d
(T.sparse.mm(c, m) ** 2).sum() : m
(T.sparse.mm(c, m) ** 2).sum() : c
(T.sparse.mm(c, m) ** 2).sum() : c m
T.sparse.sum(c) * 2 : c
(T.sparse.sum(c, 1).to_dense() * d[:, 0]).sum() : c
(T.sparse.sum(h, 1).to_dense() ** 2).sum() : h
(T.sparse.softmax(c, 1).to_dense() * d).sum() : c
(T.sparse.log_softmax(c, 1).to_dense() * d).sum() : c
(c.to_dense() ** 3).sum() : c
(c.values() ** 2).sum() : c
(s.coalesce().values() ** 2).sum() : s
(T.sparse_coo_tensor(i, v, (4, 3)).to_dense() * d).sum() : v
(T.sparse_coo_tensor([[0, 0, 1]], v[:3], (2,)).coalesce().values() ** 2).sum() : v
(T.sparse_csr_tensor([0, 1, 2, 2, 4], [2, 0, 0, 2], v, (4, 3)).to_dense() * d).sum() : v
(T.sparse_csr_tensor([0, 1, 2, 2, 4], [2, 0, 0, 2], v, (4, 3)) @ m).sum() : v m
(d.sparse_mask(c).to_dense() ** 2).sum() : d
(T.sparse.mm(csr, m, 'sum') * T.sparse.mm(csr, m, 'sum')).sum() : m
(T.sparse.mm(csr, m, 'mean') ** 2).sum() : m
(T.sparse.mm(csr, m, 'amax') ** 2).sum() : m
(T.sparse.sampled_addmm(csr, d, T.ones(3, 3, dtype=T.float64)).to_dense() * d).sum() : d
(d + c).sum() : d c
((c + z).to_dense() * d).sum() : c z
((c * z).to_dense() * d).sum() : c z
((c * d).to_dense() ** 2).sum() : d
(c.t().to_dense() * d.t()).sum() : c
(c.clone().to_dense() * d).sum() : c
(c.to_dense(masked_grad=False) * d).sum() : c
"""


def plain(value):
    """A result in the form of sparse.json."""
    if isinstance(value, (tuple, list)):
        return [plain(x) for x in value]
    if not hasattr(value, "layout"):
        return value
    t = value.detach()
    layout = str(value.layout).rpartition(".")[2]
    t = t if layout == "strided" else t.to_dense()
    if t.is_complex():
        values = [[x.real, x.imag] for x in t.reshape(-1).tolist()]
    else:
        values = [x if isinstance(x, (bool, int)) or math.isfinite(x) else str(x) for x in t.reshape(-1).tolist()]
    return [layout, str(t.dtype).rpartition(".")[2], list(t.shape), value.requires_grad, values]


def expressions():
    return [e.strip() for line in EXPRESSIONS.strip().splitlines() for e in line.split(" | ")]


def gradients():
    return GRADIENTS.strip().splitlines()


def scope(lib, text):
    return {"T": lib, **{name: make(lib) for name, make in NAMES.items() if name in text}}


def run(lib, text):
    """The result of one line: an expression, or an expression and its leaves."""
    warnings.filterwarnings("ignore", message=".*[Ss]parse .*beta.*")
    body, _, leaves = text.partition(" : ")
    try:
        names = scope(lib, text)
        if not leaves:
            return plain(eval(body, names))
        for leaf in leaves.split():
            names[leaf] = names[leaf].detach().requires_grad_()
        grads = lib.autograd.grad(eval(body, names), [names[leaf] for leaf in leaves.split()])
        return [plain(g)[1:] for g in grads]
    except (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError):
        return "refused"
