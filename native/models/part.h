// The four doors through which a model comes in. The engine, the jobs and the trainers know these alone; which models
// there are says the catalogue.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/json.h"
#include "diffusion/guidance.h"
#include "diffusion/step_cache.h"
#include "diffusion/velocity.h"

namespace svg {

class BlockRunner;

/// Rows and columns of one picture's latent.
struct Cells {
  int64_t rows = 0, columns = 0;
};

/// Of a side, at most: the published table of positions has so many, and more were never tried by anyone.
inline constexpr int64_t kMostSideCells = 512;

/// What latents look like: a cell is one column of `channels` numbers for a square of `cell_pixels` by `cell_pixels`.
struct LatentGrid {
  int64_t channels = 0;
  int64_t cell_pixels = 0;
};

/// A picture to features, frozen or trained.
class VisionEncoder {
 public:
  virtual ~VisionEncoder() = default;

  virtual int64_t channels() const = 0;
  /// image (B, 3, H, W) in [-1, 1], fp32 -> (B, channels, cells.rows, cells.columns), fp32. Normalises as it was
  /// trained, and resizes where its own patches are not the cells. Throws Error(kInvalidArgument) for impossible sizes.
  virtual at::Tensor features(const at::Tensor& image, const Cells& cells) const = 0;
};

/// Latents to a picture.
class LatentDecoder {
 public:
  virtual ~LatentDecoder() = default;

  virtual LatentGrid grid() const = 0;
  /// What features (B, C, h, w) of the encoder become as latents of this decoder: mostly themselves; some have
  /// statistics of their own.
  virtual at::Tensor latent(const at::Tensor& features) const { return features; }
  /// latent (B, C, h, w) -> image (B, 3, h * cell_pixels, w * cell_pixels), about [-1, 1], not clamped, fp32.
  virtual at::Tensor decode(const at::Tensor& latent) const = 0;
  /// The last layer, at which the losses' gradients are balanced in training.
  virtual const at::Tensor& last_weight() const = 0;
};

/// What a velocity model is conditioned on, and what a conditioner gives.
struct ConditionKind {
  enum class Of { kText, kClass };
  Of of = Of::kText;
  int64_t width = 0;        // of text: channels of a token's features
  int64_t most_tokens = 0;  // of text; 0: no limit
  int64_t classes = 0;      // of classes: 0 to classes - 1; `classes` itself is "none"
  bool none = true;         // whether it was trained without a condition too, which guidance needs

  static ConditionKind text(int64_t width, int64_t most_tokens) { return {Of::kText, width, most_tokens, 0, true}; }
  static ConditionKind label(int64_t classes, bool none = true) { return {Of::kClass, 0, 0, classes, none}; }
  bool operator==(const ConditionKind&) const = default;
};

/// A conditioner that can also write: --enhance asks it for a better prompt.
class TextWriter {
 public:
  virtual ~TextWriter() = default;

  /// Called after each new token with the count so far; an exception stops generation.
  using TokenFn = std::function<void(int64_t produced)>;
  /// The prompt and up to `max_new_tokens` most likely continuations; an end token is kept and ends it.
  virtual std::vector<int64_t> generate(const std::vector<int64_t>& prompt, int64_t max_new_tokens,
                                        const TokenFn& on_token) = 0;
};

/// Token ids or a class number to what a velocity model is conditioned on.
class Conditioner {
 public:
  virtual ~Conditioner() = default;

  virtual ConditionKind kind() const = 0;
  /// Each list: token ids without padding, or one class number. Returns (L_i, width) features in the working dtype, or
  /// the number (1) int64. Throws Error(kInvalidArgument) for what is outside the vocabulary or the classes.
  virtual std::vector<at::Tensor> encode(const std::vector<std::vector<int64_t>>& inputs) const = 0;
  /// What `load` answers of it beside its kind.
  virtual Json facts() const { return Json::object(); }
  /// nullptr where it cannot write.
  virtual TextWriter* writer() { return nullptr; }
};

/// One picture that is sampled; both conditions as VelocityModel::prepared() gives them.
struct GuidedItem {
  at::Tensor conditional, unconditional;
  Cells cells;
  Guidance guidance = {};
  std::optional<StepCache> step_cache = {};  // where VelocityModel::caches_steps()
};

/// Velocities of a picture.
struct VelocityCounts {
  int64_t conditional = 0;
  int64_t unconditional = 0;  // 0 without guidance
};

/// Where one picture is on its way.
struct GuidedQuery {
  int64_t item = 0;   // the number that add() gave it
  at::Tensor latent;  // (C, h, w) fp32
  SolverTime when;    // t 0 = noise; its step is for guidance that follows a schedule
};

/// Guided velocities of pictures that come and go: each has a size, a time and a guidance of its own.
class GuidedVelocity {
 public:
  virtual ~GuidedVelocity() = default;

  /// A picture that comes, and the times at which it will be asked for, so that what depends on time alone is computed
  /// together; without times each is computed when it comes. Returns its number. Throws Error(kInvalidArgument) for
  /// cells that the model cannot draw, guidance that it does not know and a step cache that it does not have.
  virtual int64_t add(const GuidedItem& item, const std::vector<double>& times) = 0;
  /// One that goes.
  virtual void remove(int64_t item) = 0;
  /// Velocity data - noise of every query, (C, h, w) fp32 each, whatever pictures they are of. What the rows of an
  /// evaluation share is kept for the next one, where it asks for the same rows. Call under a no-grad guard.
  virtual std::vector<at::Tensor> velocity(const std::vector<GuidedQuery>& queries) = 0;
  /// Of a picture so far, those that its step cache gave in the place of the model's layers.
  virtual VelocityCounts reused(int64_t /*item*/) const { return {}; }
};

/// The velocity of the flow from noise to latents.
class VelocityModel {
 public:
  virtual ~VelocityModel() = default;

  virtual int64_t channels() const = 0;
  virtual int64_t patch_size() const = 0;  // cells of a token and side
  virtual Cells most_cells() const = 0;
  /// The one grid that it was trained on: what a request without a size gets. Nothing where there were many.
  virtual std::optional<Cells> usual_cells() const { return std::nullopt; }
  virtual ConditionKind condition() const = 0;
  virtual int64_t parameter_count() const = 0;
  virtual at::ScalarType dtype() const = 0;
  virtual at::Device device() const = 0;
  /// Whether its pictures may have a step cache.
  virtual bool caches_steps() const { return false; }

  /// For training: the velocity of every latent, fp32, in the order given. latents (C, h, w) each, sizes may differ; t
  /// (B) in [0, 1], 0 = noise; conditions as a Conditioner gives them.
  virtual std::vector<at::Tensor> forward(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                          const std::vector<at::Tensor>& conditions) const = 0;
  /// What depends on the condition alone, computed once for all steps and pictures, on this model's device.
  virtual at::Tensor prepared(const at::Tensor& condition) const { return condition.to(device()); }
  /// For sampling; no picture is in it yet. Keeps a reference to this model.
  virtual std::unique_ptr<GuidedVelocity> guide() const = 0;
  /// How its blocks are run from here on (plain, recomputed, ...).
  virtual void set_runner(std::shared_ptr<const BlockRunner> runner) = 0;
};

}  // namespace svg
