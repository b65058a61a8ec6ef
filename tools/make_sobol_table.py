"""Writes python/rustorch/_sobol_numbers.py: primitive polynomials and initial direction numbers of Sobol's sequence.

python tools/make_sobol_table.py        (needs scipy, whose file holds the table of S. Joe and F. Y. Kuo, 2008)
"""

import base64
import pathlib
import zlib

import numpy as np
import scipy.stats

DIMENSIONS = 1111
OUT = pathlib.Path(__file__).resolve().parent.parent / "python" / "rustorch" / "_sobol_numbers.py"
HEADER = '''"""Direction numbers of Sobol's sequence: the first {n} dimensions of the table new-joe-kuo-6 of S. Joe and F. Y. Kuo
("Constructing Sobol sequences with better two-dimensional projections", SIAM J. Sci. Comput. 30, 2008; BSD licence).

Written by tools/make_sobol_table.py: `TABLE` is base85 of zlib of 16-bit little-endian numbers, for each dimension but the
first its polynomial (all coefficients as bits) and as many initial numbers as its degree.
"""

DIMENSIONS = {n}
TABLE = (
{lines}
)
'''


def main():
    with np.load(pathlib.Path(scipy.stats.__file__).parent / "_sobol_direction_numbers.npz") as f:
        poly, first = f["poly"], f["vinit"]
    numbers = []
    for d in range(1, DIMENSIONS):
        degree = int(poly[d]).bit_length() - 1
        numbers += [int(poly[d]), *map(int, first[d, :degree])]
    text = base64.b85encode(zlib.compress(np.array(numbers, "<u2").tobytes(), 9)).decode()
    lines = "\n".join(f'    "{text[i : i + 110]}"' for i in range(0, len(text), 110))
    OUT.write_text(HEADER.format(n=DIMENSIONS, lines=lines))


if __name__ == "__main__":
    main()
