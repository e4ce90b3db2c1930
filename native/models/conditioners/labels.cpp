#include "models/conditioners/labels.h"

#include "core/error.h"

namespace svg {

std::vector<at::Tensor> Labels::encode(const std::vector<std::vector<int64_t>>& inputs) const {
  std::vector<at::Tensor> numbers;
  for (const std::vector<int64_t>& input : inputs) {
    SVG_CHECK(input.size() == 1 && input[0] >= 0 && input[0] <= classes_, ErrorCode::kInvalidArgument,
              "the model knows the classes 0 to ", classes_ - 1, ", and was asked for ", at::IntArrayRef(input));
    numbers.push_back(at::tensor(input, at::kLong));
  }
  return numbers;
}

}  // namespace svg
