// The last step of reading a pickle: is the value a finite tree of bounded size with usable keys?
//
// Values share nodes, so a small file can describe a cycle, or a tree of 2^60 items, or one so deep that a
// recursive consumer overflows its stack. Whoever walks a checked value recursively is safe.
#pragma once
#include <cstring>
#include <string>
#include <unordered_map>

#include "base/limits.h"
#include "formats/parse_context.h"
#include "formats/value.h"

namespace rustorch::formats {

/// Refuses cycles, excessive depth and shared structure that would expand beyond the limit; drops repeated
/// keys.
class TreeCheck {
 public:
  TreeCheck(const FormatContext& context, const ParseLimits& limits) : context_(context), limits_(limits) {}

  void check(Value& root) {
    visit(root, 0);
    passed_ = true;
  }
  /// Whether the checked tree uses this container.
  bool reached(const Value& v) const { return passed_ && sizes_.count(v.identity()) > 0; }

 private:
  uint64_t visit(Value& v, uint64_t depth) {
    if (!v.is_sequence() && !v.is_dict()) return 1;
    context_.check(depth < limits_.max_depth, 0, "the value is nested too deeply",
                   "raise ParseLimits::max_depth");
    auto [it, fresh] = sizes_.emplace(v.identity(), 0);
    if (!fresh) {
      context_.check(it->second != 0, 0, "the value contains itself", "save a tree, not a cyclic structure");
      return it->second;
    }
    uint64_t total = 1;
    if (v.is_dict()) {
      drop_repeated_keys(v);
      for (auto& [key, item] : v.entries()) {
        total += visit(key, depth + 1);
        total += visit(item, depth + 1);
        check_total(total);
      }
      Value attributes = v.attributes();
      total += visit(attributes, depth + 1);
    } else {
      for (Value& item : v.items()) {
        total += visit(item, depth + 1);
        check_total(total);
        if (v.kind() == ValueKind::kSet) {
          std::string id;
          append_key(id, item);
        }
      }
    }
    check_total(total);
    sizes_[v.identity()] = total;
    return total;
  }

  void check_total(uint64_t total) {
    context_.check(total <= limits_.max_items, 0, "the value has too many items",
                   "raise ParseLimits::max_items");
  }

  /// Python's rule for a key given twice: first place, last value.
  void drop_repeated_keys(Value& v) {
    std::unordered_map<std::string, size_t> seen;
    auto& entries = v.entries();
    size_t kept = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      std::string id;
      append_key(id, entries[i].first);
      auto [it, fresh] = seen.emplace(std::move(id), kept);
      if (fresh) {
        if (kept != i) entries[kept] = std::move(entries[i]);
        ++kept;
      } else {
        entries[it->second].second = std::move(entries[i].second);
      }
    }
    entries.resize(kept);
  }

  void append_key(std::string& id, const Value& key) {
    switch (key.kind()) {
      case ValueKind::kNone:
        id += 'n';
        return;
      case ValueKind::kBool:
        id += key.as_bool() ? "i1" : "i0";
        return;
      case ValueKind::kInt:
        id += cat('i', key.as_int());
        return;
      case ValueKind::kFloat: {
        const double d = key.as_float();
        const auto whole = d >= -9e15 && d <= 9e15 ? static_cast<int64_t>(d) : 0;
        if (static_cast<double>(whole) == d) {
          id += cat('i', whole);
        } else {
          id += 'f';
          uint64_t bits;
          std::memcpy(&bits, &d, sizeof bits);
          append_le(id, bits, 8);
        }
        return;
      }
      case ValueKind::kDType:
        id += cat('t', dtype_name(key.as_dtype()));
        return;
      case ValueKind::kString:
      case ValueKind::kBytes:
      case ValueKind::kBigInt:
      case ValueKind::kDevice:
        id += cat(value_kind_name(key.kind()), key.text().size(), ':', key.text());
        return;
      case ValueKind::kTuple:
      case ValueKind::kSize:
        check_key_depth_ += 1;
        context_.check(check_key_depth_ < 32, 0, "a key is nested too deeply");
        id += '(';
        for (const Value& item : key.items()) append_key(id, item);
        id += ')';
        check_key_depth_ -= 1;
        context_.check(id.size() < (1u << 20), 0, "a key is too long");
        return;
      default:
        context_.fail(cat("a ", key.kind_name(), " cannot be a key"));
    }
  }

  const FormatContext& context_;
  const ParseLimits& limits_;
  std::unordered_map<const Node*, uint64_t> sizes_;
  int check_key_depth_ = 0;
  bool passed_ = false;
};

}  // namespace rustorch::formats
