// The files rt_exprgen writes, as text.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "expr/program.h"

namespace rustorch::exprgen {

/// (file name, text) of every generated file: kernels_<k>.cc, kernel_table.h, kernel_table.cc. With a name
/// space NS everything is in rustorch::NS and the files are NS_<k>.cc, NS_table.h, NS_table.cc.
std::vector<std::pair<std::string, std::string>> write_sources(const std::vector<expr::Program>& programs,
                                                               int shards, const std::string& name_space);

}  // namespace rustorch::exprgen
