#include "models/next_dit/modulation_window.h"

#include <algorithm>

#include "core/error.h"

namespace svg {
namespace {

constexpr size_t kTableRows = 64;  // 0.9 MB a row at the 2B's width

template <typename Value>
int64_t position_in(const std::vector<Value>& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) - list.begin();
}

at::Tensor times_of(const std::vector<double>& times) { return at::tensor(times, at::kDouble).to(at::kFloat); }

}  // namespace

ModulationWindow::Rows ModulationWindow::at(const std::vector<Asked>& asked) {
  std::vector<Entry> wanted;  // of each asked
  for (const Asked& one : asked) {
    const int64_t index = position_in(*one.plan, one.t);
    if (index == static_cast<int64_t>(one.plan->size())) return computed_alone(asked);
    wanted.emplace_back(one.plan, index);
  }
  const auto missing = [this](const Entry& entry) {
    return std::find(entries_.begin(), entries_.end(), entry) == entries_.end();
  };
  if (std::any_of(wanted.begin(), wanted.end(), missing)) compute(wanted);
  Rows found;
  for (const Entry& entry : wanted) found.rows.push_back(position_in(entries_, entry));
  const int64_t first = found.rows.front();
  if (std::all_of(found.rows.begin(), found.rows.end(), [first](int64_t row) { return row == first; })) {
    return {table_->narrow(first, 1), {}};
  }
  found.table = *table_;
  return found;
}

// Every plan gets as many rows, from the time that is asked now on.
void ModulationWindow::compute(const std::vector<Entry>& wanted) {
  std::vector<Entry> starts;
  for (const Entry& entry : wanted) {
    if (std::find(starts.begin(), starts.end(), entry) == starts.end()) starts.push_back(entry);
  }
  const auto length = static_cast<int64_t>(std::max<size_t>(1, kTableRows / starts.size()));
  // Whatever fails from here on leaves nothing known, and the old table gives its memory first.
  entries_.clear();
  table_.reset();
  std::vector<Entry> entries;
  std::vector<double> times;
  for (const auto& [plan, start] : starts) {
    const int64_t end = std::min(start + length, static_cast<int64_t>(plan->size()));
    for (int64_t index = start; index < end; ++index) {
      const Entry entry(plan, index);
      if (std::find(entries.begin(), entries.end(), entry) != entries.end()) continue;
      entries.push_back(entry);
      times.push_back((*plan)[static_cast<size_t>(index)]);
    }
  }
  table_ = model_.modulation_table(times_of(times));
  entries_ = std::move(entries);
}

ModulationWindow::Rows ModulationWindow::computed_alone(const std::vector<Asked>& asked) const {
  std::vector<double> times;
  std::vector<int64_t> rows;
  for (const Asked& one : asked) {
    const int64_t row = position_in(times, one.t);
    if (row == static_cast<int64_t>(times.size())) times.push_back(one.t);
    rows.push_back(row);
  }
  if (times.size() == 1) rows.clear();
  return {model_.modulation_table(times_of(times)), std::move(rows)};
}

}  // namespace svg
