#include "ops/verified.h"

#include <map>
#include <mutex>
#include <optional>

#include "core/error.h"

namespace svg {
namespace {

struct Verdict {
  std::string cause;  // empty: trusted
  bool told = false;

  bool trusted() const { return cause.empty(); }
};

std::mutex verdicts_mutex;
std::map<std::string, Verdict>& verdicts() {
  static std::map<std::string, Verdict> known;
  return known;
}

std::optional<bool> verdict_of(const std::string& signature) {
  const std::lock_guard<std::mutex> lock(verdicts_mutex);
  const auto found = verdicts().find(signature);
  return found == verdicts().end() ? std::nullopt : std::optional<bool>(found->second.trusted());
}

void remember(const std::string& signature, const std::string& cause) {
  const std::lock_guard<std::mutex> lock(verdicts_mutex);
  verdicts()[signature] = {cause};
}

/// What is wrong with `got`; empty where nothing is.
std::string disagreement(const at::Tensor& got, const at::Tensor& want, double fp32_bound) {
  if (got.sizes() != want.sizes() || got.scalar_type() != want.scalar_type()) {
    return concat("its result is ", got.scalar_type(), " ", got.sizes(), " instead of ", want.scalar_type(), " ",
                  want.sizes());
  }
  if (want.numel() == 0) return "";
  const at::Tensor wide = want.to(at::kFloat);
  const double error = (got.to(at::kFloat) - wide).norm().item<double>();
  const double size = wide.norm().item<double>();
  const double bound = want.scalar_type() == at::kFloat ? fp32_bound : 1e-2;
  if (error <= bound * size) return "";
  return concat("it is off by ", error / size, " of the result, at most ", bound, " is right");
}

std::vector<KernelFault> faults(bool untold_alone) {
  const std::lock_guard<std::mutex> lock(verdicts_mutex);
  std::vector<KernelFault> found;
  for (auto& [signature, verdict] : verdicts()) {
    if (verdict.trusted() || (untold_alone && verdict.told)) continue;
    found.push_back({signature, verdict.cause});
    if (untold_alone) verdict.told = true;
  }
  return found;
}

}  // namespace

at::Tensor verified(const std::string& signature, const std::function<at::Tensor()>& fast,
                    const std::function<at::Tensor()>& plain) {
  const std::optional<bool> verdict = verdict_of(signature);
  if (verdict) return *verdict ? fast() : plain();
  const auto list = [](const std::function<at::Tensor()>& one) {
    return [&one] { return std::vector<at::Tensor>{one()}; };
  };
  return verified_all(signature, list(fast), list(plain))[0];
}

std::vector<at::Tensor> verified_all(const std::string& signature, const std::function<std::vector<at::Tensor>()>& fast,
                                     const std::function<std::vector<at::Tensor>()>& plain, const Holding& holding) {
  const std::optional<bool> verdict = verdict_of(signature);
  if (verdict) return *verdict ? fast() : plain();
  std::vector<at::Tensor> want = plain();
  try {
    const std::vector<at::Tensor> got = fast();
    std::string cause;
    bool tells = true;
    for (size_t i = 0; i < want.size() && cause.empty(); ++i) {
      cause = disagreement(got.at(i), want[i], holding.fp32_bound);
      tells = tells && want[i].isfinite().all().item<bool>() &&
              (holding.zeros_tell || !cause.empty() || want[i].any().item<bool>());
    }
    // Where the input itself is not finite nothing can be told: ask again next time.
    if (tells) remember(signature, cause);
  } catch (const std::exception& error) {
    distrust(signature, error.what());  // the plain result stands
  }
  return want;
}

void distrust(const std::string& signature, const std::string& cause) {
  remember(signature, "it failed: " + cause.substr(0, cause.find('\n')));
}

std::vector<KernelFault> kernel_faults() { return faults(/*untold_alone=*/false); }

std::vector<KernelFault> take_kernel_faults() { return faults(/*untold_alone=*/true); }

}  // namespace svg
