#include "io/identify.h"

#include "core/error.h"
#include "io/foreign_model.h"
#include "io/int8_layout.h"
#include "io/quantised.h"
#include "io/wrappers.h"

namespace svg {
namespace {

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string parameters(int64_t count) { return " (" + grouped(count) + " parameters)"; }

bool has_prefix(const Checkpoint& checkpoint, const std::string& prefix) {
  const auto found = checkpoint.tensors().lower_bound(prefix);
  return found != checkpoint.tensors().end() && found->first.starts_with(prefix);
}

}  // namespace

int64_t count_parameters(const Checkpoint& checkpoint) {
  int64_t count = 0;
  const std::optional<Int8Layout> int8 = find_sound_int8_layout(checkpoint);
  for (const auto& [name, info] : checkpoint.tensors()) {
    if (!int8 || !int8->is_scale(name)) count += info.elements();
  }
  return count;
}

Identity identify(const std::shared_ptr<Checkpoint>& checkpoint, const ModelRecogniser& recognise) {
  const int64_t count = count_parameters(*checkpoint);
  if (checkpoint->tensors().empty()) return {"values", "plain values without tensors"};
  std::optional<Identity> known = identify_foreign(*checkpoint);
  if (!known && recognise) {
    known = recognise(Weights(std::make_shared<CheckpointSource>(checkpoint, at::kCPU, at::kFloat)));
  }
  if (known) {
    known->description += parameters(count);
    if (const auto int8 = find_sound_int8_layout(*checkpoint)) known->description += ", " + int8->description();
    return *known;
  }
  const bool statistics = checkpoint->has("mean") && checkpoint->has("std");
  if (statistics || checkpoint->has("dinov3_sp_mean")) {
    return {"feature-statistics",
            concat("feature statistics ",
                   at::IntArrayRef(checkpoint->tensors().at(statistics ? "mean" : "dinov3_sp_mean").shape))};
  }
  if (has_prefix(*checkpoint, "state.0.")) return {"optimizer", "optimizer state" + parameters(count)};
  return {"unknown", concat(checkpoint->tensors().size(), " tensors of an unknown model", parameters(count))};
}

std::shared_ptr<Checkpoint> open_model(const std::string& path, const std::string& wanted,
                                       const CheckpointOptions& options) {
  auto checkpoint = without_wrappers(open_checkpoint(path, options));
  find_int8_layout(*checkpoint);  // throws where its parts do not fit together
  if (const std::optional<Identity> foreign = identify_foreign(*checkpoint)) {
    throw Error(ErrorCode::kWeightsMismatch, concat(path, " is not ", wanted, ": it holds ", foreign->description),
                foreign->way_out);
  }
  refuse_quantised(*checkpoint);
  return checkpoint;
}

}  // namespace svg
