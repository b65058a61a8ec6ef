// Checkpoints through the Vfs: fault loops on reading and writing, atomic replacement, names in errors.
#include <gtest/gtest.h>

#include "dump.h"
#include "formats/files.h"

namespace rustorch::formats {
namespace {

Archive small_archive(int64_t mark) {
  Archive a;
  a.root = Value::dict(true);
  const float data[6] = {1, 2, 3, 4, 5, static_cast<float>(mark)};
  a.storages.push_back(make_storage(data, sizeof data, kFloat32));
  TensorRecord r;
  r.sizes = {2, 3};
  r.strides = {3, 1};
  a.root.append("w", Value::tensor(r));
  a.root.append("mark", Value::integer(mark));
  return a;
}

// Fails every single call in turn: the error is typed and the old file stays whole until a run succeeds.
TEST(Files, WritingSurvivesEveryFault) {
  for (const auto mode : {FaultVfs::Mode::Once, FaultVfs::Mode::FromThenOn}) {
    MemoryVfs memory;
    const Archive before = small_archive(1), after = small_archive(2);
    write_pt(memory, "dir/model.pt", before.root, before.storages).unwrap();
    int64_t n = 0;
    for (;; ++n) {
      ASSERT_LT(n, 1000);
      FaultVfs faulty(memory, n, mode);
      const auto result = write_pt(faulty, "dir/model.pt", after.root, after.storages);
      const Archive now = read_pt(memory, "dir/model.pt").unwrap();
      if (!faulty.triggered()) {
        ASSERT_TRUE(result.is_ok());
        EXPECT_EQ(now.root.find("mark")->as_int(), 2);
        break;
      }
      ASSERT_TRUE(result.is_err());
      EXPECT_EQ(result.error().kind(), ErrorKind::Io);
      EXPECT_EQ(now.root.find("mark")->as_int(), 1);
      EXPECT_EQ(memory.list("dir").unwrap().size(), 1u) << "a temporary file was left";
    }
    EXPECT_GT(n, 3);
  }
}

TEST(Files, ReadingSurvivesEveryFault) {
  MemoryVfs memory;
  const Archive a = small_archive(7);
  write_pt(memory, "m.pt", a.root, a.storages).unwrap();
  for (int64_t n = 0;; ++n) {
    ASSERT_LT(n, 1000);
    FaultVfs faulty(memory, n);
    const auto result = read_pt(faulty, "m.pt");
    if (!faulty.triggered()) {
      EXPECT_EQ(dump(*result), dump(a));
      break;
    }
    EXPECT_EQ(result.error().kind(), ErrorKind::Io);
  }
}

TEST(Files, ErrorsNameTheFile) {
  MemoryVfs memory;
  memory.put("bad.pt", "hello");
  const auto result = read_pt(memory, "bad.pt");
  ASSERT_TRUE(result.is_err());
  EXPECT_EQ(result.error().kind(), ErrorKind::Format);
  EXPECT_NE(std::string(result.error().what()).find("'bad.pt'"), std::string::npos) << result.error().what();
  EXPECT_EQ(read_pt(memory, "absent.pt").error().kind(), ErrorKind::Io);
  memory.put("empty.pt", "");
  EXPECT_EQ(read_pt(memory, "empty.pt").error().kind(), ErrorKind::Format);
}

TEST(Files, EveryFormatRoundTrips) {
  MemoryVfs memory;
  Archive a = small_archive(3);
  a.root.entries().pop_back();  // only the tensor
  write_safetensors(memory, "a.safetensors", {a, {{"k", "v"}}}).unwrap();
  EXPECT_EQ(dump(read_safetensors(memory, "a.safetensors").unwrap().archive), dump(a));
  write_numpy(memory, "a.npz", a).unwrap();
  EXPECT_EQ(dump(read_numpy(memory, "a.npz").unwrap()), "dict(" + dump(a).substr(6));
  Archive one = a;
  one.root = *a.root.find("w");
  write_numpy(memory, "a.npy", one).unwrap();
  EXPECT_EQ(dump(read_numpy(memory, "a.npy").unwrap()), dump(one));
}

TEST(Files, RecordsLieUnderTheStem) {
  MemoryVfs memory;
  const Archive a = small_archive(3);
  write_pt(memory, "some/where/net.v2.pt", a.root, a.storages).unwrap();
  const std::string bytes = read_file(memory, "some/where/net.v2.pt").unwrap();
  EXPECT_NE(bytes.find("net.v2/data.pkl"), std::string::npos);
}

}  // namespace
}  // namespace rustorch::formats
