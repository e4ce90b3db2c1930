#include "diffusion/guidance.h"

#include "check.h"

TEST_CASE("guidance: renorm bounds the norm by that of the conditional velocity") {
  const at::Tensor conditional = at::randn({4, 3, 5});
  const at::Tensor unconditional = at::randn({4, 3, 5});
  svg::Guidance guidance;
  guidance.renorm = 0.5;
  const at::Tensor guided = svg::guided_velocity(conditional, unconditional, guidance);
  EXPECT_CLOSE(guided.norm().item<double>(), 0.5 * conditional.norm().item<double>(), 1e-4);

  guidance.mode = svg::GuidanceMode::kStandard;
  const at::Tensor plain = svg::guided_velocity(conditional, unconditional, guidance);
  EXPECT_CLOSE((plain - (unconditional + 4 * (conditional - unconditional))).abs().max().item<double>(), 0, 1e-6);
}

TEST_CASE("guidance: a guided velocity that is short enough stays as it is") {
  const at::Tensor conditional = at::randn({2, 3});
  svg::Guidance guidance;
  const at::Tensor guided = svg::guided_velocity(conditional, conditional, guidance);
  EXPECT_CLOSE((guided - conditional).abs().max().item<double>(), 0, 1e-6);
}

TEST_CASE("guidance: the unconditional velocity is asked for only where it counts") {
  svg::Guidance guidance;
  guidance.until = 0.5;
  EXPECT(guidance.needs_unconditional(0.49));
  EXPECT(!guidance.needs_unconditional(0.5));
  guidance.scale = 1;
  EXPECT(!guidance.needs_unconditional(0.1));
  EXPECT(!guidance.shortens_conditional(0.1));
  guidance.renorm = 0.9;
  EXPECT(!guidance.needs_unconditional(0.1));
  EXPECT(guidance.shortens_conditional(0.1));
  EXPECT(!guidance.shortens_conditional(0.5));
  guidance.mode = svg::GuidanceMode::kStandard;
  EXPECT(!guidance.shortens_conditional(0.1));
}

TEST_CASE("guidance: at scale 1 renorm shortens the conditional velocity, whatever the unconditional one is") {
  const at::Tensor conditional = at::randn({4, 3, 5});
  svg::Guidance guidance;
  guidance.scale = 1;
  guidance.renorm = 0.75;
  const at::Tensor alone = svg::guided_velocity(conditional, conditional, guidance);
  EXPECT_CLOSE((alone - 0.75 * conditional).abs().max().item<double>(), 0, 1e-6);
  const at::Tensor both = svg::guided_velocity(conditional, at::randn({4, 3, 5}), guidance);
  EXPECT_CLOSE((alone - both).abs().max().item<double>(), 0, 1e-6);
}

TEST_CASE("guidance: unknown modes are refused") {
  EXPECT_ERROR(svg::guidance_mode("late"), svg::ErrorCode::kInvalidArgument, "unknown guidance mode \"late\"");
}

TEST_CASE("guidance: schedules give each step its scale") {
  svg::Guidance guidance;
  guidance.scale = 5;
  const auto scale = [&](const char* schedule, double t, int64_t step, int64_t steps) {
    guidance.schedule = svg::GuidanceSchedule::parse(schedule);
    return guidance.scale_at({t, step, steps});
  };
  EXPECT(scale("constant", 0, 0, 4) == 5 && scale("constant", 0.9, 0, 0) == 5);
  EXPECT(scale("late", 0, 1, 4) == 1 && scale("late", 0, 2, 4) == 5);
  EXPECT(scale("early-0.3", 0.3, 0, 0) == 1 && scale("early-0.3", 0.31, 0, 0) == 5);
  EXPECT(scale("linear", 0, 0, 4) == 2 && scale("linear", 0, 3, 4) == 5);
  EXPECT(scale("cfg_star-2-0.5", 0, 2, 4) == 5);
  EXPECT(guidance.unconditional_alone({0, 1, 4}) == -0.5 && !guidance.unconditional_alone({0, 2, 4}));
  guidance.until = 0.5;
  EXPECT(scale("constant", 0.5, 0, 4) == 1);
  EXPECT_ERROR(scale("late", 0, 1, 0), svg::ErrorCode::kInvalidArgument, "counts steps");
}

TEST_CASE("guidance: schedules that it does not know are refused") {
  for (const char* name : {"", "interval", "early", "early-x", "early--1", "cfg_star", "cfg_star-1", "cfg_star--1-0",
                           "cfg_star-1.5-0", "late-1"}) {
    EXPECT_ERROR(svg::GuidanceSchedule::parse(name), svg::ErrorCode::kInvalidArgument, "guidance schedule");
  }
}
