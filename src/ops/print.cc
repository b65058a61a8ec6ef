// Printing of tensors: PyTorch's layout (summaries, common width, scientific form when the range asks for
// it).
#include "rustorch/print.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <ostream>

#include "autograd/meta.h"
#include "core/quantized_data.h"
#include "core/sparse_data.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "rustorch/quantized.h"
#include "rustorch/result.h"

namespace rustorch {

namespace {
std::mutex mutex;
PrintOptions options;
}  // namespace

PrintOptions print_options() {
  std::lock_guard<std::mutex> lock(mutex);
  return options;
}
void set_print_options(const PrintOptions& o) {
  std::lock_guard<std::mutex> lock(mutex);
  options = o;
}

namespace {

/// The numbers of one part (all, or the real or imaginary ones) as texts of one width. As in PyTorch, only
/// finite values other than zero decide the width and the form: nan beside 1. is not padded for.
class Column {
 public:
  static Column of_floats(const std::vector<double>& values, const PrintOptions& o) {
    Column column;
    double low = INFINITY, high = 0;
    bool whole = true;
    for (double v : values) {
      if (!std::isfinite(v) || v == 0) continue;
      whole = whole && v == std::ceil(v);
      low = std::min(low, std::abs(v));
      high = std::max(high, std::abs(v));
    }
    bool scientific = high > 0 && (high / low > 1000.0 || high > 1e8 || low < 1e-4);
    if (high > 0 && o.scientific >= 0) scientific = o.scientific == 1;
    for (double v : values) {
      column.texts_.push_back(scientific ? print("%.*e", o.precision, v)
                              : whole    ? print(std::isfinite(v) ? "%.*f." : "%.*f", 0, v)
                                         : print("%.*f", o.precision, v));
      if (std::isfinite(v) && v != 0) column.widen();
    }
    return column;
  }
  static Column of_integers(const std::vector<int64_t>& values, DType dtype) {
    Column column;
    for (int64_t v : values) {
      column.texts_.push_back(dtype == kUInt64 ? std::to_string(static_cast<uint64_t>(v))
                              : dtype != kBool ? std::to_string(v)
                              : v != 0         ? "True"
                                               : "False");
      column.widen();
    }
    return column;
  }

  const std::string& plain(int64_t i) const { return texts_[static_cast<size_t>(i)]; }
  std::string padded(int64_t i) const {
    const std::string& text = plain(i);
    return std::string(text.size() < width_ ? width_ - text.size() : 0, ' ') + text;
  }
  size_t width() const { return width_; }

 private:
  static std::string print(const char* format, int precision, double v) {
    if (std::isnan(v)) return "nan";
    char buffer[400];
    std::snprintf(buffer, sizeof buffer, format, precision, v);
    return buffer;
  }
  void widen() { width_ = std::max(width_, texts_.back().size()); }

  std::vector<std::string> texts_;
  size_t width_ = 1;
};

/// The elements to show, as a contiguous CPU tensor: summarised dimensions keep their ends.
Tensor shown_part(const Tensor& t, const PrintOptions& o, bool summarise) {
  Tensor part = t;
  if (summarise)
    for (int64_t d = 0; d < part.dim(); ++d) {
      int64_t n = part.size(d);
      if (n <= 2 * o.edge_items) continue;
      part = cat({part.narrow(d, 0, o.edge_items), part.narrow(d, n - o.edge_items, o.edge_items)}, d);
    }
  return part;
}

struct Printer {
  const PrintOptions& o;
  Column re, im;
  bool is_complex;

  std::string element(int64_t i) const {
    if (!is_complex) return re.padded(i);
    const std::string& imaginary = im.plain(i);
    return re.padded(i) + (imaginary[0] == '-' ? "" : "+") + imaginary + "j";
  }
  int64_t element_width() const {
    return static_cast<int64_t>(re.width() + 2 + (is_complex ? im.width() + 1 : 0));
  }

  // `full` has the sizes before summarising; `at` counts the shown elements.
  std::string text(IntArrayRef full, IntArrayRef shown, int64_t& at, int64_t indent) const {
    if (full.empty()) return element(at++);
    bool cut = shown[0] < full[0];
    if (full.size() == 1) return row(shown[0], cut, at, indent);
    if (shown[0] == 0) return "[...]";
    std::string out = "[";
    for (int64_t i = 0; i < shown[0]; ++i) {
      if (cut && i == o.edge_items) out += "...," + separator(full.size(), indent);
      out += text(full.slice(1), shown.slice(1), at, indent + 1);
      if (i + 1 < shown[0]) out += "," + separator(full.size(), indent);
    }
    return out + "]";
  }
  static std::string separator(size_t dims, int64_t indent) {
    return std::string(dims - 1, '\n') + std::string(static_cast<size_t>(indent + 1), ' ');
  }
  std::string row(int64_t n, bool cut, int64_t& at, int64_t indent) const {
    if (n == 0) return "[...]";
    int64_t per_line = std::max<int64_t>(1, (o.line_width - indent) / element_width());
    std::vector<std::string> items;
    for (int64_t i = 0; i < n; ++i) {
      if (cut && i == o.edge_items) items.push_back(" ...");
      items.push_back(element(at++));
    }
    std::string out = "[";
    for (size_t i = 0; i < items.size(); ++i) {
      out += items[i];
      if (i + 1 == items.size()) break;
      out += ",";
      bool line_ends = (static_cast<int64_t>(i) + 1) % per_line == 0;
      out += line_ends ? "\n" + std::string(static_cast<size_t>(indent + 1), ' ') : " ";
    }
    return out + "]";
  }
};

template <class T>
std::vector<T> values_of(const Tensor& flat) {
  const T* p = flat.const_data_ptr<T>();
  return {p, p + flat.numel()};
}

std::string body(const Tensor& t, const PrintOptions& o, int64_t indent) {
  Tensor shown = shown_part(t.detach(), o, t.numel() > o.threshold);
  Tensor here = shown.device().is_cpu() ? shown : shown.to(Device::Cpu());
  auto part = [&](const Tensor& numbers) { return contiguous_raw(cast_raw(numbers, kFloat64)); };
  Printer printer{o, {}, {}, t.is_complex()};
  if (t.is_complex()) {
    printer.re = Column::of_floats(values_of<double>(part(real(here))), o);
    printer.im = Column::of_floats(values_of<double>(part(imag(here))), o);
  } else if (t.is_floating_point()) {
    printer.re = Column::of_floats(values_of<double>(part(here)), o);
  } else {
    printer.re = Column::of_integers(values_of<int64_t>(contiguous_raw(cast_raw(here, kInt64))), t.dtype());
  }
  int64_t at = 0;
  return printer.text(t.sizes(), shown.sizes(), at, indent);
}

/// "(2, 3)", "(2,)".
std::string tuple_text(IntArrayRef sizes) {
  std::string text = "(";
  for (size_t i = 0; i < sizes.size(); ++i) text += (i ? ", " : "") + std::to_string(sizes[i]);
  return text + (sizes.size() == 1 ? ",)" : ")");
}

/// A part of a sparse tensor: `values=tensor([1., 2.])`, indented to stand in lines of its own.
std::string part_text(const std::string& name, const Tensor& t, const PrintOptions& o) {
  const std::string head = name + "=tensor(";
  std::string text = head;
  if (t.numel() == 0)
    text += "[], size=" + tuple_text(t.sizes());
  else
    text += body(t, o, 7 + static_cast<int64_t>(head.size()));
  return text + ")";
}

std::string sparse_body(const SparseData& d, const PrintOptions& o) {
  const std::string line = ",\n       ";
  const std::string values = part_text("values", d.values, o);
  if (d.layout == Layout::SparseCoo) return part_text("indices", d.indices, o) + line + values;
  const bool rows = d.layout == Layout::SparseCsr || d.layout == Layout::SparseBsr;
  return part_text(rows ? "crow_indices" : "ccol_indices", d.indices, o) + line +
         part_text(rows ? "col_indices" : "row_indices", d.plain, o) + line + values;
}

/// What stands for the elements of a type that has no numbers: their bytes.
Tensor bytes_of(const Tensor& t) {
  if (t.dtype() == kFloat4_e2m1fn_x2) return t.view(kUInt8).to(kFloat32);
  const bool has_sign = t.dtype() >= kInt1 && t.dtype() <= kInt7;
  return t.view(rustorch::element_size(t.dtype()) == 2   ? kUInt16
                : rustorch::element_size(t.dtype()) == 4 ? kInt32
                : has_sign                               ? kInt8
                                                         : kUInt8);
}

/// The shortest text that reads back as v, as Python writes it.
std::string shortest(double v) {
  char text[32];
  int digits = 1;
  do {
    std::snprintf(text, sizeof text, "%.*g", digits, v);
  } while (std::strtod(text, nullptr) != v && ++digits <= 17);
  std::string out = text;
  return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;
}

/// Name of the node that made a tensor; "" without one. That of a view whose base was written may not be
/// asked for.
std::string node_name(const Tensor& t) {
  const auto node = attempt([&] { return t.grad_fn(); });
  if (!node.is_ok()) return "Invalid";
  return node.value() == nullptr ? "" : node.value()->name();
}

void add_quantizer(std::vector<std::string>& suffixes, const Quantizer& q) {
  suffixes.push_back(rustorch::cat("quantization_scheme=rustorch.", qscheme_name(q.scheme)));
  if (q.scheme == QScheme::PerTensorAffine) {
    suffixes.push_back("scale=" + shortest(q.scale));
    suffixes.push_back(rustorch::cat("zero_point=", q.zero_point));
    return;
  }
  suffixes.push_back("scale=" + q.scales.str());
  suffixes.push_back("zero_point=" + q.zero_points.str());
  suffixes.push_back(rustorch::cat("axis=", q.axis));
}

}  // namespace

std::string Tensor::str() const {
  if (!defined()) return "tensor(undefined)";
  GradModeGuard off(false);
  PrintOptions o = print_options();
  std::string out = "tensor(";
  std::vector<std::string> suffixes;
  if (!device().is_cpu()) suffixes.push_back(rustorch::cat("device='", device(), "'"));
  bool default_type = dtype() == get_default_dtype() || dtype() == kInt64 || dtype() == kBool ||
                      dtype() == complex_type(get_default_dtype());
  const bool sparse = impl()->is_sparse() && !is_quantized();
  if (is_quantized()) {
    out += numel() == 0 ? "[]" : body(rustorch::dequantize(*this), o, 7);
    suffixes.push_back("size=" + tuple_text(sizes()));
  } else if (sparse) {
    const SparseData& d = sparse_data(*this);
    out += sparse_body(d, o);
    suffixes.push_back("size=" + tuple_text(sizes()));
    suffixes.push_back(
        rustorch::cat("nnz=", d.layout == Layout::SparseCoo ? d.indices.size(1) : d.plain.size(-1)));
  } else if (device().is_meta()) {
    out += "...";
    suffixes.push_back("size=" + tuple_text(sizes()));
  } else if (numel() == 0) {
    out += "[]";
    if (dim() != 1) suffixes.push_back("size=" + tuple_text(sizes()));
    default_type = dtype() == get_default_dtype();
  } else {
    out += body(is_opaque(dtype()) ? bytes_of(*this) : *this, o, 7);
  }
  if (!default_type) suffixes.push_back(rustorch::cat("dtype=rustorch.", dtype_name(dtype())));
  if (sparse) suffixes.push_back(rustorch::cat("layout=rustorch.", layout_name(layout())));
  if (is_quantized()) add_quantizer(suffixes, quantized_data("str", *this).quantizer);
  const std::string node = node_name(*this);
  if (!node.empty())
    suffixes.push_back(rustorch::cat("grad_fn=<", node, ">"));
  else if (requires_grad())
    suffixes.push_back("requires_grad=True");
  // Room for ", " is kept behind the last line.
  int64_t last_line = static_cast<int64_t>(out.size() - (out.rfind('\n') + 1)) + 2;
  bool new_line = sparse && layout() == Layout::SparseCoo;
  for (const std::string& s : suffixes) {
    if (std::exchange(new_line, false) || last_line + static_cast<int64_t>(s.size()) + 2 > o.line_width) {
      out += ",\n       " + s;
      last_line = 7 + static_cast<int64_t>(s.size());
    } else {
      out += ", " + s;
      last_line += static_cast<int64_t>(s.size()) + 2;
    }
  }
  return out + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << t.str(); }
std::ostream& operator<<(std::ostream& out, IntArrayRef sizes) { return out << rustorch::cat(sizes); }
std::ostream& operator<<(std::ostream& out, DType t) { return out << dtype_name(t); }
std::ostream& operator<<(std::ostream& out, Device d) { return out << d.str(); }

}  // namespace rustorch
