#include "backend/program_cache.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/vfs.h"

namespace rustorch {

namespace {

constexpr char kMagic[8] = {'R', 'T', 'P', 'R', 'O', 'G', '0', '1'};
constexpr const char* kSuffix = ".rtprog";
constexpr uint64_t kMaxEntry = uint64_t{64} << 20;

uint64_t hash(std::string_view text, uint64_t seed) {  // FNV-1a, its bits mixed at the end
  uint64_t h = 0xcbf29ce484222325u ^ seed;
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
  return h ^ (h >> 33);
}

void append(std::string& out, uint64_t v) {
  for (int k = 0; k < 8; ++k) out += static_cast<char>(v >> (8 * k) & 0xff);
}
uint64_t number_at(const std::string& s, size_t at) {
  uint64_t v = 0;
  for (int k = 7; k >= 0; --k) v = v << 8 | static_cast<unsigned char>(s[at + static_cast<size_t>(k)]);
  return v;
}

// magic, size of the key, size of the binary, checksum, key, binary
constexpr size_t kHeader = sizeof kMagic + 3 * 8;

bool unpack(const std::string& file, const std::string& key, std::string* binary, bool* other_key) {
  if (file.size() < kHeader || std::memcmp(file.data(), kMagic, sizeof kMagic) != 0) return false;
  const uint64_t nkey = number_at(file, 8), nbinary = number_at(file, 16), sum = number_at(file, 24);
  if (nkey > file.size() - kHeader || nbinary != file.size() - kHeader - nkey) return false;
  const std::string_view body = std::string_view(file).substr(kHeader);
  if (hash(body, nkey) != sum) return false;
  *other_key = body.substr(0, nkey) != key;
  if (!*other_key) *binary = std::string(body.substr(nkey));
  return true;
}

}  // namespace

ProgramCache::ProgramCache(Vfs& vfs, std::string folder, uint64_t limit_bytes)
    : vfs_(vfs), folder_(std::move(folder)), limit_(limit_bytes) {}

std::string ProgramCache::path_of(const std::string& key) const {
  char name[40];
  std::snprintf(name, sizeof name, "/%016llx%016llx", static_cast<unsigned long long>(hash(key, 1)),
                static_cast<unsigned long long>(hash(key, 2)));
  return folder_ + name + kSuffix;
}

void ProgramCache::drop(const std::string& path) {
  (void)vfs_.remove(path);  // another process was faster, or the folder is read-only
}

std::string ProgramCache::find(const std::string& key) {
  if (!enabled()) return "";
  const std::string path = path_of(key);
  auto file = read_file(vfs_, path, kMaxEntry);
  std::string binary;
  bool other_key = false;
  if (file.is_ok() && !unpack(file.value(), key, &binary, &other_key)) {
    ++damaged_;
    drop(path);
  }
  ++(binary.empty() ? misses_ : hits_);
  return binary;
}

void ProgramCache::insert(const std::string& key, std::string_view binary) {
  if (!enabled() || binary.empty() || kHeader + key.size() + binary.size() > std::min(limit_, kMaxEntry))
    return;
  std::string file(kMagic, sizeof kMagic), body = key;
  body += binary;
  append(file, key.size());
  append(file, binary.size());
  append(file, hash(body, key.size()));
  file += body;
  const std::string path = path_of(key);
  if (!vfs_.make_folder(folder_).is_ok() || !write_file(vfs_, path, file).is_ok()) return;
  ++stores_;
  std::lock_guard<std::mutex> lock(mutex_);
  if (total_ >= 0) total_ += static_cast<int64_t>(file.size());
  if (total_ < 0 || total_ > static_cast<int64_t>(limit_)) shrink(path);
}

void ProgramCache::shrink(const std::string& keep) {
  auto names = vfs_.list(folder_);
  if (!names.is_ok()) return;
  std::vector<std::pair<std::string, int64_t>> files;
  total_ = 0;
  for (const std::string& name : names.value()) {
    const std::string path = folder_ + "/" + name;
    const size_t n = std::strlen(kSuffix);
    if (name.size() <= n || name.compare(name.size() - n, n, kSuffix) != 0) continue;
    auto size = vfs_.size(path);
    if (!size.is_ok()) continue;
    files.emplace_back(path, static_cast<int64_t>(size.value()));
    total_ += files.back().second;
  }
  if (total_ <= static_cast<int64_t>(limit_)) return;
  for (const auto& [path, size] : files) {  // down to three quarters, so that it does not happen each time
    if (total_ <= static_cast<int64_t>(limit_ / 4 * 3)) break;
    if (path == keep) continue;
    drop(path);
    total_ -= size;
    ++evictions_;
  }
}

ProgramCacheStats ProgramCache::stats() const {
  return {hits_.load(), misses_.load(), stores_.load(), evictions_.load(), damaged_.load()};
}

std::string ProgramCache::default_folder() {
  if (const char* own = std::getenv("RUSTORCH_CACHE_DIR")) return *own ? std::string(own) + "/programs" : "";
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/')
    return std::string(cache) + "/rustorch/programs";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::string(home) + "/.cache/rustorch/programs";
  return "";
}

uint64_t ProgramCache::default_limit() {
  const char* text = std::getenv("RUSTORCH_CACHE_LIMIT");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : uint64_t{256} << 20;
}

}  // namespace rustorch
