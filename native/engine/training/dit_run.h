// Training of the diffusion transformer: samples from a feature cache or from the frozen encoders.
#pragma once

#include <memory>

#include "core/stopwatch.h"
#include "diffusion/time_shift.h"
#include "engine/conditions.h"
#include "engine/training/feature_cache.h"
#include "engine/training/training_run.h"
#include "models/kinds.h"
#include "train/dit_step.h"

namespace svg {

class DitRun : public TrainingRun {
 public:
  /// {"model", "start"?: {"path", "weights"?}, "optimizer", "ema", "precision", "activationCheckpointing": {"mode":
  /// "off" | "on" | "auto", "pictures", "rows", "columns", "tokens": a micro-batch's most, "limitBytes"?}, "seed",
  /// "cache"?: [paths of shards], "parallel"?, "losses": of dit_losses()} (engine/training/{options,losses}.h);
  /// `report` tells what became of "start". Throws Error(kNotLoaded) without statistics.
  DitRun(const EngineModels& state, const Request& request, StartReport& report);

  /// {"lr", "globalBatch", "captionDropout", "time": {"kind", "low", "high", "mean", "shiftTokens"}, "micro":
  /// [[{"draw", "shard", "row"} or {"draw", "image", "tokens" or "class"}, ...], ...], "drop": {"shard", "row"} or
  /// {"tokens"} or {"class"}}; in a run of several processes "micro" holds this rank's part of the batch.
  void step(EngineModels& state, const Request& request, const TensorMap& tensors) override;
  /// [{"losses": {"loss"} of the whole batch, "gradNorm", "applied", "samples": [[t, loss], ...] of this rank,
  /// "milliseconds"}]
  Json report() override;

  TensorMap state() const override { return trainer_->state(); }
  void restore(const TensorMap& state) override;
  TensorMap weights(TrainedWeights kind) const override;
  void publish(EngineModels& state, TrainedWeights kind, at::ScalarType dtype) const override;

 private:
  struct Sample {
    at::Tensor data, noise, condition;
    double t = 0;
  };

  struct CachePlace {
    int64_t shard = 0, row = 0;
  };
  /// What a sample is conditioned on: an input to encode, or, where that is empty, features in the cache.
  struct ConditionSource {
    ConditionInput input;
    CachePlace place;
  };
  struct Item {
    int64_t draw = 0;
    std::string image;  // a tensor of the job; empty: `latent`
    CachePlace latent;
    ConditionSource condition;
  };
  struct Step {
    double lr = 0, caption_dropout = 0;
    int64_t global_batch = 0;
    TimeSampling time;
    ConditionSource dropped;
    std::vector<std::vector<Item>> micro;
  };

  /// What a step leaves behind, on the device until somebody asks.
  struct Numbers {
    std::vector<double> times;       // t of this rank's samples
    std::vector<at::Tensor> losses;  // theirs, a tensor a micro-batch
    at::Tensor loss;                 // (1) of the whole batch
    StepResult result;
    Stopwatch watch;
  };

  CachePlace place(const Request& request) const;
  ConditionSource condition(const Request& request, const TensorMap& tensors) const;
  Step parse(const Request& request, const TensorMap& tensors) const;
  std::vector<Sample> samples(EngineModels& state, const Step& step, const std::vector<Item>& items,
                              const TensorMap& tensors) const;
  std::vector<at::Tensor> latents(const EngineModels& state, const std::vector<Item>& items,
                                  const TensorMap& tensors) const;
  std::vector<at::Tensor> conditions(EngineModels& state, const std::vector<ConditionSource>& sources) const;

  bool is_first_;  // of the ranks
  int64_t seed_;
  VelocityPlan plan_;
  std::unique_ptr<FeatureCache> cache_;
  std::unique_ptr<DitTrainer> trainer_;
  std::vector<Numbers> unreported_;
};

}  // namespace svg
