#include "io/converted_tensors.h"

#include "core/error.h"
#include "io/checkpoint.h"
#include "io/text.h"

namespace svg {

ConvertedTensors::ConvertedTensors(std::shared_ptr<Checkpoint> input, const Conversion& conversion,
                                   const Int8Chooser& choose)
    : input_(std::move(input)), conversion_(conversion), tensors_(input_->tensors()) {
  SVG_CHECK(!tensors_.empty(), ErrorCode::kInvalidArgument, input_->path(), " holds no tensors");
  const std::optional<Int8Layout> stored = find_int8_layout(*input_);
  if (conversion_.to_int8 && stored) {
    throw Error(ErrorCode::kInvalidArgument, concat(input_->path(), " is int8 already (", stored->description(), ")"),
                "Leave --quantize out to copy it; `--dtype fp32` multiplies it out.");
  }
  for (auto& [name, info] : tensors_) {
    if (!info.listed.empty()) input_->read_part(name, 0, 0);  // throws, before anything is written
    if (conversion_.dtype && info.is_floating()) info.dtype = *conversion_.dtype;
  }
  if (conversion_.to_int8) quantise(choose);
  if (stored && conversion_.dtype) {
    multiply_out(*stored);
  } else if (stored) {
    keep_int8(*stored);
  }
}

void ConvertedTensors::quantise(const Int8Chooser& choose) {
  const TakesInt8 takes = choose(Weights(std::make_shared<CheckpointSource>(input_, at::kCPU, at::kFloat)));
  for (const auto& [name, info] : input_->tensors()) {
    if (!info.is_floating() || !is_weight_matrix(name, info) || !takes(name, info.shape)) continue;
    const std::string scale = int8_scale_name(name);
    SVG_CHECK(!input_->has(scale), ErrorCode::kInvalidArgument, input_->path(), " has a tensor \"", printable(scale),
              "\" already");
    tensors_[name].dtype = at::kChar;
    tensors_[scale] = {at::kFloat, {info.shape[0], 1}};
    scale_of_[name] = scale;
    weight_of_[scale] = name;
  }
  SVG_CHECK(is_int8(), ErrorCode::kInvalidArgument, input_->path(), " has no matrix that could be int8");
  says_int8_ = true;
}

void ConvertedTensors::keep_int8(const Int8Layout& layout) {
  for (const std::string& name : layout.matrices) {
    const std::string scale = int8_scale_name(name);
    scale_of_[name] = scale;
    weight_of_[scale] = name;
  }
  says_int8_ = layout.own;
}

void ConvertedTensors::multiply_out(const Int8Layout& layout) {
  for (const std::string& name : layout.matrices) {
    tensors_[name].dtype = *conversion_.dtype;
    tensors_.erase(int8_scale_name(name));
  }
  stored_ = layout;
}

std::vector<std::string> ConvertedTensors::int8_matrices() const {
  std::vector<std::string> names;
  for (const auto& entry : scale_of_) names.push_back(entry.first);
  return names;
}

std::vector<std::string> ConvertedTensors::left_out() const {
  std::vector<std::string> names;
  for (const auto& [name, info] : tensors_) {
    if (is_weight_matrix(name, info) && info.is_floating()) names.push_back(name);
  }
  return names;
}

at::Tensor ConvertedTensors::make(const std::string& name) const {
  if (conversion_.to_int8) {
    const auto weight = weight_of_.find(name);
    const std::string& matrix = weight == weight_of_.end() ? name : weight->second;
    if (scale_of_.count(matrix)) {
      try {
        const Int8Rows rows = to_int8(input_->read(matrix));
        return matrix == name ? rows.values : rows.scale.unsqueeze(1);
      } catch (const Error& error) {
        throw Error(ErrorCode::kNumeric,
                    concat("tensor \"", printable(matrix), "\" of ", input_->path(), ": ", error.what()));
      }
    }
  }
  if (stored_ && stored_->holds(name)) return cast(name, from_int8(read_int8_rows(*input_, name)));
  return cast(name, input_->read(name));
}

at::Tensor ConvertedTensors::cast(const std::string& name, const at::Tensor& stored) const {
  const std::optional<at::ScalarType>& dtype = conversion_.dtype;
  if (!dtype || !at::isFloatingType(stored.scalar_type()) || stored.scalar_type() == *dtype) return stored;
  const at::Tensor result = stored.to(*dtype);
  if (*dtype == at::kHalf) {
    SVG_CHECK(at::isinf(result).sum().item<int64_t>() == at::isinf(stored.to(at::kFloat)).sum().item<int64_t>(),
              ErrorCode::kNumeric, "tensor \"", name, "\" of ", input_->path(),
              " has values beyond fp16 (65504): use bf16");
  }
  return result;
}

void ConvertedTensors::release(const std::string& name) const {
  const auto weight = weight_of_.find(name);
  input_->release(conversion_.to_int8 && weight != weight_of_.end() ? weight->second : name);
}

}  // namespace svg
