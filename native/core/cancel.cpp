#include "core/cancel.h"

#include "core/error.h"

namespace svg {
namespace {

thread_local const std::atomic<bool>* current_flag = nullptr;

}  // namespace

void check_cancelled() {
  if (current_flag && current_flag->load(std::memory_order_relaxed)) {
    throw Error(ErrorCode::kCancelled, "the job was cancelled");
  }
}

CancelScope::CancelScope(const std::atomic<bool>& flag) : outer_(current_flag) { current_flag = &flag; }

CancelScope::~CancelScope() { current_flag = outer_; }

}  // namespace svg
