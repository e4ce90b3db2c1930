#include "ops/verified.h"

#include <map>
#include <mutex>

namespace svg {
namespace {

std::mutex mutex;
std::map<std::string, bool>& verdicts() {
  static std::map<std::string, bool> known;
  return known;
}

std::optional<bool> verdict_of(const std::string& signature) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = verdicts().find(signature);
  return found == verdicts().end() ? std::nullopt : std::optional<bool>(found->second);
}

void remember(const std::string& signature, bool trusted) {
  const std::lock_guard<std::mutex> lock(mutex);
  verdicts()[signature] = trusted;
}

bool agrees(const at::Tensor& got, const at::Tensor& want) {
  if (got.sizes() != want.sizes() || got.scalar_type() != want.scalar_type()) return false;
  if (want.numel() == 0) return true;
  const at::Tensor wide = want.to(at::kFloat);
  const double error = (got.to(at::kFloat) - wide).norm().item<double>();
  const double bound = want.scalar_type() == at::kFloat ? 1e-5 : 1e-2;
  return error <= bound * wide.norm().item<double>();
}

}  // namespace

at::Tensor verified(const std::string& signature, const std::function<at::Tensor()>& fast,
                    const std::function<at::Tensor()>& plain) {
  const std::optional<bool> verdict = verdict_of(signature);
  if (verdict) return *verdict ? fast() : plain();
  at::Tensor want = plain();
  try {
    const at::Tensor got = fast();
    // Where the input itself is not finite nothing can be told: ask again next time.
    if (want.isfinite().all().item<bool>()) remember(signature, agrees(got, want));
  } catch (const std::exception&) {
    remember(signature, false);  // reported by distrusted_signatures; the plain result stands
  }
  return want;
}

std::vector<std::string> distrusted_signatures() {
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<std::string> names;
  for (const auto& [signature, trusted] : verdicts()) {
    if (!trusted) names.push_back(signature);
  }
  return names;
}

}  // namespace svg
