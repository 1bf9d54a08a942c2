"""Computes with SciPy and NumPy what UmbelStatistics computed, and prints where they differ.

Argument: a JSON file with a list of {"check": name, "arguments": [...], "results": [...]}.
"""

import json
import sys

import numpy as np
from scipy import integrate, special, stats


def tails(distribution):
    return lambda *a: [distribution(*a[:-1]).cdf(a[-1]), distribution(*a[:-1]).sf(a[-1])]


def quantile(distribution):
    return lambda *a: [distribution(*a[:-1]).ppf(a[-1])]


def summary(values):
    values = np.array(values)
    return [len(values), values.mean(), values.var(ddof=1), values.min(), values.max()]


def mean_interval(values, level):
    interval = stats.ttest_1samp(values, 0).confidence_interval(level)
    return [interval.low, interval.high]


def welch(first, second):
    test = stats.ttest_ind(first, second, equal_var=False)
    return [test.statistic, test.df, test.pvalue]


def wilson(successes, trials, level):
    interval = stats.binomtest(int(successes), int(trials)).proportion_ci(level, "wilson")
    return [interval.low, interval.high]


def chi_square(observed, weights):
    weights = np.array(weights) / sum(weights)
    test = stats.chisquare(observed, weights * sum(observed))
    return [test.statistic, test.pvalue]


def multinomial(observed, weights):
    x, theta = np.array(observed), np.array(weights) / sum(weights)
    alpha = 100 * theta
    evidence = special.gammaln(100) - special.gammaln(100 + x.sum())
    evidence += np.sum(special.gammaln(alpha + x) - special.gammaln(alpha) - x * np.log(theta))
    return [min(1, np.exp(-evidence))]


def best(posteriors):
    """By quadrature; and, roughly, by drawing from the posteriors."""
    result = []
    for i, own in enumerate(posteriors):
        others = [p for j, p in enumerate(posteriors) if j != i]
        levels = np.concatenate([10.0 ** np.arange(-12, -1), np.arange(0.05, 1, 0.05), 1 - 10.0 ** np.arange(-2, -13, -1)])
        points = np.unique(np.concatenate([p.ppf(levels) for p in posteriors]))
        def product(x):
            return own.pdf(x) * np.prod([p.cdf(x) for p in others], axis=0)
        result.append(sum(integrate.fixed_quad(product, u, v, n=9)[0] for u, v in zip(points, points[1:])))
    generator = np.random.default_rng(1)
    draws = np.array([p.rvs(400_000, random_state=generator) for p in posteriors])
    shares = np.bincount(draws.argmax(0), minlength=len(posteriors)) / draws.shape[1]
    assert np.abs(shares - result).max() < 0.005, (shares, result)
    return result


def best_means(*samples):
    return best([stats.t(len(s) - 1, np.mean(s), stats.sem(s)) for s in samples])


def best_rates(*counts):
    return best([stats.beta(1 + ones, 1 + zeros) for ones, zeros in counts])


CHECKS = {
    # name: (function, relative tolerance, absolute tolerance)
    "normal": (tails(stats.norm), 1e-10, 0),
    "student": (tails(stats.t), 1e-10, 0),
    "beta": (tails(stats.beta), 1e-10, 0),
    "chi_squared": (tails(stats.chi2), 1e-10, 0),
    "normal_quantile": (quantile(stats.norm), 1e-10, 1e-13),
    "student_quantile": (quantile(stats.t), 1e-10, 1e-13),
    "beta_quantile": (quantile(stats.beta), 1e-10, 0),
    "chi_squared_quantile": (quantile(stats.chi2), 1e-10, 0),
    "summary": (summary, 1e-12, 0),
    "mean_interval": (mean_interval, 1e-10, 1e-12),
    "welch": (welch, 1e-9, 1e-12),
    "wilson": (wilson, 1e-10, 1e-15),
    "chi_square": (chi_square, 1e-10, 0),
    "multinomial": (multinomial, 1e-8, 0),
    "best_means": (best_means, 0, 1e-6),
    "best_rates": (best_rates, 0, 1e-6),
}

wrong = 0
cases = json.load(open(sys.argv[1]))
for case in cases:
    function, relative, absolute = CHECKS[case["check"]]
    expected = np.array(function(*case["arguments"]), dtype=float)
    actual = np.array(case["results"], dtype=float)
    # What is below the normal numbers has fewer digits.
    floor = 1e-290
    if actual.shape != expected.shape or not np.all(np.abs(actual - expected) <= relative * np.abs(expected) + absolute + floor):
        wrong += 1
        print(case["check"], case["arguments"], "SciPy:", expected.tolist(), "here:", actual.tolist())
print(len(cases), "checked")
sys.exit(1 if wrong else 0)
