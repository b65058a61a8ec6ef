#include "rustorch/warn.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <set>

namespace rustorch {

namespace {
void to_stderr(const std::string& text) { std::fprintf(stderr, "rustorch: warning: %s\n", text.c_str()); }
std::atomic<WarningHandler> handler{to_stderr};
}  // namespace

void warn(const std::string& text) { handler.load()(text); }

void warn_once(const std::string& text) {
  static std::mutex mutex;
  static auto* seen = new std::set<std::string>;
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (seen->size() >= 4096 || !seen->insert(text).second) return;
  }
  warn(text);
}

WarningHandler set_warning_handler(WarningHandler h) { return handler.exchange(h); }

}  // namespace rustorch
