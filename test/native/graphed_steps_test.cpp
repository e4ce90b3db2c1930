// Steps that are recorded by their shape: the same velocities, few recordings, and none where one has failed.
#include "models/next_dit/graphed_steps.h"

#include <c10/core/GradMode.h>

#include "check.h"
#include "ops/fastest_way.h"
#include "ops/verified.h"
#include "tiny_dit.h"

using svg::GraphedSteps;
using svg::NextDit;
using svg::test::largest_difference;
using svg::test::tiny_config;
using svg::test::tiny_model;

namespace {

struct Picture {
  at::Tensor latent;  // (C, h, w)
  double t = 0;
};

/// A step of these pictures, each with every caption, (L, 24) features.
struct Step {
  std::vector<Picture> pictures;
  std::vector<at::Tensor> captions;

  svg::StepInputs inputs(const NextDit& model) const {
    svg::StepInputs inputs;
    std::vector<double> times;
    for (const Picture& picture : pictures) {
      inputs.grids.push_back(model.grid_of(picture.latent));
      inputs.latents.push_back(picture.latent);
      if (pictures.size() > 1) inputs.times.push_back(static_cast<int64_t>(times.size()));
      times.push_back(picture.t);
    }
    inputs.table = model.modulation_table(at::tensor(times, at::kFloat));
    for (const at::Tensor& caption : captions) {
      for (size_t i = 0; i < pictures.size(); ++i) {
        inputs.captions.push_back(model.encode_caption(caption));
        inputs.image.push_back(i);
      }
    }
    return inputs;
  }

  void expect(const NextDit& model, const at::Tensor& patches) const {
    int64_t start = 0;
    for (const at::Tensor& caption : captions) {
      for (const Picture& picture : pictures) {
        const svg::TokenGrid grid = model.grid_of(picture.latent);
        const at::Tensor got = model.unpatchify(patches.narrow(0, start, grid.tokens()), grid);
        const at::Tensor want = model.forward({picture.latent}, at::full({1}, picture.t), {caption})[0];
        EXPECT_CLOSE(largest_difference(got, want), 0, 5e-5);
        start += grid.tokens();
      }
    }
    EXPECT(start == patches.size(0));
  }
};

Picture picture_of(int64_t rows, int64_t columns, double t) { return {at::randn({8, rows, columns}), t}; }

at::Tensor features(int64_t tokens) { return at::randn({tokens, 24}); }

/// Counts recordings.
svg::StepRecorder counting(int& recordings) {
  return [&recordings](at::Device device, std::function<void()> body) {
    ++recordings;
    return svg::repeated_step(device, std::move(body));
  };
}

std::vector<std::string> step_faults() {
  std::vector<std::string> causes;
  for (const svg::KernelFault& fault : svg::kernel_faults()) {
    if (fault.signature.rfind("step graph", 0) == 0) causes.push_back(fault.cause);
  }
  return causes;
}

struct IdleGraph : svg::StepGraph {
  void replay() override {}
};

}  // namespace

TEST_CASE("graphed steps: a recording serves other latents, times and captions of its shape") {
  const c10::NoGradGuard no_grad;
  const NextDit model = tiny_model(tiny_config());
  int recordings = 0;
  GraphedSteps steps(counting(recordings));
  const auto run = [&](const Step& step) { return steps.patches(model, step.inputs(model)); };

  EXPECT(!run({{picture_of(4, 6, 0.1)}, {features(5), features(1)}}));  // what comes once is not recorded
  EXPECT(recordings == 0 && steps.kept() == 0);
  const at::Tensor negative = features(1);
  for (const int64_t tokens : {5, 7, 1, 7}) {
    const Step step{{picture_of(4, 6, 0.1 * static_cast<double>(tokens))}, {features(tokens), negative}};
    const auto patches = run(step);
    EXPECT(patches.has_value());
    step.expect(model, *patches);
  }
  EXPECT(recordings == 1 && steps.kept() == 1);

  // Several pictures, each at its own time.
  const auto pair = [&](int64_t tokens) {
    return Step{{picture_of(4, 6, 0.3), picture_of(2, 3, 0.8)}, {features(tokens), features(2)}};
  };
  EXPECT(!run(pair(4)));
  for (const int64_t tokens : {4, 6}) {
    const Step step = pair(tokens);
    const auto patches = run(step);
    EXPECT(patches.has_value());
    step.expect(model, *patches);
  }
  EXPECT(recordings == 2 && steps.kept() == 2);
  EXPECT(step_faults().empty());
}

TEST_CASE("graphed steps: what a replay gave stays as it was when the next one comes") {
  const c10::NoGradGuard no_grad;
  const NextDit model = tiny_model(tiny_config());
  int recordings = 0;
  GraphedSteps steps(counting(recordings));
  const Step one{{picture_of(3, 3, 0.2)}, {features(3)}}, other{{picture_of(3, 3, 0.9)}, {features(4)}};
  steps.patches(model, one.inputs(model));
  const at::Tensor first = *steps.patches(model, one.inputs(model));
  steps.patches(model, other.inputs(model));
  one.expect(model, first);
}

TEST_CASE("graphed steps: shapes that are too large are left alone, and the recordings used last are kept") {
  const c10::NoGradGuard no_grad;
  const NextDit model = tiny_model(tiny_config());
  int recordings = 0;
  GraphedSteps steps(counting(recordings));
  const auto step_of = [&](int64_t columns) { return Step{{picture_of(1, columns, 0.5)}, {features(2)}}; };
  const int64_t shapes = static_cast<int64_t>(GraphedSteps::kMostKept) + 2;
  for (int64_t columns = 1; columns <= shapes; ++columns) {
    for (int turn = 0; turn < 2; ++turn) steps.patches(model, step_of(columns).inputs(model));
  }
  EXPECT(recordings == shapes && steps.kept() == GraphedSteps::kMostKept);
  steps.patches(model, step_of(shapes).inputs(model));
  EXPECT(recordings == shapes);  // known
  const Step dropped = step_of(1);
  dropped.expect(model, *steps.patches(model, dropped.inputs(model)));
  EXPECT(recordings == shapes + 1 && steps.kept() == GraphedSteps::kMostKept);

  const Step large{{picture_of(32, 32, 0.5)}, std::vector<at::Tensor>(5, features(1))};
  EXPECT(svg::StepShape(large.inputs(model)).rows > GraphedSteps::kMostRows);
  for (int turn = 0; turn < 3; ++turn) EXPECT(!steps.patches(model, large.inputs(model)));
}

TEST_CASE("graphed steps: a recording that fails is a fault by name, and the last one that is tried") {
  const c10::NoGradGuard no_grad;
  svg::NextDitConfig config = tiny_config();
  config.ffn_dim = 64;
  const NextDit model = tiny_model(config);
  const Step step{{picture_of(3, 4, 0.4)}, {features(3), features(1)}};
  int tried = 0;
  GraphedSteps without_memory([&](at::Device, const std::function<void()>&) -> std::unique_ptr<svg::StepGraph> {
    ++tried;
    throw svg::Error(svg::ErrorCode::kOutOfMemory, "no memory for a recording");
  });
  for (int turn = 0; turn < 4; ++turn) EXPECT(!without_memory.patches(model, step.inputs(model)));
  EXPECT(tried == 2);  // it may be there the next time
  EXPECT(step_faults().empty());

  GraphedSteps broken([&](at::Device, const std::function<void()>&) -> std::unique_ptr<svg::StepGraph> {
    ++tried;
    throw std::runtime_error("operation not permitted when stream is capturing\nin detail");
  });
  for (int turn = 0; turn < 4; ++turn) EXPECT(!broken.patches(model, step.inputs(model)));
  EXPECT(tried == 3);
  EXPECT(step_faults() == std::vector<std::string>{"it failed: operation not permitted when stream is capturing"});
}

TEST_CASE("graphed steps: a replay that does not do what was recorded is found out, and the step runs as it is") {
  const c10::NoGradGuard no_grad;
  const NextDit model = tiny_model(tiny_config());
  GraphedSteps steps([](at::Device, const std::function<void()>& body) -> std::unique_ptr<svg::StepGraph> {
    body();
    return std::make_unique<IdleGraph>();
  });
  const size_t before = step_faults().size();
  for (const int64_t tokens : {9, 8, 7, 6}) {
    const Step step{{picture_of(5, 5, 0.6)}, {features(tokens)}};
    const auto patches = steps.patches(model, step.inputs(model));
    if (tokens == 9) continue;  // comes for the first time
    EXPECT(patches.has_value());
    step.expect(model, *patches);
  }
  EXPECT(step_faults().size() == before + 1);
}

TEST_CASE("fastest way: the usual one, unless another is faster by a tenth; measured once") {
  const auto way = [](double value) -> svg::Way { return [value] { return at::full({1}, value); }; };
  const std::vector<svg::Way> ways = {way(1.0), way(0.95), way(0.5)};
  int measured = 0;
  const svg::WayTimer timer = [&](const svg::Way& one) {
    ++measured;
    return one().item<double>();
  };
  EXPECT(svg::fastest_way("test three", ways, timer) == 2);
  EXPECT(svg::fastest_way("test three", {ways[2], ways[0]}, timer) == 2);  // remembered
  EXPECT(measured == 3);
  EXPECT(svg::fastest_way("test close", {ways[0], ways[1]}, timer) == 0);
  const svg::Way broken = []() -> at::Tensor { throw std::runtime_error("no such kernel"); };
  EXPECT(svg::fastest_way("test broken", {ways[0], broken}, timer) == 0);
  bool thrown = false;
  try {
    svg::fastest_way("test usual broken", {broken, ways[0]}, timer);
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  EXPECT(thrown);
  EXPECT(svg::device_timer(at::kCPU)(ways[0]) >= 0);
}
