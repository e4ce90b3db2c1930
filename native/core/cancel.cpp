#include "core/cancel.h"

#include <algorithm>

#include "core/error.h"

namespace svg {
namespace {

thread_local const CancelScope* current_scope = nullptr;

}  // namespace

void check_cancelled() {
  if (current_scope && current_scope->cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
}

CancelScope::CancelScope(std::vector<const std::atomic<bool>*> flags)
    : flags_(std::move(flags)), outer_(current_scope) {
  current_scope = this;
}

CancelScope::~CancelScope() { current_scope = outer_; }

bool CancelScope::cancelled() const {
  return !flags_.empty() && std::all_of(flags_.begin(), flags_.end(), [](const std::atomic<bool>* flag) {
    return flag->load(std::memory_order_relaxed);
  });
}

}  // namespace svg
