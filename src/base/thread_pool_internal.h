// Test seam of the thread pool; not for other code.
#pragma once

namespace rustorch::detail {

/// From now on thread creation fails once `workers` threads exist; a negative number lifts the limit.
void set_spawn_limit_for_testing(int workers);

}  // namespace rustorch::detail
