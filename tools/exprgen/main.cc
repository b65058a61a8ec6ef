// rt_exprgen: turns kernel requests into C++ sources at build time.
//
//   rt_exprgen --requests FILE --out-dir DIR --shards N [--namespace NS]
//
// Writes kernels_<k>.cc, kernel_table.h and kernel_table.cc (NS_<k>.cc, NS_table.* with a name space); a file
// whose text did not change keeps its time stamp.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "render_highway.h"
#include "rustorch/error.h"
#include "write_sources.h"

namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) rustorch::raise(rustorch::ErrorKind::Io, "rt_exprgen", "cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void write_if_changed(const std::string& path, const std::string& text) {
  {
    std::ifstream in(path, std::ios::binary);
    if (in && std::string(std::istreambuf_iterator<char>(in), {}) == text) return;
  }
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.flush();
  if (!out) rustorch::raise(rustorch::ErrorKind::Io, "rt_exprgen", "cannot write " + path);
}

int run(int argc, char** argv) {
  std::string requests, dir, name_space;
  int shards = 1;
  for (int k = 1; k + 1 < argc; k += 2) {
    if (!std::strcmp(argv[k], "--requests"))
      requests = argv[k + 1];
    else if (!std::strcmp(argv[k], "--out-dir"))
      dir = argv[k + 1];
    else if (!std::strcmp(argv[k], "--shards"))
      shards = std::atoi(argv[k + 1]);
    else if (!std::strcmp(argv[k], "--namespace"))
      name_space = argv[k + 1];
  }
  if (requests.empty() || dir.empty() || shards < 1) {
    std::fprintf(stderr, "usage: rt_exprgen --requests FILE --out-dir DIR --shards N [--namespace NS]\n");
    return 2;
  }
  std::vector<rustorch::expr::Program> programs = rustorch::expr::parse_requests(read_file(requests));
  for (const auto& file : rustorch::exprgen::write_sources(programs, shards, name_space))
    write_if_changed(dir + "/" + file.first, file.second);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rt_exprgen: %s\n", e.what());
    return 1;
  }
}
