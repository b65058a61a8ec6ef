"""More steps of random programs (random_programs.py): losses, special functions, windows of images, rarer forms of calls."""

import program_steps as steps
from program_steps import dim_of, forward_indices, is_half, is_int, is_real, mask_like, small


def special(lib, t, r):
    """Special functions of one or two real arguments, where they are smooth."""
    S = lib.special
    x = small(lib, t)
    y = lib.sigmoid(x) + 0.5  # PyTorch's Bessel functions of the second kind lose digits from 2 on
    order = r.randrange(5)
    return r.choice((
        lambda: S.bessel_j0(x), lambda: S.bessel_j1(x), lambda: S.bessel_y0(y), lambda: S.bessel_y1(y), lambda: S.airy_ai(x), lambda: S.modified_bessel_i0(x),
        lambda: S.modified_bessel_i1(x), lambda: S.modified_bessel_k0(y), lambda: S.modified_bessel_k1(y), lambda: S.scaled_modified_bessel_k0(y),
        lambda: S.scaled_modified_bessel_k1(y), lambda: S.spherical_bessel_j0(x), lambda: S.ndtri(lib.sigmoid(x)), lambda: lib.igamma(y.detach() + 0.5, y),
        lambda: lib.igammac(y.detach() + 0.5, y), lambda: S.chebyshev_polynomial_t(x.detach(), order), lambda: S.chebyshev_polynomial_u(x.detach(), order),
        lambda: S.hermite_polynomial_h(x.detach(), order), lambda: S.hermite_polynomial_he(x.detach(), order), lambda: S.laguerre_polynomial_l(x.detach(), order),
        lambda: S.legendre_polynomial_p(lib.tanh(x).detach(), order), lambda: S.shifted_chebyshev_polynomial_t(lib.sigmoid(x).detach(), order), lambda: S.expit(x),
        lambda: S.gammaln(y + 1), lambda: S.psi(y + 1), lambda: S.exp2(x), lambda: S.log1p(y), lambda: S.xlogy(x, y), lambda: S.logit(lib.sigmoid(x), eps=0.1),
        lambda: S.softmax(x, dim_of(t, r)), lambda: S.multigammaln(y + 3, 1).contiguous(), lambda: S.sinc(x), lambda: S.round(x, decimals=2).detach(),
    ))()  # fmt: skip


def losses(lib, t, r):
    """Losses of an input and a target made of it."""
    F = lib.nn.functional
    x = small(lib, t)
    other = lib.sigmoid(x.detach().flip(0) if x.dim() else x.detach())
    sign = mask_like(lib, tuple(x.shape), r).to(x.dtype) * 2 - 1
    how = r.choice(("mean", "sum", "none"))
    rows = x.reshape(1, -1)[:, :6] if x.dim() < 2 else x.flatten(1)
    n, c = rows.shape
    classes = forward_indices(lib, max(1, c), r, n)
    if not c:
        return x * 1
    many = mask_like(lib, tuple(rows.shape), r).to(rows.dtype)
    return r.choice((
        lambda: F.binary_cross_entropy(lib.sigmoid(x) * 0.98 + 0.01, other, reduction=how), lambda: F.poisson_nll_loss(x, other, reduction=how), lambda: F.soft_margin_loss(x, sign, reduction=how),
        lambda: F.hinge_embedding_loss(x, sign, reduction=how), lambda: F.margin_ranking_loss(x, other, sign, 0.25, reduction=how), lambda: F.gaussian_nll_loss(x, other, x.abs() + 0.5, reduction=how),
        lambda: F.nll_loss(F.log_softmax(rows, 1), classes, reduction=how), lambda: F.cross_entropy(rows, classes, reduction=how, label_smoothing=0.1), lambda: F.cross_entropy(rows, lib.softmax(rows.detach(), 1), reduction=how),
        lambda: F.multi_margin_loss(rows, classes, reduction=how), lambda: F.multilabel_soft_margin_loss(rows, many, reduction=how), lambda: F.cosine_embedding_loss(rows + 0.1, rows.detach().abs() + 0.2, sign.reshape(-1)[:n] if sign.numel() >= n else sign.reshape(-1), reduction=how),
        lambda: F.triplet_margin_loss(rows, rows.detach() + 0.5, rows.detach() * 2 - 1, reduction=how), lambda: F.smooth_l1_loss(x, other, beta=0.5, reduction=how), lambda: F.huber_loss(x, other, delta=0.7, reduction=how),
        lambda: F.kl_div(F.log_softmax(rows, 1), F.log_softmax(rows.detach() * 2, 1), log_target=True, reduction=how), lambda: F.l1_loss(x, other, reduction=how), lambda: F.binary_cross_entropy_with_logits(x, other, pos_weight=other + 1, reduction=how),
        lambda: F.cross_entropy(rows, classes, weight=rows.detach()[0].abs() + 0.5, reduction=how), lambda: F.nll_loss(F.log_softmax(rows, 1), classes, ignore_index=0, reduction=how), lambda: F.pdist(rows + 0.01 * lib.arange(n).to(rows.dtype)[:, None] ** 2),
    ))()  # fmt: skip


def images(lib, t, r):
    """Windows, samples and sums of images; options that the plain layers leave out."""
    F = lib.nn.functional
    x = small(lib, t)
    x = x.float() if is_half(x) else x
    while x.dim() < 4:
        x = x.unsqueeze(0)
    x = x.flatten(0, x.dim() - 4) if x.dim() > 4 else x
    n, c, h, w = x.shape
    if not x.numel():
        return x * 2
    ones = lambda *shape: (lib.arange(float(steps.np.prod(shape)), dtype=lib.float64).reshape(shape) * 0.1 - 0.2).to(
        x.dtype
    )
    grid = lib.tanh(ones(n, 2, 3, 2) * 3)
    align = r.random() < 0.5
    return r.choice((
        lambda: F.conv2d(x, ones(2, c, 2, 2), ones(2), padding=2, dilation=2), lambda: F.conv2d(x, ones(2, c, 1, 1), stride=(1, 2)), lambda: F.conv2d(x, ones(2 * c, 1, 2, 2), padding=1, groups=c),
        lambda: F.conv2d(x, ones(2, c, 3, 2), padding="same"), lambda: F.conv_transpose2d(x, ones(c, 2, 2, 2), stride=2, output_padding=1), lambda: F.conv_transpose2d(x, ones(c, 1, 3, 3), padding=1, dilation=2, groups=c),
        lambda: F.conv1d(x.flatten(1, 2), ones(3, c * h, 2), padding=1), lambda: F.conv_transpose1d(x.flatten(1, 2), ones(c * h, 2, 3), stride=2), lambda: F.conv3d(x[None], ones(2, n, 1, 1, 1)),
        lambda: F.grid_sample(x, grid, align_corners=align, mode=r.choice(("bilinear", "nearest", "bicubic")), padding_mode=r.choice(("zeros", "border", "reflection"))), lambda: F.interpolate(x, size=(3, 5), mode="bilinear", align_corners=align),
        lambda: F.interpolate(x, size=(2, 5), mode="bicubic", align_corners=align), lambda: F.interpolate(x, size=(2, 3), mode="area"), lambda: F.interpolate(x, scale_factor=1.7, mode="nearest-exact"), lambda: F.interpolate(x[None], size=(2, 3, 3), mode="trilinear", align_corners=align),
        lambda: F.interpolate(x, size=(3, 2), mode="bilinear", antialias=True), lambda: F.avg_pool2d(x, 2, padding=1, count_include_pad=align, ceil_mode=True), lambda: F.avg_pool2d(x, (1, 1), divisor_override=3), lambda: F.max_pool2d(x, 2, padding=1, dilation=1, ceil_mode=align),
        lambda: F.max_unpool2d(*F.max_pool2d(x, (1, 1), return_indices=True), (1, 1)), lambda: F.lp_pool2d(x.abs() + 0.1, 2, 1), lambda: F.fold(F.unfold(x, (1, 1)), (h, w), (1, 1)), lambda: F.unfold(x, 2, padding=1, dilation=1, stride=2),
        lambda: F.adaptive_avg_pool3d(x[None], (1, 2, 2)), lambda: F.adaptive_max_pool3d(x[None], 1), lambda: F.batch_norm(x, x.detach().mean((0, 2, 3)), x.detach().var((0, 2, 3), correction=0) + 0.5, ones(c), ones(c)), lambda: F.instance_norm(x, weight=ones(c), bias=ones(c)) if h * w > 1 else x * 1,
        lambda: F.group_norm(x, c, ones(c), ones(c)) if n * h * w > 1 else x * 1, lambda: F.layer_norm(x, (h, w), ones(h, w), ones(h, w)), lambda: F.pad(x, (1, 0, 0, 1), mode="reflect") if h > 1 and w > 1 else x * 1, lambda: F.pad(x, (1, -1, 2, 0), value=0.5), lambda: F.affine_grid(lib.tanh(ones(n, 2, 3)), (n, c, 2, 2), align_corners=align),
        lambda: F.scaled_dot_product_attention(x, x * 2, x + 1, is_causal=align), lambda: F.scaled_dot_product_attention(x, x, x, attn_mask=mask_like(lib, (h, h), r) | lib.eye(h).bool(), scale=0.5), lambda: F.rms_norm(x, (w,), ones(w), 0.1), lambda: F.dropout2d(x, 0.0), lambda: F.embedding_bag(forward_indices(lib, h, r, 4), x[0, 0], lib.tensor([0, 2]), mode=r.choice(("sum", "mean", "max"))),
    ))().contiguous()  # fmt: skip


def forms(lib, t, r):
    """Rarer forms of calls that move, reduce and combine."""
    d = dim_of(t, r)
    size = t.shape[d] if t.dim() else 1
    x = small(lib, t)
    two = t if t.dim() > 1 else t.reshape(1, -1)
    choices = [lambda: lib.narrow_copy(t, d, 0, min(1, size)) if t.dim() else t * 1, lambda: lib.var_mean(x, d, correction=0)[r.randrange(2)], lambda: t.sum_to_size(t.shape), lambda: t[:1].sum_to_size(t[:1].shape) if t.dim() else t.sum_to_size(()),
               lambda: lib.trapz(t, dim=d), lambda: lib.broadcast_tensors(t, t[:1] if t.dim() else t)[1] * 1, lambda: lib.unbind(t, d)[-1] if t.dim() and size else t * 1, lambda: lib.unravel_index(forward_indices(lib, 6, r), (2, 3))[1] + t.reshape(-1)[:1].detach() * 0,
               lambda: lib.tensordot(two, two, dims=([0], [0])), lambda: lib.einsum("ij,ij->i", two.flatten(1), two.flatten(1)), lambda: lib.einsum("ij,kj->ik", two.flatten(1), two.flatten(1)), lambda: lib.einsum("ij->ji", two.flatten(1)).contiguous(), lambda: lib.einsum("i,j->ij", t.reshape(-1)[:4], t.reshape(-1)[:3]),
               lambda: lib.cumsum(t.flip(0), 0) if t.dim() else t.cumsum(0), lambda: lib.logcumsumexp(x, d), lambda: t.unfold(0, 1, 1).sum(-1) if t.dim() else t * 1, lambda: lib.masked_select(t, mask_like(lib, tuple(t.shape), r)), lambda: t.where(mask_like(lib, tuple(t.shape), r), 0),
               lambda: lib.segment_reduce(x.reshape(-1), "sum", lengths=lib.tensor([x.numel()])), lambda: lib.block_diag(two.flatten(1), two.flatten(1)), lambda: lib.cdist(two.flatten(1), two.flatten(1) + 1, p=3.0), lambda: lib.linalg.vector_norm(t + 0.1, -1, d), lambda: lib.linalg.matrix_norm(two + 0.1),
               lambda: lib.linalg.multi_dot([two.flatten(1).t(), two.flatten(1)]), lambda: lib.nn.functional.one_hot(forward_indices(lib, 4, r), 4) * t.reshape(-1)[:1], lambda: t.scatter_reduce(d, lib.zeros_like(t, dtype=lib.int64), t * 2, "sum", include_self=False), lambda: t.index_put((forward_indices(lib, size, r),), t[:1].clone(), accumulate=True) if d in (0, -t.dim()) and t.dim() and size else t * 1,
               lambda: lib.std(t, d, correction=0.5) if size > 1 else t * 1, lambda: lib.aminmax(t.detach())[0], lambda: lib.tril_indices(3, 3) * t.reshape(-1)[:1], lambda: t.view_as(t).clone(memory_format=lib.preserve_format), lambda: lib.concatenate([t, t], d) if t.dim() else t * 1, lambda: lib.fft.fft(lib.nan_to_num(x), n=5, dim=d, norm="forward"),
               lambda: lib.fft.irfft2(lib.fft.rfft2(lib.nan_to_num(small(lib, two))), s=(2, 3)), lambda: lib.cross(small(lib, two).flatten(1)[:, :3], small(lib, two).flatten(1)[:, :3] + 1, dim=1) if two.flatten(1).shape[1] >= 3 else t * 1, lambda: lib.linalg.vecdot(two, two + 1), lambda: t.ravel().unfold(0, min(2, t.numel()), 1).contiguous() if t.numel() else t * 1, lambda: lib.addbmm(lib.zeros(1, 1, dtype=t.dtype), two.flatten(1)[None], two.flatten(1).t()[None])]  # fmt: skip
    if is_real(t):
        choices += [lambda: lib.clamp_min(t, 0), lambda: lib.clamp_max(t, 0.5), lambda: lib.corrcoef(two.flatten(1).detach() + lib.arange(two.flatten(1).shape[1]).to(t.dtype) ** 2), lambda: lib.special.logsumexp(x, d), lambda: lib.histogram(lib.nan_to_num(x.detach()).to(lib.float64), 4, range=(-2.0, 2.0))[0],
                    lambda: lib.cummax(t.detach(), d)[r.randrange(2)], lambda: lib.searchsorted(lib.arange(4).to(t.dtype), lib.nan_to_num(t.detach()), right=True), lambda: t.index_reduce(d, lib.zeros(size, dtype=lib.int64), t * 2, r.choice(("amax", "amin", "mean"))) if t.dim() and size else t * 1,
                    lambda: lib.nn.functional.hardtanh(t, -0.5, 0.7), lambda: lib.nn.functional.rrelu(x, 0.2, 0.2), lambda: lib.nn.functional.softshrink(t, 0.3), lambda: lib.nn.functional.celu(t, 0.7), lambda: lib.nn.functional.gumbel_softmax(t, dim=d).detach() * 0, lambda: lib.nn.functional.threshold(t, 0, 2),
                    lambda: lib.argsort(t.detach(), d, descending=True, stable=True), lambda: lib.quantile(lib.nan_to_num(t.detach()).to(lib.float64), lib.tensor([0.25, 0.5], dtype=lib.float64), d), lambda: t.put(forward_indices(lib, max(1, t.numel()), r, 1), t.reshape(-1)[:1]) if t.numel() else t * 1]  # fmt: skip
    if is_int(t):
        choices += [lambda: t | 3, lambda: lib.bitwise_right_shift(t, 1), lambda: t.__rand__(5), lambda: t.__rxor__(2), lambda: lib.bitwise_or(t, t << 1) if str(t.dtype)[-4:] != "bool" else ~t, lambda: t.byte(), lambda: t.short(), lambda: t.char(), lambda: t.float() / 3, lambda: t.half() * 2, lambda: t.double().sqrt()]  # fmt: skip
    return r.choice(choices)()


FURTHER = {"special": special, "losses": losses, "images": images, "forms": forms}
