"""Writes src/expr/special_tables.h: Chebyshev coefficients of the special functions, from mpmath.

    python3 tools/special_tables.py > src/expr/special_tables.h     (then clang-format; needs mpmath, a minute)

A row is a function of t in [-1, 1]; its expansion is cut where the coefficients fall below 2^-56 of the largest.
"""

from mpmath import (
    airyai,
    airybi,
    bernoulli,
    besseli,
    besselj,
    besselk,
    bessely,
    cos,
    digamma,
    erfc,
    exp,
    findroot,
    log,
    loggamma,
    mp,
    mpf,
    pi,
    psi,
    sin,
    sqrt,
)

mp.dps = 45
CUT = mpf(2) ** -57


def chebyshev(f, n=80):
    """Coefficients of the interpolant of f at n Chebyshev nodes, cut where they stop to matter."""
    angles = [pi * (k + mpf(1) / 2) / n for k in range(n)]
    values = [f(cos(a)) for a in angles]
    c = [2 * sum(v * cos(j * a) for v, a in zip(values, angles)) / n for j in range(n)]
    c[0] /= 2
    top = max(abs(v) for v in c)
    last = max(j for j, v in enumerate(c) if abs(v) > CUT * top)
    if last > n - 10:
        raise SystemExit("the expansion does not converge")
    return c[: last + 1]


def on(lo, hi, f):
    """f(x) on [lo, hi] as a function of t."""
    lo, hi = mpf(lo), mpf(hi)
    return lambda t: f((lo + hi) / 2 + (hi - lo) / 2 * t)


def scaled_i(order):
    return lambda u: (sqrt(1 / u) * exp(-1 / u) * besseli(order, 1 / u)) if u > 0 else 1 / sqrt(2 * pi)


def scaled_k(order):
    return lambda u: (sqrt(1 / u) * exp(1 / u) * besselk(order, 1 / u)) if u > 0 else sqrt(pi / 2)


def airy_decay(u):
    """2 sqrt(pi) x^(1/4) exp(zeta) Ai(x) as a function of u = 1/zeta, zeta = 2/3 x^(3/2)."""
    x = (mpf(3) / 2 / u) ** (mpf(2) / 3)
    return 2 * sqrt(pi) * x ** (mpf(1) / 4) * exp(1 / u) * airyai(x)


def airy_wave(part):
    def f(u):
        z = (mpf(3) / 2 / u) ** (mpf(2) / 3)
        p = 1 / u - pi / 4
        a, b = airyai(-z), airybi(-z)
        return sqrt(pi) * z ** (mpf(1) / 4) * (a * cos(p) - b * sin(p) if part == 0 else a * sin(p) + b * cos(p))

    return f


def wave_j(order, part):
    """J and Y are sqrt(2/(pi x)) times combinations of these with cos and sin of x - (2 order + 1) pi/4, as functions of
    u = (8/x)^2; the second one is divided by 8/x."""

    def f(u):
        x = 8 / sqrt(u)
        p = x - (2 * order + 1) * pi / 4
        j, y, r = besselj(order, x), bessely(order, x), sqrt(pi * x / 2)
        return r * (j * cos(p) + y * sin(p)) if part == 0 else r * (y * cos(p) - j * sin(p)) * x / 8

    return f


def regular_y(order):
    """Y(x) without its logarithm and pole, as a function of x^2 (order 1: divided by x)."""

    def f(square):
        x = sqrt(square)
        if order == 0:
            return bessely(0, x) - 2 / pi * log(x) * besselj(0, x)
        return (bessely(1, x) - 2 / pi * (log(x) * besselj(1, x) - 1 / x)) / x

    return f


def near(f, lo):
    """f on [0, hi] where f cannot be evaluated at 0: nodes are inside anyway."""
    return lambda u: f(u if u > 0 else mpf(lo))


PSI_ROOT = findroot(digamma, mpf("1.4616321449683623"))


def psi_over_distance(x):
    return digamma(x) / (x - PSI_ROOT) if abs(x - PSI_ROOT) > mpf(10) ** -15 else psi(1, PSI_ROOT)


def erfcx_scaled(t):
    """(1 + 2x) exp(x^2) erfc(x) with x = 3.75 (1 + t)/(1 - t)."""
    x = mpf("3.75") * (1 + t) / (1 - t)
    return (1 + 2 * x) * (exp(x * x) * erfc(x) if x < 60 else series_erfcx(x))


def series_erfcx(x):
    term, total, k = mpf(1), mpf(1), 1
    while True:
        new = -term * (2 * k - 1) / (2 * x * x)
        if abs(new) > abs(term) or abs(new) < mpf(10) ** -50:
            return total / (x * sqrt(pi))
        term = new
        total += term
        k += 1


def temme(kmax, nmax):
    """Coefficients C_k(eta) = sum d[k][n] eta^n of Temme's expansion of the incomplete gamma functions."""
    size = nmax + 2 * kmax + 3
    # mu(eta) = sum alpha_n eta^n inverts mu - log(1 + mu) = eta^2/2: mu' mu = eta (1 + mu).
    alpha = [mpf(0), mpf(1)]
    for n in range(2, size):
        known = sum(alpha[i] * (n + 1 - i) * alpha[n + 1 - i] for i in range(2, n))
        alpha.append((alpha[n - 1] - known) / (n + 1))
    gamma_star = stirling_series(kmax + 1)
    base = temme_zero(alpha)
    rows = [base]
    for k in range(1, kmax):
        previous = rows[-1]
        rows.append([(-1) ** k * gamma_star[k] * base[n] + (n + 2) * previous[n + 2] for n in range(len(previous) - 2)])
    return [row[:nmax] for row in rows]


def temme_zero(alpha):
    """1/mu - 1/eta as a series: with mu = eta (1 + w), 1/mu - 1/eta = (1/(1 + w) - 1)/eta."""
    w = alpha[1:]  # mu/eta
    inverse = [1 / w[0]]
    for k in range(1, len(w)):
        inverse.append(-sum(w[i] * inverse[k - i] for i in range(1, k + 1)) / w[0])
    return inverse[1:]


def stirling_series(n):
    """gamma*(a) = sqrt(a/(2 pi)) (e/a)^a Gamma(a) = sum g_k a^-k."""
    logs = [mpf(0)] * (n + 1)
    for k in range(1, n + 1):
        if 2 * k - 1 <= n:
            logs[2 * k - 1] = bernoulli(2 * k) / (2 * k * (2 * k - 1))
    g = [mpf(1)]
    for m in range(1, n + 1):
        g.append(sum(j * logs[j] * g[m - j] for j in range(1, m + 1)) / m)
    return g


def literal(v):
    return repr(float(v))


def table(name, comment, values):
    print(f"// {comment}")
    print(f"constexpr double {name}[] = {{" + ", ".join(literal(v) for v in values) + "};\n")


def main():
    print("// Coefficients of the special functions, written by tools/special_tables.py; do not edit.")
    print("// Chebyshev expansions in t, c0 first, unless the comment says otherwise.")
    print("#pragma once\n\nnamespace rustorch::host_math {\n")
    for order in (0, 1):
        table(
            f"kI{order}Middle",
            f"exp(-x) I{order}(x), x in [2, 8], t = (x - 5)/3",
            chebyshev(on(2, 8, lambda x: exp(-x) * besseli(order, x))),
        )
        table(
            f"kI{order}Large",
            f"sqrt(x) exp(-x) I{order}(x), x > 8, t = 16/x - 1",
            chebyshev(on(0, mpf(1) / 8, near(scaled_i(order), "1e-30"))),
        )
        table(
            f"kK{order}Middle",
            f"sqrt(x) exp(x) K{order}(x), 1 < x <= 3, t = 3/x - 2",
            chebyshev(on(mpf(1) / 3, 1, scaled_k(order))),
        )
        table(
            f"kK{order}Large",
            f"sqrt(x) exp(x) K{order}(x), x > 3, t = 6/x - 1",
            chebyshev(on(0, mpf(1) / 3, scaled_k(order))),
        )
    table("kJ0Small", "J0(x), x <= 8, t = x^2/32 - 1", chebyshev(on(0, 64, lambda q: besselj(0, sqrt(q)))))
    table("kJ1Small", "J1(x)/x, x <= 8, t = x^2/32 - 1", chebyshev(on(0, 64, lambda q: besselj(1, sqrt(q)) / sqrt(q))))
    table("kY0Small", "Y0(x) - 2/pi log(x) J0(x), x <= 8, t = x^2/32 - 1", chebyshev(on(0, 64, regular_y(0))))
    table(
        "kY1Small", "(Y1(x) - 2/pi (log(x) J1(x) - 1/x))/x, x <= 8, t = x^2/32 - 1", chebyshev(on(0, 64, regular_y(1)))
    )
    for order in (0, 1):
        phase = "pi/4" if order == 0 else "3 pi/4"
        table(
            f"kJ{order}Cos",
            f"sqrt(pi x/2) J{order}(x) is this one times cos(x - {phase}) minus 8/x times the next times sin; "
            "t = 2 (8/x)^2 - 1, x > 8",
            chebyshev(on(0, 1, near(wave_j(order, 0), "1e-20"))),
        )
        table(f"kJ{order}Sin", "see above", chebyshev(on(0, 1, near(wave_j(order, 1), "1e-20"))))
    table("kAiryCentre", "Ai(x), -2 <= x <= 1, t = (2x + 1)/3", chebyshev(on(-2, 1, airyai)))
    table(
        "kAiryMiddle",
        "2 sqrt(pi) x^(1/4) exp(z) Ai(x), z = 2/3 x^(3/2), 1/z in [1/4, 3/2], t = 1.6/z - 1.4",
        chebyshev(on(mpf(1) / 4, mpf(3) / 2, airy_decay)),
    )
    table("kAiryLarge", "the same, 1/z in [0, 1/4], t = 8/z - 1", chebyshev(on(0, mpf(1) / 4, airy_decay)))
    for part in (0, 1):
        table(
            "kAiryCos" if part == 0 else "kAirySin",
            "sqrt(pi) |x|^(1/4) Ai(x) is this one times cos(z - pi/4) plus the other times sin; t = 15/(4z) - 1, x < -2"
            if part == 0
            else "see above",
            chebyshev(on(0, mpf(8) / 15, airy_wave(part))),
        )
    table("kErfcx", "(1 + 2x) exp(x^2) erfc(x), x >= 0, t = (x - 3.75)/(x + 3.75)", chebyshev(erfcx_scaled))
    table("kPsiRoot", "the positive zero of digamma in two parts, then the rest", split(PSI_ROOT, 3))
    table("kPsi12", "digamma(x)/(x - root), 1 <= x <= 2, t = 2x - 3", chebyshev(on(1, 2, psi_over_distance)))
    table("kPsi24", "digamma(x), 2 <= x <= 4, t = x - 3", chebyshev(on(2, 4, digamma)))
    table("kPsi4", "digamma(x), 4 <= x <= 10, t = x/3 - 7/3", chebyshev(on(4, 10, digamma)))
    table(
        "kLogGamma",
        "log(Gamma(1 + a))/a, a in [0, 1.25], t = 1.6 a - 1",
        chebyshev(on(0, mpf(5) / 4, lambda a: loggamma(1 + a) / a)),
    )
    harmonic = [psi(0, k + 1) + mp.log(2) for k in range(13)]
    table("kI0Series", "1/(k!)^2", [1 / mp.factorial(k) ** 2 for k in range(13)])
    table("kK0Series", "(psi(k+1) + log 2)/(k!)^2", [h / mp.factorial(k) ** 2 for k, h in enumerate(harmonic)])
    table("kI1Series", "1/(k! (k+1)!)", [1 / (mp.factorial(k) * mp.factorial(k + 1)) for k in range(13)])
    table(
        "kK1Series",
        "(psi(k+1) + psi(k+2) + 2 log 2)/(k! (k+1)!)",
        [(h + psi(0, k + 2) + mp.log(2)) / (mp.factorial(k) * mp.factorial(k + 1)) for k, h in enumerate(harmonic)],
    )
    rows = temme(14, 17)
    print("// Temme's C_k(eta) = sum over n of d[k][n] eta^n")
    print(f"constexpr double kTemme[{len(rows)}][{len(rows[0])}] = {{")
    for row in rows:
        print("    {" + ", ".join(literal(v) for v in row) + "},")
    print("};\n\n}  // namespace rustorch::host_math")


def split(v, parts):
    """v as a sum of doubles of 27 bits (the last one is rounded)."""
    out = []
    for k in range(parts):
        if k == parts - 1:
            out.append(v)
            break
        scale = mpf(2) ** (27 * (k + 1))
        piece = mp.floor(v * scale) / scale
        out.append(piece)
        v -= piece
    return out


if __name__ == "__main__":
    main()
