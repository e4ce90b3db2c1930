// What a GPU would be given to do, told instead of done: on meta tensors, which have shapes and no memory.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace svg {

/// One launch of a kernel of ours.
struct CountedLaunch {
  const char* kernel;
  double bytes = 0;  // that it reads and writes in device memory
};

/// Hears of the launches of its thread while it is the innermost one.
class LaunchObserver {
 public:
  LaunchObserver();
  virtual ~LaunchObserver();
  LaunchObserver(const LaunchObserver&) = delete;
  LaunchObserver& operator=(const LaunchObserver&) = delete;

  virtual void launched(const CountedLaunch& launch) = 0;

 private:
  LaunchObserver* outer_;
};

/// Bytes of the elements of `tensor`, each counted once however often it is broadcast; 0 where it is not defined.
double bytes_of(const at::Tensor& tensor);

/// Stands before the launch of a kernel in every fused operation: false where the tensors have memory. On meta tensors
/// the observer hears of one launch of `kernel`, which reads `reads` and writes `writes`, and the operation returns
/// what it has allocated.
bool counted(const char* kernel, at::TensorList reads, at::TensorList writes);

}  // namespace svg
