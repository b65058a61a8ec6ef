"""How long a module takes when several threads call it at once: ThroughputBenchmark(module), add_input(), benchmark()."""

from __future__ import annotations

from typing import Any

from rustorch._script import throughput as _script
from rustorch._script.throughput import BenchmarkConfig, BenchmarkExecutionStats

__all__ = ["ExecutionStats", "ThroughputBenchmark", "format_time"]


def format_time(time_us: float | None = None, time_ms: float | None = None, time_s: float | None = None) -> str:
    """A time (one of the three) in the unit that suits it."""
    given = [t * k for t, k in ((time_us, 1.0), (time_ms, 1e3), (time_s, 1e6)) if t is not None]
    if len(given) != 1:
        raise AssertionError("Expected only one of time_us, time_ms, time_s is given.")
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if given[0] >= size:
            return f"{given[0] / size:.3f}{unit}"
    return f"{given[0]:.3f}us"


class ExecutionStats:
    """The result of utils.ThroughputBenchmark.benchmark(), with times in all."""

    def __init__(self, c_stats: BenchmarkExecutionStats, benchmark_config: BenchmarkConfig) -> None:
        self._c_stats, self.benchmark_config = c_stats, benchmark_config

    @property
    def latency_avg_ms(self) -> float:
        """Milliseconds of one call, on average."""
        return self._c_stats.latency_avg_ms

    @property
    def num_iters(self) -> int:
        """The number of calls."""
        return self._c_stats.num_iters

    @property
    def iters_per_second(self) -> float:
        """Calls of all threads in a second."""
        return self.num_iters / self.total_time_seconds

    @property
    def total_time_seconds(self) -> float:
        """How long it took."""
        return self.num_iters * (self.latency_avg_ms / 1000.0) / self.benchmark_config.num_calling_threads

    def __str__(self) -> str:
        return (
            f"Average latency per example: {format_time(time_ms=self.latency_avg_ms)}\n"
            f"Total number of iterations: {self.num_iters}\n"
            f"Total number of iterations per second (across all threads): {self.iters_per_second:.2f}\n"
            f"Total time: {format_time(time_s=self.total_time_seconds)}"
        )


class ThroughputBenchmark:
    """Measures a module under calls from several threads.

    bench = ThroughputBenchmark(model)
    bench.add_input(x)
    print(bench.benchmark(num_calling_threads=4, num_iters=1000))
    """

    def __init__(self, module: Any) -> None:
        self._benchmark = _script.ThroughputBenchmark(module)

    def run_once(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the module."""
        return self._benchmark.run_once(*args, **kwargs)

    def add_input(self, *args: Any, **kwargs: Any) -> None:
        """Keeps the arguments of one call."""
        self._benchmark.add_input(*args, **kwargs)

    def benchmark(
        self,
        num_calling_threads: int = 1,
        num_warmup_iters: int = 10,
        num_iters: int = 100,
        profiler_output_path: str = "",
    ) -> ExecutionStats:
        """Calls num_iters times from num_calling_threads threads, after num_warmup_iters calls in each."""
        config = BenchmarkConfig()
        config.num_calling_threads, config.num_warmup_iters = num_calling_threads, num_warmup_iters
        config.num_iters, config.profiler_output_path = num_iters, profiler_output_path
        return ExecutionStats(self._benchmark.benchmark(config), config)
