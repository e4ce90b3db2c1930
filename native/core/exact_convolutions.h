// fp32 as fp32 on a GPU, where features are held against those of others.
#pragma once

#include <ATen/Context.h>
#include <c10/core/Device.h>

#include <mutex>

namespace svg {

/// While one lives, a GPU's fp32 convolutions do not round to TF32. The switch is one of the whole process, in which
/// several engines may run: the first to come turns it off, the last to go puts it back. On a CPU it does nothing.
class ExactConvolutions {
 public:
  explicit ExactConvolutions(at::Device device) : active_(device.is_cuda()) {
    if (!active_) return;
    Shared& all = shared();
    const std::lock_guard<std::mutex> lock(all.mutex);
    if (all.inside++ > 0) return;
    all.before = at::globalContext().allowTF32CuDNN();
    at::globalContext().setAllowTF32CuDNN(false);
  }
  ~ExactConvolutions() {
    if (!active_) return;
    Shared& all = shared();
    const std::lock_guard<std::mutex> lock(all.mutex);
    if (--all.inside == 0) at::globalContext().setAllowTF32CuDNN(all.before);
  }
  ExactConvolutions(const ExactConvolutions&) = delete;
  ExactConvolutions& operator=(const ExactConvolutions&) = delete;

 private:
  struct Shared {
    std::mutex mutex;
    int inside = 0;
    bool before = false;
  };
  static Shared& shared() {
    static Shared all;
    return all;
  }

  bool active_;
};

}  // namespace svg
