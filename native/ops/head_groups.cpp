#include "ops/head_groups.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/counted.h"
#include "ops/fused.h"
#include "ops/verified.h"
#include "ops/verified_gradients.h"

namespace svg {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor heads_of(const at::Tensor& rows, int64_t first, int64_t count, int64_t head_dim) {
  return rows.narrow(1, first * head_dim, count * head_dim).unflatten(1, {count, head_dim});
}

bool fits(const at::Tensor& rows, const std::vector<HeadGroup>& groups, int64_t head_dim, const Rope& rope,
          at::ScalarType dtype) {
  for (const HeadGroup& group : groups) {
    if (!fits_parameter(group.norm)) return false;
  }
  const bool width = rows.is_cpu() ? head_dim <= cpu::kMaxHeadDim
                                   : head_dim <= cuda::kMaxHeadDim && dtype == rows.scalar_type() &&
                                         fits_kernel(rows) && aligned_for(kernel_rows(rows), 2);
  return width && rows.dim() == 2 && fits_kernel(rows) && fits_parameter(rope.cos) && fits_parameter(rope.sin) &&
         (dtype == at::kFloat || dtype == at::kBFloat16);
}

const float* pointer(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

/// heads and out (T, H, D), rows may be strided.
/// heads before `split` take the norm `first`, the others `second`; undefined: none.
void rotate(const at::Tensor& heads, const at::Tensor& first, const at::Tensor& second, int64_t split, double eps,
            const Rope& rope, const at::Tensor& out) {
  if (counted("norm_rotate_heads", {heads, first, second, rope.cos, rope.sin}, {out})) return;
  const HeadNorms norms{first.defined() ? pointer(first) : nullptr, second.defined() ? pointer(second) : nullptr,
                        split};
  const int64_t rows = heads.size(0), count = heads.size(1), head_dim = heads.size(2);
  const float small = static_cast<float>(eps);
  if (heads.is_cpu()) {
    cpu::norm_rotate_heads(kernel_rows(heads), norms, small, pointer(rope.cos), pointer(rope.sin), kernel_rows(out),
                           rows, count, head_dim);
  } else {
    cuda::norm_rotate_heads(kernel_rows(heads), norms, small, pointer(rope.cos), pointer(rope.sin), kernel_rows(out),
                            rows, count, head_dim, stream_of(heads));
  }
}

/// The heads of one group, written to `out`.
at::Tensor rotated_group(const at::Tensor& heads, const at::Tensor& norm, double eps, const Rope& rope,
                         const at::Tensor& out) {
  const auto run = [&] {
    rotate(heads, norm, {}, heads.size(1), eps, rope, out);
    return out;
  };
  if (!heads.is_cuda()) return run();
  return verified(signature_of("norm_rotate_heads", {heads, norm}), run,
                  [&] { return norm_rotate_heads_reference(heads, norm, eps, rope); });
}

/// Writes the gradient of the heads; returns that of the norm, undefined without one.
at::Tensor rotate_backward(const at::Tensor& heads, const at::Tensor& norm, double eps, const Rope& rope,
                           const at::Tensor& dout, const at::Tensor& dheads) {
  const int64_t rows = heads.size(0), count = heads.size(1), head_dim = heads.size(2);
  const float small = static_cast<float>(eps);
  const int64_t slices = heads.is_cpu() ? at::get_num_threads() : 1;
  const at::Tensor partial = norm.defined() ? at::zeros({slices, head_dim}, norm.options()) : at::Tensor();
  const at::Tensor slopes = dout.contiguous();
  const bool told = counted("norm_rotate_heads_backward", {heads, norm, rope.cos, rope.sin, slopes}, {dheads, partial});
  const auto dnorm = [&] { return norm.defined() ? partial.sum(0) : at::Tensor(); };
  if (told) return dnorm();
  const float* weight = norm.defined() ? pointer(norm) : nullptr;
  float* dweight = weight ? partial.mutable_data_ptr<float>() : nullptr;
  if (heads.is_cpu()) {
    cpu::norm_rotate_heads_backward(kernel_rows(heads), weight, small, pointer(rope.cos), pointer(rope.sin),
                                    kernel_rows(slopes), kernel_rows(dheads), dweight, slices, rows, count, head_dim);
    return dnorm();
  }
  variable_list inputs = {heads};
  if (weight) inputs.push_back(norm);
  const variable_list found = verified_gradients(
      signature_of("norm_rotate_heads_backward", {heads, norm, slopes}),
      [&] {
        cuda::norm_rotate_heads_backward(kernel_rows(heads), weight, small, pointer(rope.cos), pointer(rope.sin),
                                         kernel_rows(slopes), kernel_rows(dheads), dweight, rows, count, head_dim,
                                         stream_of(heads));
        return weight ? variable_list{dheads, dnorm()} : variable_list{dheads};
      },
      [&](const variable_list& given) {
        return norm_rotate_heads_reference(given[0], weight ? given[1] : at::Tensor(), eps, rope);
      },
      inputs, slopes);
  if (!found[0].is_same(dheads)) at::Tensor(dheads).copy_(found[0]);
  return weight ? found[1] : at::Tensor();
}

/// One pass over the rows for each group, and one gradient of the rows that all groups write to.
struct SplitHeads : torch::autograd::Function<SplitHeads> {
  static variable_list forward(AutogradContext* context, const at::Tensor& rows, at::TensorList norms,
                               const at::Tensor& cos, const at::Tensor& sin, const std::vector<int64_t>& counts,
                               const std::vector<int64_t>& rotated, const std::vector<int64_t>& norm_of,
                               int64_t head_dim, double eps, at::ScalarType dtype) {
    variable_list saved = {rows, cos, sin};
    saved.insert(saved.end(), norms.begin(), norms.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["counts"] = counts;
    context->saved_data["rotated"] = rotated;
    context->saved_data["norm_of"] = norm_of;
    context->saved_data["head_dim"] = head_dim;
    context->saved_data["eps"] = eps;
    variable_list outs;
    int64_t first = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      const at::Tensor heads = heads_of(rows, first, counts[i], head_dim);
      first += counts[i];
      const at::Tensor out = at::empty(heads.sizes(), rows.options().dtype(dtype));
      if (rotated[i]) {
        const at::Tensor norm = norm_of[i] < 0 ? at::Tensor() : norms[norm_of[i]];
        outs.push_back(rotated_group(heads, norm, eps, {cos, sin}, out));
      } else {
        outs.push_back(at::Tensor(out).copy_(heads));
      }
    }
    return outs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& rows = saved[0];
    const std::vector<int64_t> counts = context->saved_data["counts"].toIntVector();
    const std::vector<int64_t> rotated = context->saved_data["rotated"].toIntVector();
    const std::vector<int64_t> norm_of = context->saved_data["norm_of"].toIntVector();
    const int64_t head_dim = context->saved_data["head_dim"].toInt();
    const double eps = context->saved_data["eps"].toDouble();
    const at::Tensor drows = at::empty(rows.sizes(), rows.options());
    variable_list dnorms;
    int64_t first = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      const at::Tensor dheads = heads_of(drows, first, counts[i], head_dim);
      const at::Tensor heads = heads_of(rows, first, counts[i], head_dim);
      first += counts[i];
      if (!rotated[i]) {
        at::Tensor(dheads).copy_(gradients[i]);
        continue;
      }
      const bool normed = norm_of[i] >= 0;
      const at::Tensor norm = normed ? saved[3 + norm_of[i]] : at::Tensor();
      const at::Tensor dnorm = rotate_backward(heads, norm, eps, {saved[1], saved[2]}, gradients[i], dheads);
      if (normed) dnorms.push_back(dnorm);
    }
    variable_list result = {drows};
    result.insert(result.end(), dnorms.begin(), dnorms.end());
    result.resize(result.size() + 8);  // the rotation, then what is no tensor
    return result;
  }
};

/// `rotate` is norm_rotate_heads or its reference.
template <typename Rotate>
std::vector<at::Tensor> split_one_by_one(const at::Tensor& rows, const std::vector<HeadGroup>& groups, int64_t head_dim,
                                         double eps, const Rope& rope, at::ScalarType dtype, const Rotate& rotate) {
  std::vector<at::Tensor> parts;
  int64_t first = 0;
  for (const HeadGroup& group : groups) {
    const at::Tensor heads = heads_of(rows, first, group.count, head_dim).to(dtype);
    parts.push_back(group.rotated ? rotate(heads, group.norm, eps, rope) : heads);
    first += group.count;
  }
  return parts;
}

/// Of the groups that come first and are rotated: one or two, since a kernel takes two norms.
size_t rotated_together(const std::vector<HeadGroup>& groups) {
  size_t count = 0;
  while (count < 2 && count < groups.size() && groups[count].rotated) ++count;
  return count;
}

/// Without gradients, in the rows' own type.
std::vector<at::Tensor> split_at_once(const at::Tensor& rows, const std::vector<HeadGroup>& groups, int64_t head_dim,
                                      double eps, const Rope& rope) {
  const size_t together = rotated_together(groups);
  const auto weight = [&](size_t i) { return i < together ? groups[i].norm : at::Tensor(); };
  int64_t count = 0;
  for (size_t i = 0; i < together; ++i) count += groups[i].count;
  const at::Tensor heads = heads_of(rows, 0, count, head_dim);
  const at::Tensor out = at::empty(heads.sizes(), rows.options());
  const auto run = [&] {
    rotate(heads, weight(0), weight(1), groups[0].count, eps, rope, out);
    return out;
  };
  const at::Tensor rotated =
      !rows.is_cuda() ? run() : verified(signature_of("split_heads", {heads, weight(0), weight(1)}), run, [&] {
        const std::vector<HeadGroup> first(groups.begin(), groups.begin() + static_cast<int64_t>(together));
        return at::cat(split_heads_reference(rows, first, head_dim, eps, rope, rows.scalar_type()), 1);
      });
  std::vector<at::Tensor> parts;
  int64_t first = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    const at::Tensor part =
        i < together ? rotated.narrow(1, first, groups[i].count) : heads_of(rows, first, groups[i].count, head_dim);
    parts.push_back(i < together || !groups[i].rotated ? part : norm_rotate_heads(part, groups[i].norm, eps, rope));
    first += groups[i].count;
  }
  return parts;
}

}  // namespace

std::vector<at::Tensor> split_heads_reference(const at::Tensor& rows, const std::vector<HeadGroup>& groups,
                                              int64_t head_dim, double eps, const Rope& rope, at::ScalarType dtype) {
  return split_one_by_one(rows, groups, head_dim, eps, rope, dtype, norm_rotate_heads_reference);
}

std::vector<at::Tensor> split_heads(const at::Tensor& rows, const std::vector<HeadGroup>& groups, int64_t head_dim,
                                    double eps, const Rope& rope, at::ScalarType dtype) {
  if ((c10::GradMode::is_enabled() || dtype != rows.scalar_type()) && fits(rows, groups, head_dim, rope, dtype)) {
    std::vector<at::Tensor> norms;
    std::vector<int64_t> counts, rotated, norm_of;
    for (const HeadGroup& group : groups) {
      norm_of.push_back(group.norm.defined() ? static_cast<int64_t>(norms.size()) : -1);
      if (group.norm.defined()) norms.push_back(group.norm);
      counts.push_back(group.count);
      rotated.push_back(group.rotated);
    }
    return SplitHeads::apply(rows, at::TensorList(norms), rope.cos, rope.sin, counts, rotated, norm_of, head_dim, eps,
                             dtype);
  }
  const bool at_once = !c10::GradMode::is_enabled() && dtype == rows.scalar_type() && rotated_together(groups) == 2;
  if (at_once && fits(rows, groups, head_dim, rope, dtype)) return split_at_once(rows, groups, head_dim, eps, rope);
  return split_one_by_one(rows, groups, head_dim, eps, rope, dtype, norm_rotate_heads);
}

}  // namespace svg
