#include "diffusion/adaptive_ode.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace svg {
namespace {

constexpr double kSafety = 0.9, kGrowth = 10, kShrink = 0.2;

// Shampine's form of the Dormand-Prince pair; the midpoint weights are those of its quartic interpolation.
AdaptiveMethod dormand_prince() {
  const std::vector<double> last = {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84};
  AdaptiveMethod method;
  method.tableau.nodes = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};
  method.tableau.coupling = {{},
                             {1.0 / 5},
                             {3.0 / 40, 9.0 / 40},
                             {44.0 / 45, -56.0 / 15, 32.0 / 9},
                             {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
                             {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
                             last};
  method.tableau.weights = last;
  method.tableau.weights.push_back(0);
  method.error = {35.0 / 384 - 1951.0 / 21600,
                  0,
                  500.0 / 1113 - 22642.0 / 50085,
                  125.0 / 192 - 451.0 / 720,
                  -2187.0 / 6784 + 12231.0 / 42400,
                  11.0 / 84 - 649.0 / 6300,
                  -1.0 / 60};
  method.midpoint = {6025192743.0 / 30085553152.0 / 2,     0,
                     51252292925.0 / 65400821598.0 / 2,    -2691868925.0 / 45128329728.0 / 2,
                     187940372067.0 / 1594534317056.0 / 2, -1776094331.0 / 19743644256.0 / 2,
                     11237099.0 / 235043384.0 / 2};
  method.order = 5;
  return method;
}

AdaptiveMethod bogacki_shampine() {
  return {{{0, 0.5, 0.75, 1}, {{}, {0.5}, {0, 0.75}, {2.0 / 9, 1.0 / 3, 4.0 / 9}}, {2.0 / 9, 1.0 / 3, 4.0 / 9, 0}},
          {2.0 / 9 - 7.0 / 24, 1.0 / 3 - 1.0 / 4, 4.0 / 9 - 1.0 / 3, -1.0 / 8},
          {0, 0.5, 0, 0},
          3};
}

AdaptiveMethod fehlberg2() {
  return {{{0, 0.5, 1}, {{}, {0.5}, {1.0 / 256, 255.0 / 256}}, {1.0 / 512, 255.0 / 256, 1.0 / 512}},
          {-1.0 / 512, 0, 1.0 / 512},
          {0, 0.5, 0},
          2};
}

AdaptiveMethod adaptive_heun() { return {{{0, 1}, {{}, {1}}, {0.5, 0.5}}, {0.5, -0.5}, {0.5, 0}, 2}; }

double rms(const at::Tensor& x) { return x.to(at::kDouble).square().mean().sqrt().item<double>(); }

at::Tensor combine(const std::vector<double>& weights, const std::vector<at::Tensor>& k, double dt) {
  at::Tensor sum;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    const at::Tensor term = (dt * weights[i]) * k[i];
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

// The step sizes of a method, first and next.
class StepSize {
 public:
  StepSize(const AdaptiveMethod& method, const Tolerance& tolerance)
      : exponent_(1.0 / static_cast<double>(method.order)), tolerance_(tolerance) {}

  // A short step from y with the velocity k, to see how the velocity changes.
  double trial(const at::Tensor& y, const at::Tensor& k) {
    scale_ = tolerance_.absolute + tolerance_.relative * y.abs().to(at::kDouble);
    const double size = rms(y / scale_);
    slope_ = rms(k / scale_);
    return size < 1e-5 || slope_ < 1e-5 ? 1e-6 : 0.01 * size / slope_;
  }

  // From the velocity after that trial.
  double first(double trial, const at::Tensor& k, const at::Tensor& after) const {
    const double bend = rms((after - k) / scale_) / trial;
    const double step = slope_ <= 1e-15 && bend <= 1e-15 ? std::max(1e-6, trial * 1e-3)
                                                         : std::pow(0.01 / std::max(slope_, bend), exponent_);
    return std::min(100 * trial, step);
  }

  // The step is taken where it is at most 1.
  double error_ratio(const at::Tensor& error, const at::Tensor& y0, const at::Tensor& y1) const {
    const at::Tensor largest = at::maximum(y0.abs(), y1.abs()).to(at::kDouble);
    return rms(error / (tolerance_.absolute + tolerance_.relative * largest));
  }

  double next(double dt, double ratio) const {
    if (ratio == 0) return dt * kGrowth;
    const double least = ratio < 1 ? 1 : kShrink;  // an accepted step is never followed by a shorter one
    const double factor = kSafety / std::pow(ratio, exponent_);
    return dt * std::min(kGrowth, std::max(factor, least));
  }

 private:
  double exponent_;
  Tolerance tolerance_;
  at::Tensor scale_;  // of the state that the trial starts from
  double slope_ = 0;
};

// Quartic through both ends and the middle with the slopes at the ends, at the fraction x of the step.
at::Tensor interpolate(const at::Tensor& y0, const at::Tensor& y1, const at::Tensor& middle, const at::Tensor& k0,
                       const at::Tensor& k1, double dt, double x) {
  const at::Tensor c4 = 2 * dt * (k1 - k0) - 8 * (y1 + y0) + 16 * middle;
  const at::Tensor c3 = dt * (5 * k0 - 3 * k1) + 18 * y0 + 14 * y1 - 32 * middle;
  const at::Tensor c2 = dt * (k1 - 4 * k0) - 11 * y0 - 5 * y1 + 16 * middle;
  return y0 + x * (dt * k0 + x * (c2 + x * (c3 + x * c4)));
}

// Integrates the state (B, ...) at t = `start` to t = 1, fp32; times and step sizes are fp64. A step is taken where
// the root mean square of error / (absolute + relative * max(|y0|, |y1|)) is at most 1. The last step runs past 1 and
// is interpolated there by a quartic. First step: Hairer, Norsett, Wanner, Solving ODEs I, II.4.
// Throws Error(kNumeric) where the state is not finite or the step size vanishes.
SolverRun adaptive_run(AdaptiveMethod method, Tolerance tolerance, double start, at::Tensor state, StepFn on_step) {
  SVG_CHECK(tolerance.absolute >= 0 && tolerance.relative >= 0 && tolerance.absolute + tolerance.relative > 0,
            ErrorCode::kInvalidArgument, "[ode] tolerances ", tolerance.absolute, " and ", tolerance.relative,
            " must not be negative nor both zero");
  const ButcherTableau& tableau = method.tableau;
  StepSize step_size(method, tolerance);
  int64_t accepted = 0;
  // Times of evaluations are fp32, as the state is.
  const auto when = [&](double at) { return SolverTime{static_cast<float>(at), accepted, 0}; };
  at::Tensor y = state.to(at::kFloat);
  double t = start;
  const at::Tensor at_start = co_await VelocityAt(y, when(t));
  const double trial = step_size.trial(y, at_start);
  const at::Tensor after_trial = co_await VelocityAt(y + trial * at_start, when(t + trial));
  double dt = step_size.first(trial, at_start, after_trial);
  std::vector<at::Tensor> k = {at_start};
  while (true) {
    SVG_CHECK(std::isfinite(dt) && t + dt > t, ErrorCode::kNumeric, "[ode] no step size meets the tolerance at t = ", t,
              ": the velocity is not finite or too rough");
    const float begin = static_cast<float>(t), length = static_cast<float>(dt);
    k.resize(1);  // the velocity at (t, y)
    for (size_t i = 1; i < tableau.nodes.size(); ++i) {
      const double at =
          tableau.nodes[i] == 1 ? static_cast<float>(t + dt) : begin + static_cast<float>(tableau.nodes[i]) * length;
      const at::Tensor velocity = co_await VelocityAt(y + combine(tableau.coupling[i], k, length), when(at));
      k.push_back(velocity);
    }
    const at::Tensor y1 = y + combine(tableau.weights, k, length);
    const double ratio = step_size.error_ratio(combine(method.error, k, length), y, y1);
    SVG_CHECK(std::isfinite(ratio), ErrorCode::kNumeric, "[ode] the state is not finite at t = ", t + dt);
    const double next = step_size.next(dt, ratio);
    if (ratio <= 1) {
      const double t1 = t + dt;
      ++accepted;
      at::Tensor reached = y1;
      if (t1 >= 1) {
        const at::Tensor middle = y + combine(method.midpoint, k, length);
        reached = interpolate(y, y1, middle, k.front(), k.back(), length, (1 - t) / dt);
      }
      SolverState after(reached);
      if (on_step) on_step({accepted, 0, std::min(t1, 1.0)}, after);
      if (t1 >= 1) co_return after.x();
      t = t1;
      y = after.x();
      k.front() = k.back();
      if (after.replaced()) {  // the last velocity is that of the old state
        const at::Tensor velocity = co_await VelocityAt(y, when(t));
        k.front() = velocity;
      }
    }
    dt = next;
  }
}

SolverKind adaptive_solver(std::string name, std::string title, const AdaptiveMethod& method) {
  SolverKind kind{std::move(name), std::move(title), {}, SolverFamily::kAdaptive, {"atol", "rtol"}};
  kind.stages = 0;
  kind.model_times = [](const SolverSettings&) { return std::vector<double>(); };
  kind.run = [method](const SolverSettings& settings, const at::Tensor& state, const StepFn& on_step) {
    return adaptive_run(method, settings.tolerance, settings.start, state, on_step);
  };
  return kind;
}

}  // namespace

std::vector<SolverKind> adaptive_solvers() {
  return {
      adaptive_solver("dopri5", "Dormand-Prince, fifth order", dormand_prince()),
      adaptive_solver("bosh3", "Bogacki-Shampine, third order", bogacki_shampine()),
      adaptive_solver("fehlberg2", "Fehlberg, second order", fehlberg2()),
      adaptive_solver("adaptive_heun", "Heun's method with Euler's as its error", adaptive_heun()),
  };
}

}  // namespace svg
