// Checkpoints, safetensors and NumPy files: golden files, round trips, damage at every byte.
#include <gtest/gtest.h>

#include <functional>

#include "dump.h"
#include "formats/npy.h"
#include "formats/pt.h"
#include "formats/safetensors.h"

using namespace std::string_literals;  // NOLINT

namespace rustorch::formats {
namespace {

using Parser = std::function<Archive(ByteSpan, std::shared_ptr<const void>)>;

Parser parser_for(const std::string& name) {
  if (name.find(".safetensors") != std::string::npos) {
    return [](ByteSpan b, std::shared_ptr<const void> o) { return parse_safetensors(b, o).archive; };
  }
  if (name.find(".npz") != std::string::npos) {
    return [](ByteSpan b, std::shared_ptr<const void> o) { return parse_npz(b, o); };
  }
  if (name.find(".npy") != std::string::npos) {
    return [](ByteSpan b, std::shared_ptr<const void> o) { return parse_npy(b, o); };
  }
  return [](ByteSpan b, std::shared_ptr<const void> o) { return parse_pt(b, o); };
}

Archive parse(const std::string& name, std::shared_ptr<std::string> bytes) {
  return parser_for(name)(ByteSpan(*bytes), bytes);
}

Archive parse_text(const std::string& name, std::string bytes) {
  return parse(name, std::make_shared<std::string>(std::move(bytes)));
}

constexpr const char* kGolden[] = {"dtypes.pt",          "values.pt",  "network.pt",        "legacy.pt",
                                   "rezipped.pt",        "arrays.npz", "packed.npz",        "fortran.npy",
                                   "dtypes.safetensors", "stored.pt",  "stored.safetensors"};

class GoldenFile : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Formats, GoldenFile, testing::ValuesIn(kGolden), [](const auto& info) {
  std::string s = info.param;
  for (char& c : s) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return s;
});

TEST_P(GoldenFile, ReadsWhatTheMakerWrote) {
  const Archive a = parse(GetParam(), golden(GetParam()));
  EXPECT_EQ(dump(a) + "\n", *golden(std::string(GetParam()) + ".txt"));
}

TEST_P(GoldenFile, SurvivesARoundTripThroughPt) {
  const Archive a = parse(GetParam(), golden(GetParam()));
  const std::string once = pt_bytes(a.root, a.storages);
  const Archive b = parse_text("x.pt", once);
  EXPECT_EQ(dump(a), dump(b));
  EXPECT_EQ(once, pt_bytes(b.root, b.storages)) << "writing is not repeatable";
}

// Every prefix must be refused with a Format error: none of these formats tolerates a missing tail.
TEST_P(GoldenFile, RefusesEveryTruncation) {
  const auto bytes = golden(GetParam());
  for (size_t n = 0; n < bytes->size(); ++n) {
    try {
      parse_text(GetParam(), bytes->substr(0, n));
      ADD_FAILURE() << "accepted " << n << " of " << bytes->size() << " bytes";
      return;
    } catch (const RusTorchError& e) {
      ASSERT_EQ(e.kind(), ErrorKind::Format) << e.what();
      ASSERT_NE(std::string(e.what()).find("; "), std::string::npos) << e.what();
    }
  }
}

// A flipped bit gives the same value, another value, or a Format error; never anything else.
TEST_P(GoldenFile, SurvivesEveryFlippedByte) {
  const auto bytes = golden(GetParam());
#ifdef __SANITIZE_ADDRESS__
  constexpr size_t kStep = 17;  // every byte takes a quarter of an hour there
#else
  constexpr size_t kStep = 1;
#endif
  for (size_t i = 0; i < bytes->size(); i += kStep) {
    for (int bit : {0, 3, 7}) {
      std::string damaged = *bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      try {
        const Archive a = parse_text(GetParam(), damaged);
        for (const Storage& s : a.storages) {
          volatile uint8_t sink = s.nbytes ? s.data[s.nbytes - 1] : 0;
          (void)sink;
        }
      } catch (const RusTorchError& e) {
        ASSERT_EQ(e.kind(), ErrorKind::Format) << e.what();
      }
    }
  }
}

TEST(Pt, FindsDamagedTensorBytes) {
  Archive a = parse("dtypes.pt", golden("dtypes.pt"));
  auto bytes = std::make_shared<std::string>(pt_bytes(a.root, a.storages));
  const Archive b = parse("x.pt", bytes);
  const size_t at = static_cast<size_t>(b.storages[8].data - reinterpret_cast<const uint8_t*>(bytes->data()));
  (*bytes)[at] = static_cast<char>((*bytes)[at] ^ 1);
  FormatContext context;
  context.file = "model.pt";
  try {
    parse_pt(ByteSpan(*bytes), bytes, context);
    FAIL() << "the damage was not seen";
  } catch (const RusTorchError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("load(): checksum mismatch; at byte"), std::string::npos) << text;
    EXPECT_NE(text.find("of entry 'archive/data/8' in 'model.pt'"), std::string::npos) << text;
  }
}

TEST(Pt, AlignsStorages) {
  const Archive a = parse("network.pt", golden("network.pt"));
  auto bytes = std::make_shared<std::string>(pt_bytes(a.root, a.storages));
  const Archive b = parse("x.pt", bytes);
  for (const Storage& s : b.storages) {
    EXPECT_EQ((s.data - reinterpret_cast<const uint8_t*>(bytes->data())) % 64, 0);
  }
}

TEST(Pt, KeepsSharingAndRefusesCycles) {
  Value shared = Value::list({Value::integer(1)});
  Value root = Value::list({shared, shared});
  const Archive a = parse_text("x.pt", pt_bytes(root, {}));
  EXPECT_EQ(a.root.items()[0].identity(), a.root.items()[1].identity());

  Value loop = Value::list();
  loop.items().push_back(loop);
  EXPECT_THROW(pt_bytes(loop, {}), RusTorchError);
  loop.items().clear();
}

/// A checkpoint around a hand-written pickle with one storage of 16 bytes.
std::string with_pickle(std::string_view pickle) {
  std::string out;
  const std::vector<Storage> storages = {make_storage("0123456789abcdef", 16, kFloat32)};
  emit_pt_pickle([&](const void* d, uint64_t n) { out.append(static_cast<const char*>(d), n); }, pickle,
                 storages);
  return out;
}

std::string tensor_pickle(int offset, int size, int stride) {
  std::string s =
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
      "X\x01\x00\x00\x00"
      "0X\x03\x00\x00\x00"
      "cpuK\x04tQ"s;
  const auto number = [&](int v) {
    s.push_back('J');
    append_le(s, static_cast<uint64_t>(static_cast<int64_t>(v)), 4);
  };
  number(offset);
  number(size);
  s.push_back('\x85');
  number(stride);
  s += "\x85\x89"
       "ccollections\nOrderedDict\n)RtR.";
  return s;
}

void expect_refused(std::string_view pickle, const char* part) {
  try {
    parse_text("x.pt", with_pickle(pickle));
    ADD_FAILURE() << "accepted; expected an error with: " << part;
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Format) << e.what();
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(Pickle, ChecksTensorExtents) {
  EXPECT_EQ(parse_text("x.pt", with_pickle(tensor_pickle(0, 4, 1))).root.tensor().numel(), 4);
  EXPECT_EQ(parse_text("x.pt", with_pickle(tensor_pickle(3, 1000, 0))).root.tensor().numel(), 1000);
  expect_refused(tensor_pickle(1, 4, 1), "beyond its storage");
  expect_refused(tensor_pickle(0, 2, 4), "beyond its storage");
  expect_refused(tensor_pickle(-1, 2, 1), "offset is negative");
  expect_refused(tensor_pickle(0, -2, 1), "negative size or stride");
  expect_refused(tensor_pickle(0, 2, -1), "negative size or stride");
}

TEST(Pickle, RefusesEverythingThatCouldRun) {
  const std::string start = "\x80\x02";
  expect_refused(start + "cos\nsystem\nX\x02\x00\x00\x00ls\x85R."s, "'os.system', which is not allowed");
  expect_refused(start + "cbuiltins\neval\n)R.", "not allowed");
  expect_refused(start + "ctorch\nload\n)R.", "not allowed");
  expect_refused(start + "i__main__\nx\n.", "opcode 105 is not allowed");
  expect_refused(start + "}X", "unexpected end");
  expect_refused(start + "ctorch\nSize\n.", "a class or a bare storage");
  expect_refused(start + "Np0\n.", "opcode 112 is not allowed");
  expect_refused(start + "]]}ubR", "no mark");
  expect_refused(start + "K\x01K\x02R.", "arguments must be a tuple");
  expect_refused(start + "N)R.", "only allowed names can be called");
  expect_refused(start + "h\x05.", "memo index is not set");
  expect_refused(start + "K\x01r\xff\xff\xff\x7f.", "memo index is out of order");
  expect_refused(start + "}]Ns.", "cannot be a key");
  expect_refused(start + "((N", "unexpected end");
  expect_refused(start + "(NNt", "unexpected end");
  expect_refused(start + "N}b.", "state cannot be set on a None");
}

TEST(Pickle, RefusesBombs) {
  // A list of two references to a list of two references to ...: 2^60 items on paper.
  std::string bomb = "\x80\x02(]q\x00"s;
  for (int i = 0; i < 60; ++i) {
    bomb += std::string("](h") + static_cast<char>(i) + "h" + static_cast<char>(i) + "eq" +
            static_cast<char>(i + 1);
  }
  expect_refused(bomb + "t.", "too many items");
  // Nesting beyond the limit, in the two orders in which containers can be made.
  expect_refused("\x80\x02" + std::string(300000, ']') + std::string(299999, 'a') + ".", "nested too deeply");
  expect_refused("\x80\x02N" + std::string(300000, '\x85') + ".", "nested too deeply");
  // Deep values that the result does not use.
  expect_refused(
      "\x80\x02"
      "ctorch\nSize\nN" +
          std::string(300000, '\x85') + "\x85R.",
      "expected a");
  // A list inside itself.
  expect_refused(
      "\x80\x02]q\x00h\x00"
      "a."s,
      "contains itself");
  expect_refused("\x80\x02" + std::string(3000, '('), "unexpected end");
}

TEST(Pickle, RepeatedKeysKeepTheLastValue) {
  const Archive a = parse_text("x.pt", with_pickle("\x80\x02}(K\x01K\x05K\x02K\x06K\x01K\x07u."));
  EXPECT_EQ(dump(a), "dict(1=7,2=6)");
}

TEST(Pickle, BuildsEveryKindOfContainer) {
  const auto value = [](std::string_view pickle) { return dump(parse_text("x.pt", with_pickle(pickle))); };
  EXPECT_EQ(value("\x80\x04\x8f."), "set()");
  const std::string dict =
      "\x80\x02"
      "ccollections\nOrderedDict\n";
  EXPECT_EQ(value(dict + "](K\x01K\x02\x86K\x03K\x04\x86"
                         "e\x85R."),
            "odict(1=2,3=4)");
  expect_refused(dict +
                     "](K\x01"
                     "e\x85R.",
                 "made from pairs");
  expect_refused(dict + "K\x01\x85R.", "made from pairs");
  const std::string counter =
      "\x80\x02"
      "ccollections\nCounter\n";
  const Archive counts = parse_text("x.pt", with_pickle(counter + "}(K\x01K\x05K\x02K\x06u\x85R."));
  EXPECT_EQ(dump(counts), "dict(1=5,2=6)");
  EXPECT_TRUE(parse_text("x.pt", pt_bytes(counts.root, {})).root.is_counter());
  EXPECT_TRUE(parse_text("x.pt", with_pickle(counter + ")R.")).root.is_counter());
  expect_refused(counter + "]\x85R.", "a Counter is made from a dict");
  // Keys of every kind, one of them given twice as another type of the same value.
  EXPECT_EQ(value("\x80\x02}(\x88K\x05"
                  "ctorch\nint8\nK\x06G\x3f\xf0\x00\x00\x00\x00\x00\x00K\x07NK\x08u."s),
            "dict(True=7,dtype:int8=6,None=8)");
}

TEST(Pickle, RebuildsTensorsByEveryName) {
  const std::string plain = tensor_pickle(0, 4, 1);
  const size_t name_end = plain.find("_v2\n") + 4;
  const std::string fields = plain.substr(name_end, plain.size() - name_end - 3);  // without "tR."
  const auto tensor = [&](const std::string& pickle) {
    return parse_text("x.pt", with_pickle(pickle + ".")).root.tensor();
  };
  const std::string utils = "ctorch._utils\n", from_type =
                                                   "\x80\x02"
                                                   "ctorch._tensor\n_rebuild_from_type_v2\n(";
  const std::string v2 = utils + "_rebuild_tensor_v2\n", v3 = utils + "_rebuild_tensor_v3\n";
  EXPECT_FALSE(tensor(from_type + v2 + "ctorch\nTensor\n" + fields + "t}tR").is_parameter);
  EXPECT_TRUE(tensor(from_type + v2 + "ctorch.nn.parameter\nParameter\n" + fields + "t}tR").is_parameter);
  expect_refused(from_type + v2 + "ctorch\nSize\n" + fields + "t}tR.", "only plain tensors and parameters");
  expect_refused(from_type + "ctorch\nSize\nctorch\nTensor\n" + fields + "t}tR.", "only plain tensors");
  EXPECT_EQ(tensor("\x80\x02" + v3 + fields + "ctorch\nint32\ntR").dtype, kInt32);
  expect_refused("\x80\x02" + v3 + fields + "K\x01tR.", "dtype is missing");
  EXPECT_TRUE(tensor("\x80\x02" + v2 + fields + "}X\x03\x00\x00\x00neg\x88stR"s).is_neg);
  expect_refused("\x80\x02" + v2 + fields +
                     "}X\x03\x00\x00\x00"
                     "foo\x88stR."s,
                 "unknown tensor metadata");
  expect_refused(
      "\x80\x02"
      "ctorch\nTensor\n)R.",
      "cannot be called");
}

TEST(Limits, AreObeyed) {
  const auto bytes = golden("values.pt");
  ParseLimits limits;
  limits.max_bytes = bytes->size() - 1;
  EXPECT_THROW(parse_pt(ByteSpan(*bytes), bytes, {}, limits), RusTorchError);
  limits = {};
  limits.max_items = 1000;
  EXPECT_THROW(parse_pt(ByteSpan(*bytes), bytes, {}, limits), RusTorchError);
  limits = {};
  limits.max_depth = 3;
  EXPECT_THROW(parse_pt(ByteSpan(*bytes), bytes, {}, limits), RusTorchError);
}

TEST(Zip, Zip64FieldsAndManyEntries) {
  std::string out;
  ZipWriter writer([&](const void* d, uint64_t n) { out.append(static_cast<const char*>(d), n); });
  constexpr int kEntries = 70000;
  for (int i = 0; i < kEntries; ++i) writer.add(std::to_string(i), "x");
  writer.finish();
  const ZipReader reader(ByteSpan(out), {}, {});
  ASSERT_EQ(reader.entries().size(), static_cast<size_t>(kEntries));
  EXPECT_EQ(reader.read_text(*reader.find("69999")), "x");
}

TEST(Zip, SizesAndOffsetsOfSixtyFourBits) {
  std::string out;
  ZipWriter writer([&](const void* d, uint64_t n) { out.append(static_cast<const char*>(d), n); }, 100);
  const std::string small(10, 's'), large(150, 'l');
  writer.add("small", small);
  writer.add("large", large);
  writer.add("late", small);
  writer.finish();
  const ZipReader reader(ByteSpan(out), {}, {});
  for (const char* name : {"small", "large", "late"}) {
    const ZipReader::Entry& e = *reader.find(name);
    EXPECT_EQ(e.offset % ZipWriter::kAlignment, 0u) << name;
    EXPECT_EQ(reader.read_text(e), name[1] == 'a' && name[2] == 'r' ? large : small) << name;
  }
  // A directory entry that announces 64-bit fields and does not have them.
  const size_t directory = out.find("PK\x01\x02");
  const size_t field = out.find(std::string("\x01\x00\x08\x00", 4), directory);  // the offset of "late"
  ASSERT_NE(field, std::string::npos);
  out[field + 2] = 4;
  EXPECT_THROW(ZipReader(ByteSpan(out), {}, {}), RusTorchError);
}

TEST(Zip, ChecksumOfLargeData) {
  std::string data(9'000'001, '\0');
  uint32_t state = 1;
  for (char& c : data) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  uint32_t expected = 0xffffffff;  // the definition, bit by bit
  for (char c : data) {
    expected ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) expected = (expected >> 1) ^ (expected & 1 ? 0xedb88320u : 0);
  }
  EXPECT_EQ(crc32_of(data.data(), data.size()), ~expected);
}

TEST(Zip, SeveralArchivesInOneStream) {
  const std::string one = *golden("network.pt"), two = *golden("dtypes.pt"), three = *golden("rezipped.pt");
  std::string stream = one + two + three;
  for (const std::string& expected : {one, two, three}) {
    const uint64_t n = first_archive_size(ByteSpan(stream));
    EXPECT_EQ(n, expected.size());
    EXPECT_NO_THROW(parse_text("x.pt", stream.substr(0, n)));
    stream.erase(0, n);
  }
  EXPECT_EQ(first_archive_size(ByteSpan(std::string_view("hello"))), 5u);
}

TEST(Safetensors, RoundTrip) {
  const auto bytes = golden("dtypes.safetensors");
  SafetensorsFile a = parse_safetensors(ByteSpan(*bytes), bytes);
  EXPECT_EQ(a.metadata.size(), 2u);
  std::string out;
  emit_safetensors([&](const void* d, uint64_t n) { out.append(static_cast<const char*>(d), n); }, a);
  SafetensorsFile b = parse_safetensors(ByteSpan(out), nullptr);
  ASSERT_EQ(b.archive.root.entries().size(), a.archive.root.entries().size());
  for (const auto& [key, v] : a.archive.root.entries()) {
    EXPECT_EQ(dump(v, a.archive.storages), dump(*b.archive.root.find(key.text()), b.archive.storages));
  }
  EXPECT_EQ(b.metadata, a.metadata);
}

std::string safetensors_with(const std::string& header, size_t data) {
  std::string s;
  append_le(s, header.size(), 8);
  return s + header + std::string(data, '\0');
}

TEST(Safetensors, RefusesBadHeaders) {
  const auto refuse = [](const std::string& header, size_t data, const char* part) {
    const std::string bytes = safetensors_with(header, data);
    try {
      parse_safetensors(ByteSpan(bytes), nullptr);
      ADD_FAILURE() << "accepted " << header;
    } catch (const RusTorchError& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Format);
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  const auto tensor = [](const char* name, const char* shape, int from, int to) {
    return cat("\"", name, "\":{\"dtype\":\"U8\",\"shape\":", shape, ",\"data_offsets\":[", from, ",", to,
               "]}");
  };
  refuse("{" + tensor("a", "[4]", 0, 4) + "}", 5, "after the last tensor");
  refuse("{" + tensor("a", "[4]", 0, 4) + "}", 3, "lie outside");
  refuse("{" + tensor("a", "[5]", 0, 4) + "}", 4, "another size");
  refuse("{" + tensor("a", "[4]", 1, 5) + "}", 5, "leave a gap");
  refuse("{" + tensor("a", "[4]", 0, 4) + "," + tensor("b", "[4]", 2, 6) + "}", 6, "overlap");
  refuse("{" + tensor("a", "[4]", 0, 4) + "," + tensor("a", "[4]", 0, 4) + "}", 4, "there twice");
  refuse("{" + tensor("a", "[4294967296,4294967296]", 0, 0) + "}", 0, "overflows");
  refuse("{" + tensor("a", "[-1]", 0, 1) + "}", 1, "negative");
  refuse("{\"a\":{\"dtype\":\"F8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, "not known");
  refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 0, "lacks");
  refuse("{\"a\":[[[[", 0, "none belongs");
  refuse("[]", 0, "does not start");
  refuse("{\"a\":", 0, "no valid JSON");
}

TEST(Npy, RoundTrip) {
  const Archive a = parse("arrays.npz", golden("arrays.npz"));
  for (const auto& [key, v] : a.root.entries()) {
    if (!v.tensor().is_contiguous()) continue;
    std::string out;
    emit_npy([&](const void* d, uint64_t n) { out.append(static_cast<const char*>(d), n); }, v.tensor(),
             a.storages[static_cast<size_t>(v.tensor().storage)]);
    const Archive b = parse_npy(ByteSpan(out), nullptr);
    EXPECT_EQ(dump(b), dump(v, a.storages));
  }
}

TEST(Npy, RefusesObjects) {
  std::string s("\x93NUMPY\x01\x00\x3b\x00", 10);
  s += "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }   \n";
  s.resize(10 + 0x3b, ' ');
  EXPECT_THROW(parse_npy(ByteSpan(s), nullptr), RusTorchError);
}

}  // namespace
}  // namespace rustorch::formats
