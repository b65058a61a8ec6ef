"""What may be refused by one library only, for random_programs.py, and the notes that it counts."""

import collections

Rule = collections.namedtuple("Rule", "name who place texts reason")
# Refusals that may stand on one side only: who refuses, and what its message says.
RULES = (
    Rule("pytorch-lacks-kernel", "theirs", "", ("not implemented", "not yet implemented", "not supported", "not support", "unsupported",
          "linalg.vander supports", "Unsupported dtype", "only supports floating-point dtypes", "to have one of the following scalar types", "could not infer output dtype", "Only zero batch or zero channel inputs"),
         "PyTorch has no kernel for the dtype or layout; this library has"),
    Rule("pytorch-loss-of-integers", "theirs", "losses", ("can't be cast to the desired output type",), "PyTorch writes the floats of a loss of integers into a tensor of integers; ours returns floats"),
    Rule("pytorch-complex-gradient", "theirs", "gradients", ("input_is_complex == grad_is_complex",), "PyTorch's where() and the like give a real operand a complex gradient"),
    Rule("pytorch-gradient-dtypes", "theirs", "gradients", ("Found dtype", "must have the same dtype"), "PyTorch's gradient formula mixes dtypes that its forward took"),
    Rule("pytorch-scatter-prod", "theirs", "gradients", ("must match the size of tensor b",), "PyTorch's gradient of scatter_reduce prod wants an index of the size of self"),
    Rule("pytorch-saved-more", "theirs", "", ("modified by an inplace operation",), "PyTorch kept a tensor that the gradient does not need, and it was written; with copies kept, it gives our gradients"),
    Rule("pytorch-shape-of-part", "theirs", "", ("is a view and its base or another view", "is a view and is being modified inplace"), "PyTorch counts a change of shape in place as a write into one of several views"),
    Rule("pytorch-stale-leaf", "theirs", "inplace", ("a leaf Variable that requires grad is being used",), "PyTorch takes a view for a leaf when its base has just been written through another view; asked for its grad_fn first, it writes"),
    Rule("pytorch-view-again", "theirs", "", ("Tensor must have a last dimension of size 2", "Tensor must have a last dimension with stride 1"), "PyTorch makes a view_as_complex again from a base whose shape was changed in place"),
    Rule("pytorch-needs-view", "theirs", "", ("view size is not compatible",), "PyTorch wants a view of what cannot be viewed; ours copies"),
    Rule("pytorch-transform-of-many-dims", "theirs", "", ("MKL FFT error: Intel oneMKL DFTI ERROR: Invalid configuration",), "PyTorch's Fourier transforms take at most seven dims at once"),
    Rule("pytorch-empty-gradient", "theirs", "gradients", ("backward(): Expected grad_output to have non-zero size",), "PyTorch's gradient refuses the empty tensor that its forward took"),
    Rule("pytorch-invalid-gradient", "theirs", "gradients", ("returned an invalid gradient", "Tensor must have a last dimension", "invalid storage offset"), "PyTorch's own gradient has a shape or place that PyTorch refuses (after a shape changed in place, or for a view at an offset)"),
    Rule("pytorch-assert", "theirs", "", ("INTERNAL ASSERT FAILED",), "PyTorch's own assertion failed"),
    Rule("pytorch-addcdiv", "theirs", "", ("Integer division with addcdiv",), "PyTorch refuses addcdiv of two integer tensors; ours divides truly"),
    Rule("lerp-dtypes", "theirs", "", ("for `end` but got dtype", "for `weight` but got dtype"), "PyTorch's lerp does not promote; ours promotes as every other operator"),
    Rule("pytorch-lazy-conj", "theirs", "", ("unresolved conjugated tensors",), "PyTorch returns a conjugate view (from ifft, say), which view_as_real refuses"),
    Rule("product-dtypes", "theirs", "product", ("expected scalar type", "expected m1 and m2 to have the same dtype"), "PyTorch's products refuse two dtypes; ours computes einsum by multiplication where an inner size is 1"),
    Rule("loss-keeps-inputs", "ours", "gradients", ("AbsoluteErrorBackward", "SquaredErrorBackward"), "ours keeps the operands of a loss, PyTorch their difference; they were written"),
    Rule("lossy-out", "ours", "out", ("can't be cast to the desired output type",), "PyTorch's sums, means and products write complex numbers into real out= without a word; ours refuses"),
    Rule("cdist-half", "ours", "", ("cdist only supports floating-point dtypes",), "PyTorch's cdist takes 16-bit floats from 26 rows on only; ours refuses them"),
    Rule("complex-of-bfloat16", "ours", "", ("view_as_complex is only supported",), "bcomplex32 is not a dtype of this library"),
    Rule("no-grad-view-write", "ours", "", ("A view was created in no_grad mode",), "which results are views of what an operator computed inside is each library's own"),
    Rule("no-grad-view-write", "theirs", "", ("A view was created in no_grad mode",), "and PyTorch asks so of integers, when the number that is written is recorded"),
    Rule("no-grad-view-shape", "ours", "gradients", ("returned an invalid gradient",), "a change of shape in place inside no_grad(), of what is a view of an operator's inner result in PyTorch only: its history is derived again there"),
    Rule("pytorch-product-of-bools", "ours", "forms", ("\"mm\" not implemented for 'Bool'", "\"inner\" not implemented for 'Bool'"), "PyTorch multiplies and sums, bools too, where tensordot or inner sums over all of operands that are not contiguous; ours refuses bools always"),
    Rule("pytorch-product-of-bools", "ours", "product", ("\"mm\" not implemented for 'Bool'", "\"inner\" not implemented for 'Bool'"), "PyTorch multiplies and sums, bools too, where tensordot or inner sums over all of operands that are not contiguous; ours refuses bools always"),
    Rule("overlapping-write", "ours", "", ("refers to a single memory location", "refer to a single memory location", "some elements of the input tensor and the written"),
         "PyTorch looks for overlap only where a stride is 0; what it gives for other overlap depends on its order of writing"),
)  # fmt: skip
# What PyTorch says of an input without elements that other operators and shapes take; ours gives the empty result.
NO_ELEMENTS = ("(batch mode) tensor with", "Non-empty 3D data tensor", "Non-empty 4D data tensor", "Expected input to have non-zero size", "to be non-empty", "out of bounds for storage of size", "out of range for tensor of size [0]", "with size 0", "to be greater than 0, got 0")  # fmt: skip
NOTES = {
    "pytorch-crash": "PyTorch's side of the program ends the process by a signal when it runs alone (the gradient of pdist of no rows)",
    "empty": "PyTorch does not look at the dtype where there is nothing, or one number, to compute; ours refuses it as for any size",
    "pytorch-no-elements": "PyTorch's layers and index_fill_ refuse an input without elements; ours gives the empty result of the shape rule",
    "note: refusal-class": "both refuse, with classes that one `except` does not catch (there was more than one reason to refuse)",
    "note: no-grad-view": "PyTorch says requires_grad of a view that no_grad() made of a computed tensor, though no gradient passes it",
    "note: integer-gradient": "one side says requires_grad of an integer or bool tensor, which has no gradient",
}
