// The cache of device programs on disk: keys, damage, limits, faults of the disk.
#include "backend/program_cache.h"

#include <gtest/gtest.h>

#include "base/vfs.h"

namespace rustorch {
namespace {

std::string only_file(Vfs& vfs) {
  const auto names = vfs.list("/c");
  return names.is_ok() && names.value().size() == 1 ? "/c/" + names.value()[0] : "";
}

TEST(ProgramCache, KeepsWhatItIsGiven) {
  MemoryVfs vfs;
  ProgramCache first(vfs, "/c", 1 << 20);
  EXPECT_EQ(first.find("key"), "");
  first.insert("key", std::string("a\0b", 3));
  ProgramCache second(vfs, "/c", 1 << 20);
  EXPECT_EQ(second.find("key"), std::string("a\0b", 3));
  EXPECT_EQ(second.find("another key"), "");
  EXPECT_EQ(second.stats().hits, 1u);
  EXPECT_EQ(second.stats().misses, 1u);
}

TEST(ProgramCache, IgnoresDamagedFilesAndRemovesThem) {
  MemoryVfs vfs;
  ProgramCache cache(vfs, "/c", 1 << 20);
  cache.insert("key", "binary");
  const std::string path = only_file(vfs);
  const std::string good = read_file(vfs, path).value();
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    vfs.put(path, bad);
    EXPECT_EQ(cache.find("key"), "") << "byte " << at;
    EXPECT_FALSE(vfs.exists(path).value());
    vfs.put(path, good.substr(0, at));
    EXPECT_EQ(cache.find("key"), "") << "cut at " << at;
  }
  vfs.put(path, good);
  EXPECT_EQ(cache.find("key"), "binary");
  EXPECT_EQ(cache.stats().damaged, 2 * good.size());
}

TEST(ProgramCache, StaysBelowItsLimit) {
  MemoryVfs vfs;
  constexpr uint64_t kLimit = 4000;
  ProgramCache cache(vfs, "/c", kLimit);
  for (int k = 0; k < 100; ++k) {
    const std::string key = "key" + std::to_string(k);
    cache.insert(key, std::string(200, 'x'));
    EXPECT_EQ(cache.find(key).size(), 200u);  // the newest one stays
    uint64_t total = 0;
    const auto names = vfs.list("/c");
    for (const std::string& name : names.value()) total += vfs.size("/c/" + name).value();
    EXPECT_LE(total, kLimit);
  }
  EXPECT_GT(cache.stats().evictions, 50u);
  cache.insert("too large", std::string(5000, 'x'));
  EXPECT_EQ(cache.find("too large"), "");
}

TEST(ProgramCache, CanBeSwitchedOff) {
  MemoryVfs vfs;
  ProgramCache no_folder(vfs, "", 1000), no_room(vfs, "/c", 0);
  for (ProgramCache* cache : {&no_folder, &no_room}) {
    EXPECT_FALSE(cache->enabled());
    cache->insert("key", "binary");
    EXPECT_EQ(cache->find("key"), "");
  }
}

TEST(ProgramCache, FaultsOfTheDiskAreMisses) {
  for (int64_t n = 0;; ++n) {
    MemoryVfs inner;
    FaultVfs vfs(inner, n);
    ProgramCache cache(vfs, "/c", 1 << 20);
    cache.insert("key", "binary");
    const std::string found = cache.find("key");
    EXPECT_TRUE(found.empty() || found == "binary");
    if (!vfs.triggered()) {
      EXPECT_EQ(found, "binary");
      break;
    }
    ASSERT_LT(n, 100);
  }
}

}  // namespace
}  // namespace rustorch
