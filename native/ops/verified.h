// Trust in a GPU kernel is earned: its first result for a signature is held against the plain operations.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>

namespace svg {

/// Runs `fast`; the first time for a `signature` also `plain`, and compares. From a mismatch on (or an
/// exception of `fast`), `plain` alone runs for that signature. Relative error over the whole result:
/// 1e-5 in fp32, 1e-2 in bf16. Thread-safe.
at::Tensor verified(const std::string& signature, const std::function<at::Tensor()>& fast,
                    const std::function<at::Tensor()>& plain);

/// Signatures that were found wrong, for reports.
std::vector<std::string> distrusted_signatures();

}  // namespace svg
