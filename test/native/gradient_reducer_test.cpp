#include "distributed/gradient_reducer.h"

#include <c10/core/GradMode.h>

#include <numeric>

#include "check.h"
#include "distributed/make_sync.h"
#include "ops/recompute.h"
#include "ranks.h"
#include "tiny_dit.h"
#include "train/adamw.h"
#include "train/gradients.h"

using svg::ParallelMode;
using svg::ProcessGroup;
using svg::TensorMap;
using svg::test::expect_ranks;
using svg::test::largest_difference;

namespace {

constexpr int64_t kSamples = 8;
const std::vector<std::string> kOrder = {"w0", "b0", "w1", "b1", "w2", "never", "even"};

/// Three layers; "never" is in no graph, "even" only in that of samples of even number.
TensorMap fresh_parameters() {
  at::Generator generator = at::detail::createCPUGenerator(5);
  const auto draw = [&](at::IntArrayRef shape) {
    return at::randn(shape, generator, at::TensorOptions()).mul_(0.3).requires_grad_();
  };
  TensorMap parameters;
  for (const char* name : {"w0", "w1", "w2"}) parameters[name] = draw({16, 16});
  for (const char* name : {"b0", "b1", "never", "even"}) parameters[name] = draw({16});
  return parameters;
}

at::Tensor input(int64_t sample) {
  return at::randn({4, 16}, at::detail::createCPUGenerator(100 + static_cast<uint64_t>(sample)), at::TensorOptions());
}

at::Tensor loss(const TensorMap& leaves, const at::Tensor& image, bool is_even) {
  const auto leaf = [&](const char* name) { return leaves.at(name).to(at::kFloat); };
  at::Tensor x = (at::matmul(image, leaf("w0")) + leaf("b0")).tanh();
  x = (at::matmul(x, leaf("w1")) + leaf("b1")).tanh();
  if (is_even) x = x * leaf("even");
  return at::matmul(x, leaf("w2")).square().mean();
}

at::Tensor loss(const TensorMap& leaves, int64_t sample) { return loss(leaves, input(sample), sample % 2 == 0); }

/// One backward for each sample of this rank, as micro-batches.
void accumulate(svg::ParameterSync& sync, const TensorMap& leaves, int64_t rank, int64_t world) {
  const c10::AutoGradMode grad(true);
  const int64_t share = kSamples / world;
  for (int64_t i = 0; i < share; ++i) {
    sync.begin_backward(i + 1 == share);
    (loss(leaves, rank * share + i) / static_cast<double>(kSamples)).backward();
  }
  sync.end_backward();
}

TensorMap clones(const TensorMap& tensors) {
  TensorMap copies;
  for (const auto& [name, tensor] : tensors) copies[name] = tensor.detach().clone();
  return copies;
}

struct Trained {
  TensorMap parameters;
  std::vector<double> norms;
};

/// Three steps of AdamW, with optimiser state for the owned parameters alone.
Trained train(ProcessGroup* group, ParallelMode mode, int64_t bucket_bytes) {
  Trained trained;
  TensorMap parameters = fresh_parameters();
  svg::SyncOptions options;
  options.mode = mode;
  options.bucket_bytes = bucket_bytes;
  const auto sync = svg::make_parameter_sync(group, parameters, parameters, kOrder, options);
  const TensorMap owned = sync->owned(parameters);
  svg::AdamWOptions adamw;
  adamw.lr = 0.01;
  adamw.weight_decay = 0.1;
  svg::AdamW optimizer(owned, adamw);
  for (int step = 0; step < 3; ++step) {
    accumulate(*sync, parameters, group ? group->rank() : 0, group ? group->world() : 1);
    sync->finish();
    for (const auto& [name, parameter] : parameters) EXPECT(sync->owns(name) || !parameter.grad().defined());
    TensorMap gradients;
    for (const auto& [name, parameter] : owned) {
      if (parameter.grad().defined()) gradients[name] = parameter.grad();
    }
    const at::Tensor norm = sync->global_norm(svg::gradient_norm(gradients));
    trained.norms.push_back(norm.item<double>());
    optimizer.step(owned, {gradients, norm, 0.5 * norm.item<double>()});
    for (const auto& entry : parameters) entry.second.mutable_grad().reset();
    sync->after_step();
  }
  trained.parameters = clones(parameters);
  return trained;
}

/// The first of two ranks, of which the other has nothing to add; counts what has left.
class CountingGroup : public ProcessGroup {
 public:
  int64_t rank() const override { return 0; }
  int64_t world() const override { return 2; }
  std::string backend() const override { return "counting"; }
  at::Device device() const override { return at::kCPU; }
  std::unique_ptr<svg::Collective> start_all_reduce(at::Tensor, svg::ReduceOp) override { return count(); }
  std::unique_ptr<svg::Collective> start_reduce(at::Tensor, int64_t) override { return count(); }
  std::unique_ptr<svg::Collective> start_broadcast(at::Tensor, int64_t) override { return count(); }
  std::vector<at::Tensor> all_gather(const at::Tensor& tensor) override { return {tensor, tensor}; }
  std::vector<std::string> all_gather_text(const std::string&, const std::string& text, svg::Patience) override {
    return {text, text};
  }

  int started = 0;

 private:
  struct Done : svg::Collective {
    void wait() override {}
  };

  std::unique_ptr<svg::Collective> count() {
    ++started;
    return std::make_unique<Done>();
  }
};

void expect_same(const Trained& got, const Trained& wanted, double tolerance) {
  for (size_t i = 0; i < wanted.norms.size(); ++i) EXPECT_CLOSE(got.norms[i], wanted.norms[i], tolerance);
  for (const auto& [name, tensor] : wanted.parameters) {
    EXPECT_CLOSE(largest_difference(got.parameters.at(name), tensor), 0, tolerance);
  }
}

}  // namespace

TEST_CASE("gradient_reducer: buckets from the last parameter to the first, owners of like loads") {
  svg::BucketOptions options;
  options.elements = 100;
  options.first_elements = 30;
  options.owners = 2;
  const auto buckets = svg::make_buckets({40, 50, 200, 20, 10, 20}, options);
  std::vector<std::vector<size_t>> parameters;
  std::vector<int64_t> owners;
  for (const svg::Bucket& bucket : buckets) {
    parameters.emplace_back();
    int64_t elements = 0;
    for (const svg::BucketSlot& slot : bucket.slots) {
      EXPECT(slot.offset >= elements);
      parameters.back().push_back(slot.parameter);
      elements = slot.offset;
    }
    owners.push_back(bucket.owner);
  }
  EXPECT((parameters == std::vector<std::vector<size_t>>{{5, 4}, {3}, {2}, {1, 0}}));
  EXPECT((owners == std::vector<int64_t>{0, 1, 1, 0}));
  EXPECT(buckets[3].elements == 90 && buckets[3].slots[1].offset == 50);
}

TEST_CASE("gradient_reducer: a world of one leaves gradients and names alone") {
  const TensorMap parameters = fresh_parameters();
  const auto sync = svg::make_parameter_sync(nullptr, parameters, parameters, kOrder, {});
  accumulate(*sync, parameters, 0, 1);
  const at::Tensor gradient = parameters.at("w0").grad().clone();
  sync->finish();
  EXPECT(at::equal(parameters.at("w0").grad(), gradient));
  EXPECT(!parameters.at("never").grad().defined());
  EXPECT(sync->owned(parameters).size() == parameters.size());
  EXPECT_CLOSE(sync->global_norm(at::full({}, 3.0, at::kDouble)).item<double>(), 3, 0);
}

TEST_CASE("gradient_reducer: buckets leave during the last backward pass, and only that one") {
  for (const ParallelMode mode : {ParallelMode::kData, ParallelMode::kOptimizer}) {
    CountingGroup group;
    const TensorMap parameters = fresh_parameters();
    svg::SyncOptions options;
    options.mode = mode;
    options.bucket_bytes = 1024;  // one of the matrices, or what is small between them: six buckets
    const auto sync = svg::make_parameter_sync(&group, parameters, parameters, kOrder, options);
    accumulate(*sync, parameters, 0, kSamples);  // after this step "never" is not waited for
    sync->finish();
    group.started = 0;
    sync->begin_backward(false);
    loss(parameters, 0).backward();
    EXPECT(group.started == 0);
    sync->begin_backward(true);
    // While the gradient of the first layer's input is computed, only that layer's bucket can be missing.
    at::Tensor image = input(0).requires_grad_();
    int at_input = 0;
    image.register_hook([&](const at::Tensor&) { at_input = group.started; });
    loss(parameters, image, true).backward();
    EXPECT(at_input >= 4 && group.started == 6);
    sync->end_backward();
    EXPECT(group.started == 7);  // and which gradients there are
  }
}

TEST_CASE("gradient_reducer: the sums are the gradients of one rank with the whole batch") {
  const TensorMap whole = fresh_parameters();
  const auto alone = svg::make_parameter_sync(nullptr, whole, whole, kOrder, {});
  accumulate(*alone, whole, 0, 1);
  for (const int64_t world : {2, 4}) {
    for (const int64_t bucket_bytes : {int64_t{64}, int64_t{2000}, int64_t{25} << 20}) {
      expect_ranks(world, [&](ProcessGroup& group) {
        const TensorMap parameters = fresh_parameters();
        svg::SyncOptions options;
        options.bucket_bytes = bucket_bytes;
        const auto sync = svg::make_parameter_sync(&group, parameters, parameters, kOrder, options);
        for (int step = 0; step < 2; ++step) {  // the second one knows which gradients never come
          accumulate(*sync, parameters, group.rank(), world);
          sync->finish();
          for (const auto& [name, parameter] : whole) {
            const at::Tensor& gradient = parameters.at(name).grad();
            EXPECT(gradient.defined() == parameter.grad().defined());
            if (gradient.defined()) EXPECT_CLOSE(largest_difference(gradient, parameter.grad()), 0, 1e-6);
          }
          sync->discard();
        }
      });
    }
  }
}

TEST_CASE("gradient_reducer: ranks train as one does, also with sharded optimiser state") {
  const Trained alone = train(nullptr, ParallelMode::kData, 2000);
  for (const int64_t world : {2, 4}) {
    std::vector<Trained> data(static_cast<size_t>(world)), sharded(static_cast<size_t>(world));
    expect_ranks(world, [&](ProcessGroup& group) {
      const auto rank = static_cast<size_t>(group.rank());
      data[rank] = train(&group, ParallelMode::kData, 2000);
      sharded[rank] = train(&group, ParallelMode::kOptimizer, 2000);
    });
    for (const Trained& trained : data) {
      expect_same(trained, alone, 1e-5);
      expect_same(trained, data[0], 0);  // to the bit
    }
    for (const Trained& trained : sharded) {
      expect_same(trained, data[0], 1e-5);
      expect_same(trained, sharded[0], 0);
    }
  }
}

TEST_CASE("gradient_reducer: two runs of one world size are equal to the bit") {
  std::vector<Trained> runs(2);
  for (Trained& run : runs) {
    expect_ranks(4, [&](ProcessGroup& group) {
      Trained trained = train(&group, ParallelMode::kData, 1000);
      if (group.rank() == 0) run = trained;
    });
  }
  expect_same(runs[0], runs[1], 0);
}

TEST_CASE("gradient_reducer: each rank owns a share, and rank 0 can have all of it") {
  expect_ranks(3, [](ProcessGroup& group) {
    const TensorMap parameters = fresh_parameters();
    svg::SyncOptions options;
    options.mode = ParallelMode::kOptimizer;
    const auto sync = svg::make_parameter_sync(&group, parameters, parameters, kOrder, options);
    const TensorMap owned = sync->owned(parameters);
    EXPECT(!owned.empty() && owned.size() < parameters.size());
    TensorMap averages;
    for (const auto& [name, tensor] : owned) averages[name] = tensor.detach() * 2;
    const TensorMap all = sync->gather(averages);
    EXPECT(all.size() == (group.rank() == 0 ? parameters.size() : 0));
    for (const auto& [name, tensor] : all) EXPECT(at::equal(tensor, parameters.at(name).detach() * 2));
  });
}

TEST_CASE("gradient_reducer: gradients of bf16 copies are summed in fp32") {
  const TensorMap whole = fresh_parameters();
  TensorMap copies;
  for (const auto& [name, parameter] : whole) copies[name] = parameter.detach().to(at::kBFloat16).requires_grad_();
  const auto alone = svg::make_parameter_sync(nullptr, whole, copies, kOrder, {});
  // Sample by sample, as the ranks do it.
  TensorMap sums;
  for (int64_t sample = 0; sample < kSamples; ++sample) {
    (loss(copies, sample) / static_cast<double>(kSamples)).backward();
    for (const auto& [name, copy] : copies) {
      if (!copy.grad().defined()) continue;
      const at::Tensor gradient = copy.grad().to(at::kFloat);
      sums[name] = sums.count(name) ? sums[name] + gradient : gradient;
      copy.mutable_grad().reset();
    }
  }
  expect_ranks(kSamples, [&](ProcessGroup& group) {
    const TensorMap parameters = fresh_parameters();
    TensorMap leaves;
    for (const auto& [name, tensor] : parameters) leaves[name] = tensor.detach().to(at::kBFloat16).requires_grad_();
    const auto sync = svg::make_parameter_sync(&group, parameters, leaves, kOrder, {});
    accumulate(*sync, leaves, group.rank(), group.world());
    sync->finish();
    for (const auto& [name, sum] : sums) {
      EXPECT(parameters.at(name).grad().scalar_type() == at::kFloat && !leaves.at(name).grad().defined());
      EXPECT_CLOSE(largest_difference(parameters.at(name).grad(), sum), 0, 1e-6);
    }
  });
}

TEST_CASE("gradient_reducer: a parameter that gets its gradient in two parts is whole") {
  const auto twice = [](const TensorMap& leaves) {
    // Recomputed blocks run backward of their own: "w" gets a gradient from each.
    at::Tensor x = input(1);
    for (int block = 0; block < 2; ++block) {
      x = svg::recomputed(
          [&leaves](const std::vector<at::Tensor>& in) { return at::matmul(in[0], leaves.at("w")).tanh(); },
          {x.requires_grad_()});
    }
    return x.square().mean();
  };
  const at::Tensor start = at::randn({16, 16}, at::detail::createCPUGenerator(7), at::TensorOptions());
  const TensorMap whole = {{"w", start.clone().requires_grad_()}};
  twice(whole).backward();
  for (const ParallelMode mode : {ParallelMode::kData, ParallelMode::kOptimizer}) {
    expect_ranks(2, [&](ProcessGroup& group) {
      const TensorMap parameters = {{"w", start.clone().requires_grad_()}};
      svg::SyncOptions options;
      options.mode = mode;
      const auto sync = svg::make_parameter_sync(&group, parameters, parameters, {}, options);
      sync->begin_backward(true);
      if (group.rank() == 0) twice(parameters).backward();  // the other has nothing to add
      sync->end_backward();
      sync->finish();
      const at::Tensor& gradient = parameters.at("w").grad();
      EXPECT(gradient.defined() == sync->owns("w"));
      if (gradient.defined()) EXPECT_CLOSE(largest_difference(gradient, whole.at("w").grad()), 0, 1e-6);
    });
  }
}

TEST_CASE("gradient_reducer: a norm that is not finite on one rank is so on all") {
  expect_ranks(3, [](ProcessGroup& group) {
    const TensorMap parameters = fresh_parameters();
    svg::SyncOptions options;
    options.mode = ParallelMode::kOptimizer;
    const auto sync = svg::make_parameter_sync(&group, parameters, parameters, kOrder, options);
    const auto norm_of = [&](double owned) {
      return sync->global_norm(at::full({}, owned, at::kDouble)).item<double>();
    };
    EXPECT_CLOSE(norm_of(2), std::sqrt(12.0), 1e-12);
    EXPECT(std::isnan(norm_of(group.rank() == 1 ? std::nan("") : 1.0)));
    EXPECT(!std::isfinite(norm_of(group.rank() == 1 ? INFINITY : 1.0)));
  });
}

TEST_CASE("gradient_reducer: a step that is given up leaves the next one whole") {
  expect_ranks(2, [](ProcessGroup& group) {
    const TensorMap parameters = fresh_parameters();
    const auto sync = svg::make_parameter_sync(&group, parameters, parameters, kOrder, {});
    sync->begin_backward(false);
    loss(parameters, 0).backward();
    sync->discard();
    EXPECT(!parameters.at("w0").grad().defined());
    sync->begin_backward(true);
    EXPECT_ERROR(sync->begin_backward(true), svg::ErrorCode::kInternal, "after the last");
    EXPECT_ERROR(sync->finish(), svg::ErrorCode::kInternal, "has ended");
    loss(parameters, 0).backward();
    sync->end_backward();
    sync->finish();
    const TensorMap single = fresh_parameters();
    loss(single, 0).backward();
    EXPECT_CLOSE(largest_difference(parameters.at("w0").grad(), 2 * single.at("w0").grad()), 0, 1e-6);
  });
}
