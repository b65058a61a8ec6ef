"""Calls of a module from several threads, timed; utils.ThroughputBenchmark is the comfortable form."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any


class BenchmarkConfig:
    """How many threads call, how often in all, how often before the clock starts, and where a trace goes ("": nowhere)."""

    def __init__(self) -> None:
        self.num_calling_threads = 1
        self.num_worker_threads = 1
        self.num_warmup_iters = 1
        self.num_iters = 100
        self.profiler_output_path = ""


class BenchmarkExecutionStats:
    """What was measured: latency_avg_ms of one call, num_iters calls."""

    def __init__(self, latency_avg_ms: float, num_iters: int) -> None:
        self.latency_avg_ms, self.num_iters = latency_avg_ms, num_iters


class _Run:
    """One measurement: threads that call until the count is used up."""

    def __init__(self, call: Callable[[int], Any], inputs: int, config: Any) -> None:
        self.call, self.inputs, self.config = call, inputs, config
        self.left, self.lock = config.num_iters, threading.Lock()
        self.begin = threading.Barrier(config.num_calling_threads + 1)
        self.errors: list[BaseException] = []

    def take(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0 and not self.errors

    def work(self, seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311
        try:
            for _ in range(self.config.num_warmup_iters):
                self.call(rng.randrange(self.inputs))
        except BaseException as error:
            self.errors.append(error)
        self.begin.wait()
        try:
            while self.take():
                self.call(rng.randrange(self.inputs))
        except BaseException as error:
            self.errors.append(error)

    def __call__(self) -> BenchmarkExecutionStats:
        threads = [threading.Thread(target=self.work, args=(i,)) for i in range(self.config.num_calling_threads)]
        for t in threads:
            t.start()
        self.begin.wait()
        start = time.perf_counter()
        for t in threads:
            t.join()
        seconds = time.perf_counter() - start
        if self.errors:
            raise self.errors[0]
        return BenchmarkExecutionStats(seconds * 1e3 * len(threads) / self.config.num_iters, self.config.num_iters)


class ThroughputBenchmark:
    """Measures calls of a module, set up by a BenchmarkConfig."""

    def __init__(self, module: Any) -> None:
        if not callable(module):
            raise TypeError(f"ThroughputBenchmark(): expected a module; got {type(module).__name__}")
        self._module = module
        self._inputs: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def add_input(self, *args: Any, **kwargs: Any) -> None:
        """Keeps the arguments of one call. Each call of the measurement takes those of one at random."""
        self._inputs.append((args, kwargs))

    def run_once(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the module."""
        return self._module(*args, **kwargs)

    def _call(self, index: int) -> Any:
        args, kwargs = self._inputs[index]
        return self._module(*args, **kwargs)

    def benchmark(self, config: BenchmarkConfig) -> BenchmarkExecutionStats:
        """Calls from config.num_calling_threads threads, config.num_iters times in all."""
        if not self._inputs:
            raise RuntimeError("Please provide benchmark inputs.Did you forget to call add_input()? ")
        if config.num_calling_threads < 1 or config.num_iters < 1:
            raise ValueError("ThroughputBenchmark.benchmark(): num_calling_threads and num_iters must be at least 1")
        run = _Run(self._call, len(self._inputs), config)
        if not config.profiler_output_path:
            return run()
        from rustorch.profiler import profile

        with profile() as trace:
            stats = run()
        trace.export_chrome_trace(config.profiler_output_path)
        return stats
