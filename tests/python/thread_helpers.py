"""Running something on several numbers of threads: results must have the same bits on all of them."""

import rustorch as rt


def on_threads(run, counts=(1, 2, 3)):
    """What run() returns on each number of threads."""
    before = rt.get_num_threads()
    results = []
    try:
        for count in counts:
            rt.set_num_threads(count)
            results.append(run())
    finally:
        rt.set_num_threads(before)
    return results


def same_bits(one, other):
    """Whether two tensors, numbers, or lists of them are equal; nan is not."""
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same_bits(a, b) for a, b in zip(one, other))
    return rt.equal(one, other) if isinstance(one, rt.Tensor) else one == other


def equal_on_threads(run, counts=(1, 2, 3)):
    """What run() returns, which must be the same on each number of threads."""
    first, *others = on_threads(run, counts)
    for count, other in zip(counts[1:], others):
        assert same_bits(first, other), f"{count} threads differ from {counts[0]}"
    return first
