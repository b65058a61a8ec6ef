// save/load of tensors: values, views and sharing, gradients, errors.
#include "rustorch/serialize.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include "dump.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

/// A file name in the test's temporary folder, removed at the end.
struct TempFile {
  explicit TempFile(const std::string& name) : path(testing::TempDir() + "rustorch_" + name) {}
  ~TempFile() { std::remove(path.c_str()); }
  std::string path;
};

Tensor golden_tensor(const char* key) { return load(formats::golden_path("dtypes.pt"))[key].tensor(); }

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.sizes() == b.sizes() && a.is_contiguous() && b.is_contiguous() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), static_cast<size_t>(a.nbytes())) == 0;
}

TEST(Serialize, ReadsPyTorchFiles) {
  const SavedValue file = load(formats::golden_path("network.pt"));
  const StateDict model = file["model"].state_dict();
  EXPECT_EQ(model.at("0.weight").sizes(), IntArrayRef({2, 1, 3, 3}));
  EXPECT_EQ(model.at("1.num_batches_tracked").dtype(), kInt64);
  EXPECT_EQ(file["epoch"].to_int(), 3);
  EXPECT_TRUE(file["optimizer"]["state"]["0"]["exp_avg"].is_tensor());
  EXPECT_EQ(file["optimizer"]["param_groups"][0]["lr"].to_double(), 1e-3);
}

TEST(Serialize, RoundTripsEveryDType) {
  TempFile file("dtypes.pt");
  StateDict all = load(formats::golden_path("dtypes.pt")).state_dict();
  for (const auto& [name, tensor] : load(formats::golden_path("stored.pt")).state_dict())
    all.insert(name, tensor);
  EXPECT_EQ(all.size(), static_cast<size_t>(kBComplex32));  // the types before it
  save(all, file.path);
  const StateDict again = load(file.path).state_dict();
  for (const auto& [name, tensor] : all) EXPECT_TRUE(same_bytes(tensor, again.at(name))) << name;
}

TEST(Serialize, KeepsSharingBetweenViews) {
  const SavedValue file = load(formats::golden_path("values.pt"));
  const SavedValue& views = file["views"];
  const Tensor base = views[0].tensor(), transposed = views[1].tensor();
  EXPECT_EQ(base.const_data_ptr(), transposed.const_data_ptr());
  EXPECT_EQ(transposed.strides(), IntArrayRef({1, 4}));
  EXPECT_TRUE(file["parameter"].tensor().requires_grad());
  EXPECT_FALSE(file["frozen"].tensor().requires_grad());

  TempFile out("views.pt");
  save(std::vector<Tensor>{base, transposed}, out.path);
  const SavedValue again = load(out.path);
  EXPECT_EQ(again[0].tensor().const_data_ptr(), again[1].tensor().const_data_ptr());
  EXPECT_EQ(again[1].tensor().strides(), IntArrayRef({1, 4}));
}

TEST(Serialize, OtherFormats) {
  const Tensor t = golden_tensor("float32");
  TempFile st("t.safetensors"), npy("t.npy"), npz("t.npz");
  save_safetensors({{"t", t}}, st.path);
  EXPECT_TRUE(same_bytes(load_safetensors(st.path).at("t"), t));
  save_npy(t, npy.path);
  EXPECT_TRUE(same_bytes(load_npy(npy.path), t));
  save_npz({{"t", t}}, npz.path);
  EXPECT_TRUE(same_bytes(load_npz(npz.path).at("t"), t));
  const StateDict stored = load_safetensors(formats::golden_path("stored.safetensors"));
  save_safetensors(stored, st.path);
  for (const auto& [name, tensor] : stored)
    EXPECT_TRUE(same_bytes(load_safetensors(st.path).at(name), tensor)) << name;
  for (const char* name : {"uint16", "uint32", "uint64"}) {
    save_npy(stored.at(name), npy.path);
    EXPECT_TRUE(same_bytes(load_npy(npy.path), stored.at(name))) << name;
  }
  EXPECT_THROW(save_npy(stored.at("float8_e5m2"), npy.path), RusTorchError);
}

TEST(Serialize, Bytes) {
  const SavedValue value(SavedValue::Dict{{"a", 1}, {"b", SavedValue::List{2.5, "x", SavedValue(), true}}});
  const SavedValue again = load_bytes(save_bytes(value));
  EXPECT_EQ(again["a"].to_int(), 1);
  EXPECT_EQ(again["b"][1].text(), "x");
  EXPECT_TRUE(again["b"][2].is_none());
}

TEST(Serialize, Errors) {
  EXPECT_EQ(try_load("no/such/file.pt").error().kind(), ErrorKind::Io);
  EXPECT_THROW(save(SavedValue(1), "no/such/folder/x.pt"), RusTorchError);
  EXPECT_THROW(load(formats::golden_path("dtypes.pt"))["absent"], RusTorchError);
  EXPECT_THROW(SavedValue(1).tensor(), RusTorchError);
  EXPECT_THROW(save(Tensor(), testing::TempDir() + "undefined.pt"), RusTorchError);
  EXPECT_EQ(try_load(formats::golden_path("dtypes.safetensors")).error().kind(), ErrorKind::Format);
}

}  // namespace
}  // namespace rustorch
