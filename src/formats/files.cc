#include "formats/files.h"

namespace rustorch::formats {
namespace {

/// Maps a file and runs a parser over it.
template <class T, class Parse>
RusTorchResult<T> read_with(Vfs& vfs, const std::string& path, const ParseLimits& limits, Parse&& parse) {
  return attempt([&]() -> RusTorchResult<T> {
    RT_TRY(mapped, vfs.mmap_read(path, MapMode::CopyOnWrite));
    const std::shared_ptr<FileMap> map = std::move(mapped);
    FormatContext context;
    context.file = path;
    return parse(ByteSpan(map->data(), map->size()), map, context, limits);
  });
}

/// What stands between the last slash and the last dot: PyTorch's name for the records' folder.
std::string stem(const std::string& path) {
  const size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const size_t dot = name.rfind('.');
  if (dot != std::string::npos && dot > 0) name.resize(dot);
  return name.empty() ? "archive" : name;
}

}  // namespace

RusTorchResult<void> write_atomically(Vfs& vfs, const std::string& path,
                                      const std::function<void(const ByteSink&)>& emit) {
  return attempt([&]() -> RusTorchResult<void> {
    RT_TRY(file, vfs.open_write(path));
    emit([&](const void* data, uint64_t n) { file->write(data, n).unwrap(); });
    return file->commit();
  });
}

RusTorchResult<Archive> read_pt(Vfs& vfs, const std::string& path, const ParseLimits& limits) {
  return read_with<Archive>(vfs, path, limits, parse_pt);
}

RusTorchResult<void> write_pt(Vfs& vfs, const std::string& path, const Value& root,
                              const std::vector<Storage>& storages) {
  return write_atomically(vfs, path,
                          [&](const ByteSink& sink) { emit_pt(sink, root, storages, stem(path)); });
}

RusTorchResult<SafetensorsFile> read_safetensors(Vfs& vfs, const std::string& path,
                                                 const ParseLimits& limits) {
  return read_with<SafetensorsFile>(vfs, path, limits, parse_safetensors);
}

RusTorchResult<void> write_safetensors(Vfs& vfs, const std::string& path, const SafetensorsFile& file) {
  return write_atomically(vfs, path, [&](const ByteSink& sink) { emit_safetensors(sink, file); });
}

RusTorchResult<Archive> read_numpy(Vfs& vfs, const std::string& path, const ParseLimits& limits) {
  return read_with<Archive>(vfs, path, limits,
                            [](ByteSpan bytes, std::shared_ptr<const void> owner, FormatContext context,
                               const ParseLimits& bounds) {
                              return bytes.text().substr(0, 2) == "PK"
                                         ? parse_npz(bytes, owner, context, bounds)
                                         : parse_npy(bytes, owner, context, bounds);
                            });
}

RusTorchResult<void> write_numpy(Vfs& vfs, const std::string& path, const Archive& archive) {
  return write_atomically(vfs, path, [&](const ByteSink& sink) {
    if (!archive.root.is_tensor()) return emit_npz(sink, archive);
    const TensorRecord& r = archive.root.tensor();
    emit_npy(sink, r, archive.storages.at(static_cast<size_t>(r.storage)));
  });
}

}  // namespace rustorch::formats
