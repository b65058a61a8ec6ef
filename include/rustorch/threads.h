// How many threads the process computes with. Results do not depend on it.
#pragma once

namespace rustorch {

/// Threads used by parallel loops, the caller included. The default is RUSTORCH_NUM_THREADS, else
/// OMP_NUM_THREADS, else the CPUs that affinity, cpuset and cgroup quota allow.
int get_num_threads();
/// Sets the number of threads of all later parallel loops. Throws Value unless 1 <= n <= 1024.
void set_num_threads(int n);

}  // namespace rustorch
