// Training of the autoencoder: a decoder, and where they are trained the residual branch and the encoder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/stopwatch.h"
#include "engine/training/losses.h"
#include "engine/training/training_run.h"
#include "train/autoencoder_step.h"
#include "train/trainable_autoencoder.h"

namespace svg {

class AutoencoderRun : public TrainingRun {
 public:
  /// {"model": {"encoder", "decoder", "residual"?}, "start"?: {"path"}, "encoder"?: {"path"}, "trainEncoder",
  /// "freezeResidual", "maskRatio", "latentNoise", "lpips"?: {"path"}, "loss": AutoencoderLossOptions, "optimizer",
  /// "ema", "precision", "seed", "parallel"?, "losses": of reconstruction_paths()}
  /// (engine/training/{options,losses}.h); `report` tells what became of "start". Where "start" holds an encoder that
  /// was trained, it counts in place of "encoder", as wherever an autoencoder is loaded.
  AutoencoderRun(const EngineModels& state, const Request& request, StartReport& report);

  /// {"lr", "globalBatch", "draws": [numbers], "images": [tensor names], "microBatch"}. Images are uint8 (H, W, 3);
  /// those of one size in a micro-batch go through together. In a run of several processes "images" are this rank's.
  void step(EngineModels& state, const Request& request, const TensorMap& tensors) override;
  /// [{"losses": {"total", "nll", "rec", "perceptual", "generator", "adaptiveWeight", "discriminator", "logitsReal",
  /// "logitsFake"}, "gradNorm", "applied", "milliseconds"}]; losses are those of the whole batch.
  Json report() override;

  TensorMap state() const override;
  void restore(const TensorMap& state) override;
  TensorMap weights(TrainedWeights kind) const override;
  void publish(EngineModels& state, TrainedWeights kind, at::ScalarType dtype) const override;

 private:
  struct Sample {
    int64_t draw;
    std::string image;
  };
  struct Step {
    AutoencoderStepNumbers numbers;
    Stopwatch watch;
  };
  /// Gradients of samples [begin, end).
  void accumulate(const EngineModels& state, const std::vector<Sample>& samples, const TensorMap& tensors, double share,
                  bool last);

  /// In place of the one in the weights that the run was opened with.
  void take_encoder_of_file();

  bool is_first_;                    // of the ranks
  bool own_encoder_ = false;         // that of "start" counts, not that of "encoder"
  bool encoder_of_file_ = false;     // that of "encoder" is used
  std::string unused_encoder_path_;  // that of "encoder", where the one of "start" counts
  const ReconstructionPath& path_;
  std::unique_ptr<TrainableAutoencoder> model_;
  std::unique_ptr<AutoencoderTrainer> trainer_;
  std::vector<Step> unreported_;
};

}  // namespace svg
