// Printing of tensors: PyTorch's layout (summaries, common width, scientific form when the range asks for
// it).
#include "rustorch/print.h"

#include <cmath>
#include <cstdio>
#include <mutex>
#include <ostream>

#include "autograd/meta.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

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

/// Number format common to all values shown.
class Formatter {
 public:
  Formatter(const std::vector<double>& values, bool is_float, const PrintOptions& o)
      : float_(is_float), o_(o) {
    if (!float_) {
      for (double v : values) width_ = std::max(width_, static_cast<int>(plain(v).size()));
      return;
    }
    double low = INFINITY, high = 0;
    int_mode_ = true;
    for (double v : values) {
      if (!std::isfinite(v)) continue;
      if (v != std::ceil(v)) int_mode_ = false;
      if (v == 0) continue;
      low = std::min(low, std::abs(v));
      high = std::max(high, std::abs(v));
    }
    if (high > 0) {
      if (int_mode_)
        scientific_ = high / low > 1000.0 || high > 1e8;
      else
        scientific_ = high / low > 1000.0 || high > 1e8 || low < 1e-4;
    }
    if (o.scientific >= 0) scientific_ = o.scientific == 1;
    for (double v : values) width_ = std::max(width_, static_cast<int>(number(v).size()));
  }
  std::string operator()(double v) const {
    std::string text = float_ ? number(v) : plain(v);
    return std::string(static_cast<size_t>(std::max(0, width_ - static_cast<int>(text.size()))), ' ') + text;
  }
  int width() const { return width_; }

 private:
  static std::string plain(double v) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.0f", v);
    return buffer;
  }
  std::string number(double v) const {
    if (std::isnan(v)) return "nan";
    if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
    char buffer[400];
    if (scientific_)
      std::snprintf(buffer, sizeof buffer, "%.*e", o_.precision, v);
    else if (int_mode_)
      std::snprintf(buffer, sizeof buffer, "%.0f.", v);
    else
      std::snprintf(buffer, sizeof buffer, "%.*f", o_.precision, v);
    return buffer;
  }
  bool float_, int_mode_ = false, scientific_ = false;
  int width_ = 1;
  PrintOptions o_;
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
  bool summarise;
  bool is_bool, is_complex;
  const Formatter* re;
  const Formatter* im;

  std::string element(const Tensor& flat, int64_t i) const {
    if (is_bool) {
      bool v = flat.const_data_ptr<double>()[i] != 0;
      return v ? " True" : "False";
    }
    if (!is_complex) return (*re)(flat.const_data_ptr<double>()[i]);
    const double* p = static_cast<const double*>(flat.const_data_ptr()) + 2 * i;
    std::string imaginary = (*im)(p[1]);
    bool negative = std::signbit(p[1]);
    std::string text = (*re)(p[0]);
    return text + (negative || imaginary[0] == '-' ? "" : "+") + imaginary + "j";
  }
  int64_t element_width() const {
    if (is_bool) return 5;
    return re->width() + (is_complex ? im->width() + 2 : 0);
  }

  // `full` has the sizes before summarising, `flat` holds the shown elements in order.
  std::string text(IntArrayRef full, IntArrayRef shown, const Tensor& flat, int64_t& at,
                   int64_t indent) const {
    if (full.empty()) return element(flat, at++);
    bool cut = shown[0] < full[0];
    if (full.size() == 1) return row(shown[0], cut, flat, at, indent);
    std::string out = "[";
    for (int64_t i = 0; i < shown[0]; ++i) {
      if (cut && i == o.edge_items) out += "...," + separator(full.size(), indent);
      out += text(full.slice(1), shown.slice(1), flat, at, indent + 1);
      if (i + 1 < shown[0]) out += "," + separator(full.size(), indent);
    }
    return out + "]";
  }
  static std::string separator(size_t dims, int64_t indent) {
    return std::string(dims - 1, '\n') + std::string(static_cast<size_t>(indent + 1), ' ');
  }
  std::string row(int64_t n, bool cut, const Tensor& flat, int64_t& at, int64_t indent) const {
    int64_t per_line = std::max<int64_t>(1, (o.line_width - indent) / (element_width() + 2));
    std::vector<std::string> items;
    for (int64_t i = 0; i < n; ++i) {
      if (cut && i == o.edge_items) items.push_back(" ...");
      items.push_back(element(flat, at++));
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

std::string body(const Tensor& t, const PrintOptions& o, int64_t indent) {
  bool summarise = t.numel() > o.threshold;
  Tensor shown = shown_part(t.detach(), o, summarise);
  bool complex = t.is_complex(), boolean = t.dtype() == kBool;
  Tensor flat = contiguous_raw(
      cast_raw(shown.device().is_cpu() ? shown : shown.to(Device::Cpu()), complex ? kComplex128 : kFloat64));
  std::vector<double> re, im;
  const double* p = static_cast<const double*>(flat.const_data_ptr());
  for (int64_t i = 0; i < flat.numel(); ++i) {
    re.push_back(complex ? p[2 * i] : p[i]);
    if (complex) im.push_back(p[2 * i + 1]);
  }
  bool is_float = complex || t.is_floating_point();
  Formatter format_re(re, is_float, o), format_im(im, is_float, o);
  // int64 does not fit a double beyond 2^53; such values are printed through their own text.
  Printer printer{o, summarise, boolean, complex, &format_re, &format_im};
  int64_t at = 0;
  return printer.text(t.sizes(), shown.sizes(), flat, at, indent);
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
  if (device().is_meta()) {
    out += "...";
    suffixes.push_back(rustorch::cat("size=(", std::string(sizes().empty() ? "" : ""), sizes(), ")"));
  } else if (numel() == 0) {
    out += "[]";
    if (dim() != 1) {
      std::string size = "size=(";
      for (size_t i = 0; i < sizes().size(); ++i) size += (i ? ", " : "") + std::to_string(sizes()[i]);
      suffixes.push_back(size + (dim() == 1 ? ",)" : ")"));
    }
    default_type = dtype() == get_default_dtype();
  } else {
    out += body(*this, o, 7);
  }
  if (!default_type) suffixes.push_back(rustorch::cat("dtype=rustorch.", dtype_name(dtype())));
  if (Node* fn = grad_fn())
    suffixes.push_back(rustorch::cat("grad_fn=<", fn->name(), ">"));
  else if (requires_grad())
    suffixes.push_back("requires_grad=True");
  int64_t last_line =
      static_cast<int64_t>(out.size() - (out.rfind('\n') == std::string::npos ? 0 : out.rfind('\n') + 1));
  for (const std::string& s : suffixes) {
    if (last_line + static_cast<int64_t>(s.size()) + 2 > o.line_width) {
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

}  // namespace rustorch
