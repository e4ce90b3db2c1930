// What the catalogue knows of a kind of model: how weights tell of it, which sizes are published, how one is built.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/int8.h"
#include "core/json.h"
#include "core/weights.h"
#include "models/part.h"
#include "models/training_memory.h"
#include "models/work.h"

namespace svg {

/// Reads the config.json beside weights, where their kind has one: null without a file. Throws as read_model_config().
using ConfigReader = std::function<Json()>;

/// A model whose dimensions are settled; the weights are yet to come.
template <typename Door>
struct ModelPlan {
  std::string kind;         // name of its entry
  std::string description;  // for people: "DINOv3 vits16plus"
  Json dimensions;          // under the keys of from_json; equal for equal networks
  /// From weights under the model's own names.
  std::function<std::unique_ptr<Door>(const Weights&)> build;
  /// What files hold beside the parameters and training writes along, so that infer() finds the same again. Null:
  /// nothing.
  std::function<TensorMap()> buffers;

  TensorMap fixed_tensors() const { return buffers ? buffers() : TensorMap{}; }
};

/// By which an encoder's pictures, of 0 to 1, are normalised.
struct PictureColours {
  std::array<double, 3> mean, deviation;
};

struct EncoderPlan : ModelPlan<VisionEncoder> {
  int64_t channels = 0;
  /// As build, but features are normed without the last norm's weight and bias, which a file need not have, and
  /// pictures by these colours where some are given. Null: it cannot be built so.
  std::function<std::unique_ptr<VisionEncoder>(const Weights&, const std::optional<PictureColours>&)> build_plain;
};

/// The branch of Autoencoder-R that adds channels of its own to the features of a frozen encoder.
struct ResidualPlan : ModelPlan<VisionEncoder> {
  int64_t channels = 0;
  /// Start values that no plain initialiser gives, under the names of files. Null: there are none.
  std::function<TensorMap(at::Generator)> start_values;
  std::string untold;  // what files do not tell of it, so that it cannot be trained; empty: they tell all
};

struct DecoderPlan : ModelPlan<LatentDecoder> {
  LatentGrid grid;
  bool plain_features = false;            // takes what EncoderPlan::build_plain gives
  std::optional<PictureColours> colours;  // for build_plain; none: the encoder's own
  bool own_statistics = false;            // its latents are normalised already: no feature statistics go with it
  /// To decode one latent of so many cells.
  std::function<Work(const Cells&, int64_t element_bytes)> work;
};

struct VelocityPlan : ModelPlan<VelocityModel> {
  int64_t channels = 0;
  ConditionKind condition;
  std::string remark;     // what infer() took for granted; empty: nothing
  bool can_train = true;  // false: it is read and drawn with alone
  /// Of one evaluation.
  std::function<Work(const VelocityLoad&)> work;
  /// Of a training step on these pictures, without guidance. Null: nobody counts it.
  std::function<TrainingMemory(const VelocityLoad&)> training_memory;
  /// Of what is computed once for a condition of so many tokens. Null: nothing is.
  std::function<Work(int64_t tokens, int64_t element_bytes)> prepared_work;
};

struct ConditionerPlan : ModelPlan<Conditioner> {
  ConditionKind condition;
  /// To encode one prompt of so many tokens.
  std::function<Work(int64_t tokens, int64_t element_bytes)> work;
};

/// What names and shapes alone tell at a glance.
struct Recognised {
  std::string description;  // for people: "DINOv3 vits16plus"
  int64_t channels = 0;     // of its features, latents or caption features
};

/// An entry of the catalogue.
template <typename Plan>
struct ModelKind {
  std::string name;                  // "dinov3": in configurations, of init and of inspect
  std::string title;                 // "DINOv3 ViT": follows "a" in messages
  std::vector<std::string> presets;  // from_json({"arch": preset}) knows them
  std::string files;                 // regular expression on names in a release; empty: none looks for it
  std::string yaml_key;              // of model.params in the original's yaml

  /// Whether the weights are of this kind, in whatever names they come. Never throws; no two entries take the same.
  std::function<std::optional<Recognised>(const Weights&)> recognise;
  /// Throws Error(kInvalidConfig).
  std::function<Plan(const Json&)> from_json;
  /// From names and shapes; what they do not tell, from the config.json beside them and from `said`, the user's
  /// configuration (null: it says nothing). Throws Error(kWeightsMismatch) where they contradict each other, and
  /// Error(kInvalidConfig) for what the model does not do.
  std::function<Plan(const Weights&, const ConfigReader& beside, const Json& said)> infer;
  /// The same weights under the model's own names, whatever names a file has. Null: files know no others.
  std::function<Weights(const Weights&)> own_names;
  /// The same weights so that those of equal models are equal: under one set of names, joined alike, without what the
  /// model masks. For comparing two files; what is built from them takes own_names. Null: own_names do.
  std::function<Weights(const Weights&)> comparable;
  /// Of names of the model's own, and matrices alone. Null: none may be int8.
  TakesInt8 int8_matrix;
  /// Names that files hold beside what the model asks for. Null: none.
  std::function<bool(const std::string&)> is_spare;

  Weights under_own_names(const Weights& weights) const { return own_names ? own_names(weights) : weights; }
  Weights as_comparable(const Weights& weights) const {
    return comparable ? comparable(weights) : under_own_names(weights);
  }
  bool takes_int8(const std::string& name, at::IntArrayRef shape) const {
    return int8_matrix && shape.size() == 2 && int8_matrix(name, shape);
  }
  /// takes_int8() for whoever does not know the kind; entries of the catalogue live for ever.
  TakesInt8 int8_choice() const {
    return [this](const std::string& name, at::IntArrayRef shape) { return takes_int8(name, shape); };
  }
  bool spares(const std::string& name) const { return is_spare && is_spare(name); }
};

using EncoderKind = ModelKind<EncoderPlan>;
using ResidualKind = ModelKind<ResidualPlan>;
using DecoderKind = ModelKind<DecoderPlan>;
using VelocityKind = ModelKind<VelocityPlan>;
using ConditionerKind = ModelKind<ConditionerPlan>;

}  // namespace svg
