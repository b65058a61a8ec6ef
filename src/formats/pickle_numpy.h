// NumPy's arrays and dtypes in pickles, as data: nothing of NumPy is called.
//
// A value of kind kArray holds, while a pickle is read, nothing (an array without its state) or one string (a
// dtype, "<f8" once its state came), and in a finished value (dtype, Size or None for a number, whether the
// order is Fortran's, bytes).
#pragma once
#include <cstdint>
#include <string>

#include "formats/parse_context.h"
#include "formats/value.h"

namespace rustorch::formats {

/// A dtype from the first argument of numpy.dtype: "f8", "U5". Refuses types that hold Python objects.
Value numpy_dtype(const std::string& code, const FormatContext& context, uint64_t at);
/// One number, from a dtype and its bytes.
Value numpy_scalar(const Value& dtype, const Value& bytes, const FormatContext& context, uint64_t at);
/// Gives an array or a dtype its state.
void build_numpy(Value& target, const Value& state, const FormatContext& context, uint64_t at);
/// Whether a kArray is a finished array or number.
bool is_finished_array(const Value& v);

}  // namespace rustorch::formats
