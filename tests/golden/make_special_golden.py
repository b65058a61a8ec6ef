"""Writes tests/golden/special.json (samples of the special functions with mpmath's values) and, with --table BUILD,
docs/special_accuracy.md from what rustorch gives for them.

    python3 tests/golden/make_special_golden.py                    (needs mpmath and numpy, about a minute)
    PYTHONPATH=build/release/python python3 tests/golden/make_special_golden.py --table

Arguments are float32 numbers, so that one reference serves both dtypes; references are text of 25 digits.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = 60


def references():
    import mpmath as mp

    mp.mp.dps = 40

    def polynomial(first, step):
        def f(x, n):
            a, b = mp.mpf(1), first(x)
            if n == 0:
                return a
            for k in range(1, int(n)):
                a, b = b, step(mp.mpf(k), x, b, a)
            return b

        return f

    def chebyshev(first, shift=False):
        f = polynomial(first, lambda k, x, b, a: 2 * x * b - a)
        return (lambda x, n: f(2 * x - 1, n)) if shift else f

    def incomplete(upper):
        def f(a, x):
            with mp.workdps(200):  # 1 - p keeps 25 digits down to 1e-170
                p = mp.mpf(1)
                term, n = mp.mpf(1), 0
                while term > p * mp.mpf(10) ** -195:
                    n += 1
                    term *= x / (a + n)
                    p += term
                p *= mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))
                return 1 - p if upper else p

        return f

    def zeta(s, q):
        with mp.workdps(80):
            return mp.zeta(s, q)

    ndtr = lambda x: mp.erfc(-x / mp.sqrt(2)) / 2
    first = {"t": lambda x: x, "u": lambda x: 2 * x, "v": lambda x: 2 * x - 1, "w": lambda x: 2 * x + 1}
    rows = {
        # name: (reference, ranges of the arguments, "envelope" where zeros make an absolute bound the right one)
        "gammaln": (mp.loggamma, ["log 1e-10 1e10"]),
        "digamma": (mp.digamma, ["log 1e-10 1e10"]),
        "polygamma_1": (lambda x: mp.psi(1, x), ["log 1e-8 1e8"]),
        "polygamma_4": (lambda x: mp.psi(4, x), ["log 1e-3 100"]),
        "zeta": (zeta, ["1.001 40", "log 1e-2 100"]),
        "gammainc": (incomplete(False), ["log 1e-3 200", "log 1e-2 250"]),
        "gammaincc": (incomplete(True), ["log 1e-3 200", "log 1e-2 250"]),
        "erf": (mp.erf, ["-5 5"]),
        "erfc": (mp.erfc, ["-5 9"]),
        "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), ["-9 100"]),
        "erfinv": (mp.erfinv, ["-0.9999 0.9999"]),
        "ndtr": (ndtr, ["-12 8"]),
        "ndtri": (
            lambda p: (
                -mp.sqrt(2) * mp.erfinv(1 - 2 * p)
                if p > 1e-3
                else mp.findroot(lambda x: mp.log(ndtr(x)) - mp.log(p), -mp.sqrt(-2 * mp.log(p)))
            ),
            ["log 1e-30 0.99"],
        ),
        "log_ndtr": (lambda x: mp.log(ndtr(x)) if x < 3 else mp.log1p(-ndtr(-x)), ["-100 12"]),
        "i0": (lambda x: mp.besseli(0, x), ["-80 80"]),
        "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), ["-500 500"]),
        "i1": (lambda x: mp.besseli(1, x), ["-80 80"]),
        "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), ["-500 500"]),
        "modified_bessel_k0": (lambda x: mp.besselk(0, x), ["log 1e-6 80"]),
        "modified_bessel_k1": (lambda x: mp.besselk(1, x), ["log 1e-6 80"]),
        "scaled_modified_bessel_k0": (lambda x: mp.besselk(0, x) * mp.exp(x), ["log 1e-6 500"]),
        "scaled_modified_bessel_k1": (lambda x: mp.besselk(1, x) * mp.exp(x), ["log 1e-6 500"]),
        "spherical_bessel_j0": (lambda x: mp.sin(x) / x, ["-100 100"]),
        "airy_ai": (mp.airyai, ["-2 20"]),
        "bessel_j0": (lambda x: mp.besselj(0, x), ["-100 100"], "envelope"),
        "bessel_j1": (lambda x: mp.besselj(1, x), ["-100 100"], "envelope"),
        "bessel_y0": (lambda x: mp.bessely(0, x), ["log 1e-3 100"], "envelope"),
        "bessel_y1": (lambda x: mp.bessely(1, x), ["log 1e-3 100"], "envelope"),
        "hermite_polynomial_h": (polynomial(first["u"], lambda k, x, b, a: 2 * x * b - 2 * k * a), ["-5 5", "degree"]),
        "hermite_polynomial_he": (polynomial(first["t"], lambda k, x, b, a: x * b - k * a), ["-5 5", "degree"]),
        "laguerre_polynomial_l": (
            polynomial(lambda x: 1 - x, lambda k, x, b, a: ((2 * k + 1 - x) * b - k * a) / (k + 1)),
            ["-5 20", "degree"],
        ),
        "legendre_polynomial_p": (
            polynomial(first["t"], lambda k, x, b, a: ((2 * k + 1) * x * b - k * a) / (k + 1)),
            ["-1.5 1.5", "degree"],
        ),
    }
    for kind, start in first.items():
        rows[f"chebyshev_polynomial_{kind}"] = (chebyshev(start), ["-1.5 1.5", "degree"])
        rows[f"shifted_chebyshev_polynomial_{kind}"] = (chebyshev(start, True), ["-0.5 1.5", "degree"])
    # appended: a row's numbers are drawn by its place
    rows.update(
        {
            "expit": (lambda x: 1 / (1 + mp.exp(-x)), ["-80 80"]),
            "logit": (lambda x: mp.log(x / (1 - x)), ["log 1e-30 0.4"]),
            "log1p": (mp.log1p, ["-0.99 100"]),
            "expm1": (mp.expm1, ["-40 80"]),
            "exp2": (lambda x: mp.mpf(2) ** x, ["-120 120"]),
            "sinc": (lambda x: mp.sin(mp.pi * x) / (mp.pi * x), ["-100 100"]),
            "entr": (lambda x: -x * mp.log(x), ["log 1e-20 100"]),
            "xlogy": (lambda x, y: x * mp.log(y), ["-10 10", "log 1e-20 1e20"]),
            "xlog1py": (lambda x, y: x * mp.log1p(y), ["-10 10", "-0.99 100"]),
            "modified_bessel_i0": (lambda x: mp.besseli(0, x), ["-80 80"]),
            "modified_bessel_i1": (lambda x: mp.besseli(1, x), ["-80 80"]),
        }
    )
    return rows


def draw(rng, spec):
    import numpy as np

    if spec == "degree":
        return np.floor(rng.uniform(0, 31, SAMPLES))
    words = spec.split()
    if words[0] == "log":
        x = np.exp(rng.uniform(np.log(float(words[1])), np.log(float(words[2])), SAMPLES))
    else:
        x = rng.uniform(float(words[0]), float(words[1]), SAMPLES)
    return x.astype(np.float32).astype(np.float64)


def make():
    import mpmath as mp
    import numpy as np

    out = {}
    for k, (name, row) in enumerate(references().items()):
        rng = np.random.default_rng(k)
        args = [draw(rng, spec) for spec in row[1]]
        values = [row[0](*[mp.mpf(float(a)) for a in point]) for point in zip(*args)]
        out[name] = {
            "ranges": row[1],
            "bound": row[2] if len(row) > 2 else "relative",
            "args": [[float(a) for a in column] for column in args],
            "want": [mp.nstr(v, 25) for v in values],
        }
    text = ",\n".join(f'"{name}": {json.dumps(row)}' for name, row in out.items())
    (HERE / "special.json").write_text("{\n" + text + "\n}\n")


def table():
    sys.path.insert(0, str(HERE.parent / "python"))
    from special_errors import worst

    rows = json.loads((HERE / "special.json").read_text())
    lines = [
        "# Accuracy of the special functions",
        "",
        "Largest error in units of the last place against mpmath; written by `tests/golden/make_special_golden.py --table`.",
        f"{SAMPLES} samples of each range, in which `log` means evenly spread logarithms and `degree` whole numbers of 0 to 30.",
        "Bessel functions of the oscillating kind have zeros: their unit is that of the larger of the value and the",
        "envelope sqrt(2/(pi x)). A float32 result is computed in double and rounded once. `tests/python/test_special.py`",
        "holds every function below 4.",
        "",
        "| torch.special | range | float32 | float64 | unit |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        single, double = worst(name, row, "float32"), worst(name, row, "float64")
        lines.append(
            f"| {name} | {'; '.join(row['ranges'])} | {single:.2f} | {double:.2f} | "
            f"{'envelope' if row['bound'] == 'envelope' else 'value'} |"
        )
    (HERE.parent.parent / "docs" / "special_accuracy.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    table() if "--table" in sys.argv else make()
