#include "diffusion/dpm_solver.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace svg {
namespace {

// A time of the noise clock with what the formulas need of it, in fp32 as the original has them.
struct Node {
  float sigma, alpha, lambda;

  explicit Node(double time)
      : sigma(static_cast<float>(time)), alpha(1 - sigma), lambda(static_cast<float>(half_log_snr(time))) {}
};

struct Plan {
  std::vector<double> times;    // all nodes, the last is the end
  std::vector<int64_t> orders;  // per step; a singlestep step of order n spans n intervals
};

// Orders that use up exactly `steps` evaluations, falling at the end.
std::vector<int64_t> singlestep_orders(int64_t steps, int64_t order) {
  std::vector<int64_t> orders;
  if (order == 3 && steps % 3 == 0) {
    orders.assign(steps / 3 - 1, 3);
    orders.insert(orders.end(), {2, 1});
    return orders;
  }
  orders.assign(steps / order, order);
  if (steps % order) orders.push_back(steps % order);
  return orders;
}

Plan make_plan(const SolverSettings& settings) {
  const int64_t steps = settings.steps, order = std::min(settings.order, settings.steps);
  Plan plan;
  if (!settings.singlestep) {
    plan.times = noise_times(settings.spacing, steps, settings.shift, settings.start);
    for (int64_t i = 0; i < steps; ++i) plan.orders.push_back(std::min({order, i + 1, steps - i}));
    return plan;
  }
  plan.orders = singlestep_orders(steps, order);
  if (settings.spacing == TimeSpacing::kLogSnr) {  // steps of one length in lambda, whatever their order
    const std::vector<double> outer =
        noise_times(settings.spacing, static_cast<int64_t>(plan.orders.size()), 1, settings.start);
    for (size_t i = 0; i < plan.orders.size(); ++i) {
      const double from = half_log_snr(outer[i]), to = half_log_snr(outer[i + 1]);
      for (int64_t k = 0; k < plan.orders[i]; ++k) {
        const double part = static_cast<double>(k) / static_cast<double>(plan.orders[i]);
        plan.times.push_back(static_cast<float>(time_of_half_log_snr(from + part * (to - from))));
      }
    }
    plan.times.push_back(outer.back());
    return plan;
  }
  plan.times = noise_times(settings.spacing, steps, settings.shift, settings.start);
  if (plan.times.back() == 0 && plan.orders.back() > 1) {  // lambda is infinite there: no slope to take
    const int64_t last = plan.orders.back();
    plan.orders.pop_back();
    plan.orders.insert(plan.orders.end(), last, 1);
  }
  return plan;
}

// The data that the velocity v = data - noise of x (B, ...) points to: x + sigma v. Taken through the noise as in the
// original, because the rounding that 1 / alpha magnifies in the first steps belongs to its result.
at::Tensor predicted_data(const at::Tensor& x, const at::Tensor& v, const Node& node) {
  const at::Tensor noise = x - node.alpha * v;
  return (x - node.sigma * noise) / node.alpha;
}

at::Tensor first_order(const at::Tensor& x, const Node& s, const Node& t, const at::Tensor& m) {
  return (t.sigma / s.sigma) * x - (t.alpha * std::expm1(s.lambda - t.lambda)) * m;
}

// Slopes by lambda from the predictions at the last two (three) nodes, newest last.
at::Tensor multistep(const at::Tensor& x, const std::vector<Node>& past, const std::vector<at::Tensor>& m,
                     const Node& t, int64_t order) {
  const size_t n = past.size();
  const Node& s = past[n - 1];
  if (order == 1) return first_order(x, s, t, m[n - 1]);
  const float h = t.lambda - s.lambda;
  const float phi_1 = std::expm1(-h);
  const float r0 = (s.lambda - past[n - 2].lambda) / h;
  const at::Tensor slope_0 = (1 / r0) * (m[n - 1] - m[n - 2]);
  const at::Tensor base = first_order(x, s, t, m[n - 1]);
  if (order == 2) return base - (0.5F * (t.alpha * phi_1)) * slope_0;
  const float r1 = (past[n - 2].lambda - past[n - 3].lambda) / h;
  const at::Tensor slope_1 = (1 / r1) * (m[n - 2] - m[n - 3]);
  const at::Tensor difference = slope_0 - slope_1;
  const float phi_2 = phi_1 / h + 1;
  const float phi_3 = phi_2 / h - 0.5F;
  return base + (t.alpha * phi_2) * (slope_0 + (r0 / (r0 + r1)) * difference) -
         (t.alpha * phi_3) * ((1 / (r0 + r1)) * difference);
}

// The state at the next node of a step of order 1 to 3, from the predictions at those before: its nodes are one more
// than its order, and with as many predictions as that it is the step's result.
at::Tensor singlestep(const at::Tensor& x, const std::vector<Node>& nodes, const std::vector<at::Tensor>& m) {
  const size_t order = nodes.size() - 1;
  const Node &s = nodes.front(), &t = nodes.back();
  if (m.size() == 1) return first_order(x, s, nodes[1], m[0]);
  const float h = t.lambda - s.lambda;
  const float phi_1 = std::expm1(-h);
  const float ra = (nodes[1].lambda - s.lambda) / h;
  const at::Tensor rise_a = m[1] - m[0];
  if (order == 2) return first_order(x, s, t, m[0]) - ((0.5F / ra) * (t.alpha * phi_1)) * rise_a;
  const Node& b = nodes[2];
  const float rb = (b.lambda - s.lambda) / h;
  if (m.size() == 2) {
    const float phi_b = std::expm1(-rb * h) / (rb * h) + 1;
    return first_order(x, s, b, m[0]) + ((rb / ra) * (b.alpha * phi_b)) * rise_a;
  }
  const at::Tensor rise_b = m[2] - m[0];
  return first_order(x, s, t, m[0]) + ((1 / rb) * (t.alpha * (phi_1 / h + 1))) * rise_b;
}

// Integrates the state (B, ...), in fp32. The first and last steps are of lower order: the first ones, and those after
// a state that forgets (SolverState), for want of a history, the last because the data prediction has no slope at time
// 0.
SolverRun dpm_run(SolverSettings settings, at::Tensor state, StepFn on_step) {
  SVG_CHECK(settings.steps >= 1, ErrorCode::kInvalidArgument, "[dpm] steps is ", settings.steps, ", must be positive");
  SVG_CHECK(settings.order >= 1 && settings.order <= 3, ErrorCode::kInvalidArgument, "[dpm] order is ", settings.order,
            ", must be 1, 2 or 3");
  const Plan plan = make_plan(settings);
  const int64_t steps = static_cast<int64_t>(plan.orders.size());
  at::Tensor x = state.to(at::kFloat);
  std::vector<Node> past;  // of a step in singlestep, of the last three steps else
  std::vector<at::Tensor> predictions;
  size_t node = 0;
  for (int64_t step = 0; step < steps; ++step) {
    const auto when = [&](size_t at) { return SolverTime{model_time(plan.times[at]), step, steps}; };
    const int64_t planned = plan.orders[static_cast<size_t>(step)];
    if (settings.singlestep) {
      past.clear();
      predictions.clear();
      for (int64_t k = 0; k <= planned; ++k) past.emplace_back(plan.times[node + static_cast<size_t>(k)]);
      at::Tensor inner = x;
      for (int64_t k = 0; k < planned; ++k) {
        const at::Tensor velocity = co_await VelocityAt(inner, when(node + static_cast<size_t>(k)));
        predictions.push_back(predicted_data(inner, velocity, past[static_cast<size_t>(k)]));
        inner = singlestep(x, past, predictions);
      }
      x = inner;
      node += static_cast<size_t>(planned);
    } else {
      const at::Tensor velocity = co_await VelocityAt(x, when(node));
      past.emplace_back(plan.times[node]);
      predictions.push_back(predicted_data(x, velocity, past.back()));
      if (past.size() > 3) {
        past.erase(past.begin());
        predictions.erase(predictions.begin());
      }
      // Of lower order where a forgetting state has left too few predictions.
      const int64_t order = std::min(planned, static_cast<int64_t>(past.size()));
      x = multistep(x, past, predictions, Node(plan.times[++node]), order);
    }
    if (!on_step) continue;
    SolverState after(x);
    on_step({step + 1, steps, model_time(plan.times[node])}, after);
    x = after.x();
    if (after.forgets()) {
      past.clear();
      predictions.clear();
    }
  }
  co_return x;
}

}  // namespace

std::vector<double> dpm_model_times(const SolverSettings& settings) {
  std::vector<double> times = make_plan(settings).times;
  times.pop_back();
  for (double& time : times) time = model_time(time);
  return times;
}

SolverKind dpm_solver() {
  SolverKind kind{"dpm++",
                  "DPM-Solver++",
                  {"dpm", "dpmsolver++"},
                  SolverFamily::kDpm,
                  {"steps", "order", "method", "skipType", "shift"}};
  kind.usual_shift = 10;
  kind.model_times = dpm_model_times;
  kind.run = dpm_run;
  return kind;
}

}  // namespace svg
