#include <cmath>

#include "core/rng.h"
#include "diffusion/path.h"
#include "diffusion/time_shift.h"
#include "golden.h"

namespace svg::test {

TEST_CASE("transport: golden interpolants and velocities") { expect_golden("transport-paths"); }

TEST_CASE("transport: golden time shift") { expect_golden("transport-time-shift"); }

TEST_CASE("transport: a path's velocity is its derivative") {
  const at::Tensor noise = seeded_noise(1, {2, 3}).to(at::kDouble), data = seeded_noise(2, {2, 3}).to(at::kDouble);
  for (const PathKind kind : {PathKind::kLinear, PathKind::kGvp, PathKind::kVp}) {
    const at::Tensor t = at::tensor({0.3, 0.8}, at::kDouble);
    const double step = 1e-6;
    const at::Tensor slope =
        (path_point(kind, t + step, noise, data).x - path_point(kind, t - step, noise, data).x) / (2 * step);
    EXPECT((slope - path_point(kind, t, noise, data).velocity).abs().max().item<double>() < 1e-7);
  }
  EXPECT(parse_path("GVP") == PathKind::kGvp);
  EXPECT_ERROR(parse_path("cosine"), ErrorCode::kInvalidArgument, "cosine");
}

TEST_CASE("transport: shifts keep the ends and move towards noise") {
  const at::Tensor t = at::tensor({0.0, 0.5, 1.0}, at::kFloat);
  const at::Tensor shifted = shift_times(t, 6);
  EXPECT(shifted[0].item<double>() == 0 && shifted[2].item<double>() == 1);
  EXPECT_CLOSE(shifted[1].item<double>(), 1.0 / 7, 1e-7);
  EXPECT_CLOSE(shift_exponent(256), 0.5, 1e-12);
  EXPECT_CLOSE(shift_exponent(4096), 1.15, 1e-12);
  const at::Tensor for_tokens = shift_times_for_tokens(t, 1024);
  EXPECT(for_tokens[0].item<double>() == 0 && for_tokens[2].item<double>() == 1);
  EXPECT_ERROR(shift_times(t, 0), ErrorCode::kInvalidArgument, "must be positive");
}

TEST_CASE("transport: training times follow their law and their seed") {
  TimeSampling sampling = TimeSampling::parse("lognorm");
  const at::Tensor t = sample_times(sampling, 20000, seeded_generator(4));
  EXPECT_CLOSE(t.median().item<double>(), 0.5, 0.01);
  EXPECT_CLOSE(at::log(t / (1 - t)).std().item<double>(), 1.0, 0.02);
  EXPECT(at::equal(t, sample_times(sampling, 20000, seeded_generator(4))));
  sampling.shift_tokens = 4096;
  const double median = sample_times(sampling, 20000, seeded_generator(4)).median().item<double>();
  EXPECT_CLOSE(median, 1 / (1 + std::exp(1.15)), 0.01);

  const at::Tensor uniform = sample_times(TimeSampling::parse("uniform_0.2_0.4"), 5000, seeded_generator(4));
  EXPECT(uniform.min().item<double>() >= 0.2 && uniform.max().item<double>() <= 0.4);
  EXPECT_CLOSE(uniform.mean().item<double>(), 0.3, 0.005);
  EXPECT_ERROR(TimeSampling::parse("uniform_0.2_x"), ErrorCode::kInvalidConfig, "\"x\"");
  EXPECT_ERROR(TimeSampling::parse("beta"), ErrorCode::kInvalidConfig, "beta");
}

}  // namespace svg::test
