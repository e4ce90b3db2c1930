// What one pass over the parameters does to them after a backward pass: clipping, AdamW, averages and rounded copies.
// The rule is the same on the CPU and on the GPU, where it is applied without asking the host.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/rows.h"

#ifdef __CUDACC__
#define SVG_ANYWHERE __host__ __device__
#else
#define SVG_ANYWHERE
#endif

namespace svg {

struct AdamWRule {
  double lr = 0, beta1 = 0, beta2 = 0, eps = 0, weight_decay = 0;
  double grad_clip = 0;         // largest norm of all gradients; 0: none
  double average_decay = 0;     // of the moving average
  bool average_warmup = false;  // shorter averages at first, so that the weights it began with are soon forgotten
};

/// The numbers of one step, as they meet the elements.
struct AdamWPlan {
  bool apply;           // false: nothing is changed
  float grad_factor;    // clips
  float keep;           // 1 - lr * weight_decay
  float first, second;  // 1 - beta1, 1 - beta2
  float beta2;
  float step_size;   // lr / (1 - beta1^steps)
  float correction;  // sqrt(1 - beta2^steps)
  float eps;
  float average;  // 1 - decay of the moving average
};

/// Elements of one parameter that lie together.
struct AdamWPiece {
  float* parameter;
  const void* gradient;  // null: the parameter stays, and its average follows
  float* first;          // moments
  float* second;
  float* average;  // null: none is kept
  void* copy;      // the parameter rounded to bf16; null: none
  int64_t elements;
  Real gradient_type;
};

/// Pieces that one launch on a GPU takes: its arguments are at most 4 kB.
inline constexpr int64_t kAdamWPieces = 48;

/// Decay of the average in update number `step`, counted from 1: with warm-up at most (1 + step) / (10 + step).
/// Source: tf.train.ExponentialMovingAverage, num_updates.
SVG_ANYWHERE inline double average_decay(double decay, bool warmup, int64_t step) {
  const double most = (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step));
  return warmup && most < decay ? most : decay;
}

/// `steps` have been applied, and one more is where `norm`, that of all gradients, is finite. Source: arXiv 1711.05101.
SVG_ANYWHERE inline AdamWPlan plan_adamw(const AdamWRule& rule, double norm, int64_t& steps) {
  AdamWPlan plan{};
  plan.apply = norm - norm == 0;  // neither NaN nor infinite
  if (!plan.apply) return plan;
  ++steps;
  const double count = static_cast<double>(steps);
  const double clip = rule.grad_clip > 0 ? rule.grad_clip / (norm + 1e-6) : 1;
  plan.grad_factor = static_cast<float>(clip < 1 ? clip : 1);
  plan.keep = static_cast<float>(1 - rule.lr * rule.weight_decay);
  plan.first = static_cast<float>(1 - rule.beta1);
  plan.second = static_cast<float>(1 - rule.beta2);
  plan.beta2 = static_cast<float>(rule.beta2);
  plan.step_size = static_cast<float>(rule.lr / (1 - pow(rule.beta1, count)));
  plan.correction = static_cast<float>(sqrt(1 - pow(rule.beta2, count)));
  plan.eps = static_cast<float>(rule.eps);
  plan.average = static_cast<float>(1 - average_decay(rule.average_decay, rule.average_warmup, steps));
  return plan;
}

/// a + weight (b - a), to the last bit as torch's lerp.
SVG_ANYWHERE inline float lerp_to(float a, float b, float weight) {
  return weight < 0.5f ? a + weight * (b - a) : b - (b - a) * (1.0f - weight);
}

}  // namespace svg
