#include "engine/conditions.h"

#include <algorithm>

#include "core/error.h"

namespace svg {
namespace {

constexpr size_t kKeptConditions = 16;  // the unconditional one serves every picture of an engine

}  // namespace

ConditionInput token_ids(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  SVG_CHECK(found != tensors.end(), ErrorCode::kInvalidArgument, "the job has no tensor \"", name, "\"");
  const at::Tensor ids = found->second.to(at::kLong).contiguous();
  SVG_CHECK(ids.dim() == 1 && ids.numel() > 0, ErrorCode::kInvalidArgument, "\"", name,
            "\" must be one row of token ids");
  return {ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel()};
}

ConditionInput condition_input(const Request& item, const ConditionKind& kind, const TensorMap& tensors) {
  const bool labels = kind.of == ConditionKind::Of::kClass;
  ConditionInput input =
      labels ? ConditionInput{item.at("class").as_int()} : token_ids(tensors, item.at("tokens").as_string());
  check_condition(kind, input);
  return input;
}

void check_condition(const ConditionKind& kind, const ConditionInput& input) {
  if (kind.of == ConditionKind::Of::kClass) {
    const int64_t last = kind.none ? kind.classes : kind.classes - 1;
    SVG_CHECK(input.size() == 1 && input[0] >= 0 && input[0] <= last, ErrorCode::kInvalidArgument,
              "this model draws one class of 0 to ", kind.classes - 1, " at a time, and was asked for ",
              at::IntArrayRef(input));
    return;
  }
  SVG_CHECK(!input.empty(), ErrorCode::kInvalidArgument, "a caption needs at least the begin token");
  SVG_CHECK(kind.most_tokens == 0 || static_cast<int64_t>(input.size()) <= kind.most_tokens,
            ErrorCode::kInvalidArgument, "a caption of ", input.size(), " tokens: the DiT takes at most ",
            kind.most_tokens);
}

std::vector<at::Tensor> ConditionCache::prepared(const Conditioner& conditioner, const VelocityModel& model,
                                                 const std::vector<ConditionInput>& inputs) {
  std::vector<at::Tensor> conditions;
  for (const ConditionInput& input : inputs) {
    check_condition(model.condition(), input);
    if (const at::Tensor* known = find(input)) {
      conditions.push_back(*known);
      continue;
    }
    conditions.push_back(model.prepared(conditioner.encode({input})[0]));
    entries_.emplace_back(input, conditions.back());
    if (entries_.size() > kKeptConditions) entries_.pop_front();
  }
  return conditions;
}

const at::Tensor* ConditionCache::find(const ConditionInput& input) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == input; });
  if (found == entries_.end()) return nullptr;
  std::rotate(found, found + 1, entries_.end());
  return &entries_.back().second;
}

}  // namespace svg
