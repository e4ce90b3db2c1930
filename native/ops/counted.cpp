#include "ops/counted.h"

namespace svg {
namespace {

thread_local LaunchObserver* innermost = nullptr;

}  // namespace

LaunchObserver::LaunchObserver() : outer_(innermost) { innermost = this; }

LaunchObserver::~LaunchObserver() { innermost = outer_; }

double bytes_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return 0;
  double elements = 1;
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    if (tensor.stride(i) != 0 || tensor.size(i) == 0) elements *= static_cast<double>(tensor.size(i));
  }
  return elements * static_cast<double>(tensor.element_size());
}

bool counted(const char* kernel, at::TensorList reads, at::TensorList writes) {
  const bool meta = !writes.empty() && writes[0].is_meta();
  if (!meta || innermost == nullptr) return meta;
  CountedLaunch launch{kernel};
  for (const at::TensorList tensors : {reads, writes}) {
    for (const at::Tensor& tensor : tensors) launch.bytes += bytes_of(tensor);
  }
  innermost->launched(launch);
  return true;
}

}  // namespace svg
