// Training of the diffusion transformer: samples from a feature cache or from the frozen encoders.
#pragma once

#include <memory>

#include "engine/training/feature_cache.h"
#include "engine/training/training_run.h"
#include "train/dit_step.h"

namespace svg {

class DitRun : public TrainingRun {
 public:
  /// {"model", "start"?: {"path", "weights"?}, "optimizer", "gradClip", "emaDecay", "precision", "checkpointing",
  /// "seed", "cache"?: [paths of shards], "parallel"?: {"mode", "bucketBytes"?}, "plain"?: the bench's other side};
  /// `report` tells what became of "start". Throws Error(kNotLoaded) without statistics.
  DitRun(const EngineModels& state, const Json& request, StartReport& report);

  /// {"lr", "globalBatch", "captionDropout", "time": {"kind", "low"?, "high"?, "mean"?, "shiftTokens"?}, "micro":
  /// [[{"draw", "shard", "row"} or {"draw", "image", "tokens" or "class"}, ...], ...], "drop"?: {"shard", "row"} or
  /// {"tokens"} or {"class"}}
  /// -> {"loss", "gradNorm", "applied", "samples": [[t, loss], ...] of this rank, "milliseconds"}; in a run of several
  /// processes "micro" holds this rank's part of the batch, "loss" is that of the whole batch.
  Json step(EngineModels& state, const Json& request, const TensorMap& tensors) override;

  TensorMap state() const override { return trainer_->state(); }
  void restore(const TensorMap& state) override { trainer_->load_state(state); }
  TensorMap weights(TrainedWeights kind) const override;
  void publish(EngineModels& state, TrainedWeights kind, at::ScalarType dtype) const override;

 private:
  struct Sample {
    at::Tensor data, noise, condition;
    double t = 0;
  };

  std::vector<Sample> samples(EngineModels& state, const Json& request, const Json::Array& items,
                              const TensorMap& tensors) const;
  std::vector<at::Tensor> latents(const EngineModels& state, const Json::Array& items, const TensorMap& tensors) const;
  std::vector<at::Tensor> conditions(EngineModels& state, const Json::Array& items, const TensorMap& tensors) const;

  bool is_first_;  // of the ranks
  int64_t seed_;
  BuildVelocityModel build_;
  std::unique_ptr<FeatureCache> cache_;
  std::unique_ptr<DitTrainer> trainer_;
};

}  // namespace svg
