"""Multi-head attention on (L, N, E) tensors, as `nn.MultiheadAttention` calls it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .._ops import op

_linear = op("linear")
_softmax = op("softmax")
_pad = op("pad")
_dropout = op("dropout")
scaled_dot_product_attention = op("scaled_dot_product_attention")


def canonical_mask(
    mask: Tensor | None,
    mask_name: str,
    other_type: Any,
    other_name: str,
    target_type: Any,
    check_other: bool = True,
) -> Tensor | None:
    """A mask as floating point numbers to add: True becomes -inf."""
    if mask is None:
        return None
    if mask.dtype is not rt.bool and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {mask_name} are supported")
    if check_other and other_type is not None and mask.dtype != other_type:
        warnings.warn(
            f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if not mask.is_floating_point():
        return rt.zeros_like(mask, dtype=target_type).masked_fill_(mask, float("-inf"))
    return mask


def _mha_shapes(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    heads: int,
) -> bool:
    dims = query.dim()
    if dims not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query tensor")
    if key.dim() != dims or value.dim() != dims:
        raise AssertionError(
            f"For {'batched (3-D)' if dims == 3 else 'unbatched (2-D)'} `query`, expected `key` "
            f"and `value` to be {dims}-D but found {key.dim()}-D and {value.dim()}-D tensors "
            "respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != dims - 1:
        raise AssertionError(
            f"expected `key_padding_mask` to be `None` or {dims - 1}-D but found "
            f"{key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(
                f"expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor instead"
            )
        if dims == 2 and attn_mask.dim() == 3:
            want = (heads, query.shape[0], key.shape[0])
            if tuple(attn_mask.shape) != want:
                raise AssertionError(f"Expected `attn_mask` shape to be {want} but got {tuple(attn_mask.shape)}")
    return dims == 3


def _project_one(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """linear of (L, N, E) without a copy of x where its memory is (N, L, E), as with `batch_first`."""
    if x.stride(0) < x.stride(1):
        return _linear(x.transpose(0, 1), weight, bias).transpose(0, 1)
    return _linear(x, weight, bias)


def _project(q: Tensor, k: Tensor, v: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """The three projections by one packed (3E, E) weight, in as few products as possible."""
    embed = q.size(-1)
    if k is v:
        if q is k:
            return tuple(_project_one(q, weight, bias).chunk(3, -1))  # type: ignore[return-value]
        w_q, w_kv = weight.split([embed, 2 * embed])
        b_q, b_kv = (None, None) if bias is None else bias.split([embed, 2 * embed])
        pk, pv = _project_one(k, w_kv, b_kv).chunk(2, -1)
        return _project_one(q, w_q, b_q), pk, pv
    w_q, w_k, w_v = weight.chunk(3)
    b_q, b_k, b_v = (None, None, None) if bias is None else bias.chunk(3)
    return _project_one(q, w_q, b_q), _project_one(k, w_k, b_k), _project_one(v, w_v, b_v)


def _check_attn_mask(attn_mask: Tensor, heads: int, tgt: int, src: int, bsz: int) -> Tensor:
    if attn_mask.dim() == 2:
        if tuple(attn_mask.shape) != (tgt, src):
            raise RuntimeError(f"The shape of the 2D attn_mask is {attn_mask.shape}, but should be {(tgt, src)}.")
        return attn_mask.unsqueeze(0)
    if tuple(attn_mask.shape) != (bsz * heads, tgt, src):
        raise RuntimeError(
            f"The shape of the 3D attn_mask is {attn_mask.shape}, but should be {(bsz * heads, tgt, src)}."
        )
    return attn_mask


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """(output, weights): output (L, N, E) or (L, E), weights (N, L, S), or (N, heads, L, S)
    without `average_attn_weights`, or None without `need_weights`."""
    batched = _mha_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = _as_batch(query, key, value)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    tgt_len, bsz, embed_dim = query.shape
    src_len = key.shape[0]
    key_padding_mask = canonical_mask(
        key_padding_mask,
        "key_padding_mask",
        None if attn_mask is None else attn_mask.dtype,
        "attn_mask",
        query.dtype,
    )
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None  # the attention kernel applies the causal mask itself
    else:
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
        if key_padding_mask is not None:
            is_causal = False
    if embed_dim != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed_dim}")
    head_dim = embed_dim // num_heads
    if head_dim * num_heads != embed_dim:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        q, k, v = _project_apart(query, key, value, (q_proj_weight, k_proj_weight, v_proj_weight), in_proj_bias)
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias)
    if attn_mask is not None:
        attn_mask = _check_attn_mask(attn_mask, num_heads, tgt_len, src_len, bsz)
    if (bias_k is None) != (bias_v is None):
        raise AssertionError("bias_k and bias_v must both be set or both be None")
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or value.")
        k = rt.cat([k, bias_k.repeat(1, bsz, 1)])
        v = rt.cat([v, bias_v.repeat(1, bsz, 1)])
        attn_mask = None if attn_mask is None else _pad(attn_mask, (0, 1))
        key_padding_mask = None if key_padding_mask is None else _pad(key_padding_mask, (0, 1))
    q = _heads(q, num_heads)
    k = _heads(k, num_heads) if static_k is None else _static(static_k, "static_k", bsz, num_heads, head_dim)
    v = _heads(v, num_heads) if static_v is None else _static(static_v, "static_v", bsz, num_heads, head_dim)
    if add_zero_attn:
        zero = rt.zeros((bsz, num_heads, 1, head_dim), dtype=k.dtype, device=k.device)
        k, v = rt.cat([k, zero], 2), rt.cat([v, zero], 2)
        attn_mask = None if attn_mask is None else _pad(attn_mask, (0, 1))
        key_padding_mask = None if key_padding_mask is None else _pad(key_padding_mask, (0, 1))
    src_len = k.size(2)
    if key_padding_mask is not None:
        attn_mask = _with_padding(attn_mask, key_padding_mask, bsz, num_heads, src_len)
    if not training:
        dropout_p = 0.0
    if need_weights:
        if is_causal and attn_mask is None:
            raise AssertionError("is_causal without a mask needs need_weights=False")
        out, weights = _attend_with_weights(q, k, v, attn_mask, dropout_p)
        out = _linear(out, out_proj_weight, out_proj_bias).reshape(tgt_len, bsz, -1)
        if average_attn_weights:
            weights = weights.mean(1)
        if not batched:
            return out.squeeze(1), weights.squeeze(0)
        return out, weights
    if attn_mask is not None:
        if attn_mask.size(0) == 1 and attn_mask.dim() == 3:
            attn_mask = attn_mask.unsqueeze(0)
        else:
            attn_mask = attn_mask.reshape(bsz, num_heads, -1, src_len)
    out = scaled_dot_product_attention(q, k, v, attn_mask=attn_mask, dropout_p=dropout_p, is_causal=is_causal)
    if query.stride(0) < query.stride(1):  # the memory of a batch-first query: so is the result's
        out = out.transpose(1, 2).reshape(bsz, tgt_len, embed_dim)
        out = _linear(out, out_proj_weight, out_proj_bias).transpose(0, 1)
    else:
        out = out.permute(2, 0, 1, 3).reshape(tgt_len, bsz, embed_dim)
        out = _linear(out, out_proj_weight, out_proj_bias)
    return (out if batched else out.squeeze(1)), None


def _as_batch(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(L, E) as (L, 1, E); one tensor given twice stays one."""
    if query is key and key is value:
        query = key = value = query.unsqueeze(1)
        return query, key, value
    if key is value:
        key = value = key.unsqueeze(1)
        return query.unsqueeze(1), key, value
    return query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)


def _project_apart(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weights: tuple[Tensor | None, Tensor | None, Tensor | None],
    bias: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The projections by weights of their own."""
    if key.shape[:2] != value.shape[:2]:
        raise AssertionError(f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}")
    w_q, w_k, w_v = weights
    if w_q is None or w_k is None or w_v is None:
        raise AssertionError("use_separate_proj_weight is True but a projection is None")
    b_q, b_k, b_v = (None, None, None) if bias is None else bias.chunk(3)
    return _project_one(query, w_q, b_q), _project_one(key, w_k, b_k), _project_one(value, w_v, b_v)


def _with_padding(mask: Tensor | None, padding: Tensor, bsz: int, heads: int, src_len: int) -> Tensor:
    """The mask of attention (additive, or none) and that of padded keys (N, S) as one (N * heads, 1 or L, S)."""
    if tuple(padding.shape) != (bsz, src_len):
        raise AssertionError(f"expecting key_padding_mask shape of {(bsz, src_len)}, but got {tuple(padding.shape)}")
    wide = padding.reshape(bsz, 1, 1, src_len).expand(-1, heads, -1, -1).reshape(bsz * heads, 1, src_len)
    return wide if mask is None else mask + wide


def _attend_with_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float
) -> tuple[Tensor, Tensor]:
    """Attention step by step: the values (L * N, E) and the weights (N, heads, L, S)."""
    bsz, heads, tgt_len, head_dim = q.shape
    q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
    scores = (q * math.sqrt(1.0 / head_dim)).bmm(k.transpose(-2, -1))
    if mask is not None:
        scores = scores + mask
    weights = _softmax(scores, -1)
    if dropout_p > 0.0:
        weights = _dropout(weights, dropout_p, True)
    out = weights.bmm(v).transpose(0, 1).reshape(tgt_len * bsz, heads * head_dim)
    return out, weights.reshape(bsz, heads, tgt_len, k.size(1))


def _heads(x: Tensor, heads: int) -> Tensor:
    """(L, N, E) as a view (N, heads, L, E / heads)."""
    return x.unflatten(2, (heads, -1)).permute(1, 2, 0, 3)


def _static(x: Tensor, name: str, batch: int, heads: int, head_dim: int) -> Tensor:
    rows = batch * heads
    if x.size(0) != rows or x.size(2) != head_dim:
        raise AssertionError(f"expecting {name} of sizes ({rows}, *, {head_dim}), but got {tuple(x.shape)}")
    return x.unflatten(0, (batch, heads))
