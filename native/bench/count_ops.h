// What operations of ATen are to a GPU: which launch nothing, which several kernels, and how much each multiplies.
#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>

#include <map>
#include <string>
#include <vector>

namespace svg {

enum class LaunchKind {
  kProduct,    // matrix products
  kAttention,  // softmax(q k^T) v in one kernel, and its gradient
  kPass,       // everything else: it reads, computes little, and writes
  kUpload,     // a copy from the host
  kHostRead,   // the host waits for a value
};

const char* name_of(LaunchKind kind);

/// All calls of one operation.
struct OpCount {
  LaunchKind kind = LaunchKind::kPass;
  int64_t launches = 0;
  double flops = 0;  // multiplications and additions, of products and attention alone
  double bytes = 0;  // that are read and written
};

/// By operation.
using OpCounts = std::map<std::string, OpCount>;

/// What `whole` has above `part`.
OpCounts difference_of(OpCounts whole, const OpCounts& part);

/// Neither views nor allocations, nor what asks and answers without tensors: nothing is launched.
bool launches_nothing(const c10::FunctionSchema& schema);

/// One call for the GPU, whatever it is made of on meta tensors.
bool is_whole(const std::string& operation);

/// Whether an argument that is written to is overwritten without being read.
bool overwrites(const std::string& operation);

/// Whether it reads those rows of its first tensor alone that it writes.
bool gathers(const std::string& operation);

/// Kernels that one call launches, by its inputs.
int64_t launches_of(const std::string& operation, const std::vector<c10::IValue>& inputs);

/// Multiplications and additions of a matrix product; 0 for other operations.
double product_flops(const std::string& operation, const std::vector<c10::IValue>& inputs);

/// Of attention, forward or backward; 0 for other operations. The backward pass counts as twice the forward one: that
/// the kernel computes the scores again is not counted.
double attention_flops(const std::string& operation, const std::vector<c10::IValue>& inputs);

/// Every tensor in a value, be it a list.
std::vector<at::Tensor> tensors_in(const c10::IValue& value);

}  // namespace svg
