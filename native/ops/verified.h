// Trust in a GPU kernel is earned: its first result for a signature is held against the plain operations.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace svg {

/// Runs `fast`; the first time for a `signature` also `plain`, and compares. From a mismatch on (or an
/// exception of `fast`), `plain` alone runs for that signature. Relative error over the whole result:
/// 1e-5 in fp32, 1e-2 in bf16. Thread-safe.
at::Tensor verified(const std::string& signature, const std::function<at::Tensor()>& fast,
                    const std::function<at::Tensor()>& plain);

struct Holding {
  double fp32_bound = 1e-5;
  bool zeros_tell = true;  // whether a kernel is trusted for a result that is all zeros
};

/// The same of an operation with several results, each held against its own.
std::vector<at::Tensor> verified_all(const std::string& signature, const std::function<std::vector<at::Tensor>()>& fast,
                                     const std::function<std::vector<at::Tensor>()>& plain,
                                     const Holding& holding = {});

/// For what is tried elsewhere and found wrong: `signature` counts among the faults from here on.
void distrust(const std::string& signature, const std::string& cause);

/// A kernel that is not used any more, for its signature.
struct KernelFault {
  std::string signature;  // operation, types and widths
  std::string cause;      // by how much it was off, or what it threw
};

/// All that were found in this process.
std::vector<KernelFault> kernel_faults();

/// Those that no call has taken yet: each is told once.
std::vector<KernelFault> take_kernel_faults();

}  // namespace svg
