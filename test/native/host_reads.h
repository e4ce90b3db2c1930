// Which operations give the host a value, where on a GPU it would wait for all that was given before.
#pragma once

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <set>
#include <string>
#include <vector>

namespace svg::test {

inline std::vector<std::string>& noted_reads() {
  static std::vector<std::string> found;
  return found;
}

inline std::unique_ptr<at::ObserverContext> note_read(const at::RecordFunction& function) {
  static const std::set<std::string> reads = {
      "aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::nonzero", "aten::equal",
      "aten::masked_select"};
  if (reads.count(function.name())) noted_reads().emplace_back(function.name());
  return nullptr;
}

/// Operations that give the host a value, among those of `body` on this thread.
template <typename Body>
std::vector<std::string> host_reads(const Body& body) {
  noted_reads().clear();
  const auto handle =
      at::addThreadLocalCallback(at::RecordFunctionCallback(note_read).scopes({at::RecordScope::FUNCTION}));
  body();
  at::removeCallback(handle);
  return noted_reads();
}

}  // namespace svg::test
