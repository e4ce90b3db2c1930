#include "models/rae_dit/rae_dit.h"

#include <map>

#include "core/error.h"
#include "models/guided_forward.h"
#include "models/label_table.h"
#include "models/vit/sincos.h"

namespace svg {
namespace {

constexpr double kRaeTwoPi = 6.283185307179586;

/// Positions of `count` cells on the scale of `trained` ones.
at::Tensor rae_spread(int64_t count, int64_t trained) {
  return at::arange(count, at::kDouble) * (static_cast<double>(trained) / static_cast<double>(count));
}

Rope rae_rotation(int64_t rows, int64_t columns, int64_t trained, int64_t head_dim) {
  const at::Tensor row = rae_spread(rows, trained).unsqueeze(1).expand({rows, columns}).flatten();
  const at::Tensor column = rae_spread(columns, trained).unsqueeze(0).expand({rows, columns}).flatten();
  return rope_of_positions(at::stack({row, column}, 1), {head_dim / 2, head_dim / 2});
}

}  // namespace

bool RaeDit::is_spare(const std::string& name) {
  return name.find("feat_rope.") != std::string::npos;  // enc_feat_rope, dec_feat_rope, feat_rope
}

RaeDit::RaeDit(const Weights& weights, const RaeDitConfig& config) : config_(config) {
  config.check();
  const int64_t C = config.channels, D = config.deep.width, E = config.head.width;
  const RaeDitBlockOptions options{config.qk_norm, config.swiglu, config.rms_norm, config.shift};
  // Convolutions of one cell in the files: a linear layer.
  const auto embedding = [&](const std::string& name, int64_t width) {
    const Weights from = weights.scope(name + ".proj");
    return Linear(plain_matrix(from.get("weight", {width, C, 1, 1}).flatten(1)), from.get("bias", {width}));
  };
  x_embed_ = embedding("x_embedder", E);
  s_embed_ = embedding("s_embedder", D);
  if (D != E) s_project_ = Linear(weights.scope("s_projector"), D, E);
  const auto stored = weights.shape_of("t_embedder.W");
  const int64_t frequencies = stored && stored->size() == 1 ? stored->at(0) : 256;
  frequencies_ = weights.get("t_embedder.W", {frequencies}, Init::normal(1), Role::kBuffer);
  time_in_ = Linear(weights.scope("t_embedder.mlp.0"), 2 * frequencies, D, true, Init::normal(0.02));
  time_out_ = Linear(weights.scope("t_embedder.mlp.2"), D, D, true, Init::normal(0.02));
  labels_ =
      weights.get(kLabelTable, {config.classes + (config.null_class ? 1 : 0), D}, Init::normal(0.02), Role::kExact);
  if (config.positions) {
    const int64_t n = config.grid;
    positions_ = weights.has("pos_embed") ? weights.get("pos_embed", {1, n * n, D}, Init::zeros(), Role::kBuffer)
                                          : sincos_positions(D, n, n).unsqueeze(0).to(labels_.device());
  }
  for (int64_t i = 0; i < config.deep.depth + config.head.depth; ++i) {
    blocks_.emplace_back(weights, concat("blocks.", i), i < config.deep.depth ? config.deep : config.head, options);
  }
  final_norm_ = RaeDitNorm(weights.scope("final_layer.norm_final"), E, config.rms_norm);
  final_modulation_ = Linear(weights.scope("final_layer.adaLN_modulation.1"), E, 2 * E, true, Init::zeros());
  final_ = Linear(weights.scope("final_layer.linear"), E, C, true, Init::zeros());
  parameters_ = config.parameter_count();
}

at::Tensor RaeDit::embedded_time(const at::Tensor& t) const {
  const at::Tensor angle = t.unsqueeze(1) * frequencies_.unsqueeze(0) * kRaeTwoPi;
  const at::Tensor waves = at::cat({angle.sin(), angle.cos()}, 1).to(time_in_.dtype());
  return time_out_(at::silu(time_in_(waves))).to(at::kFloat);
}

at::Tensor RaeDit::positions(int64_t rows, int64_t columns) const {
  const int64_t n = config_.grid;
  if (rows == n && columns == n) return positions_;
  const at::Tensor map = positions_.transpose(1, 2).reshape({1, -1, n, n});
  return at::upsample_bicubic2d(map, {rows, columns}, /*align_corners=*/false).flatten(2).transpose(1, 2);
}

Rope RaeDit::rotation(int64_t rows, int64_t columns, const RaeDitPart& part) const {
  if (!config_.rotary) return {};
  const Rope rope = rae_rotation(rows, columns, config_.grid, part.head_dim());
  return {rope.cos.to(labels_.device()), rope.sin.to(labels_.device())};
}

at::Tensor RaeDit::operator()(const at::Tensor& latent, const at::Tensor& t, const at::Tensor& labels) const {
  SVG_CHECK(latent.dim() == 4 && latent.size(1) == config_.channels, ErrorCode::kInvalidArgument,
            "[rae_dit] latent must be (batch, ", config_.channels, ", height, width), not ", latent.sizes());
  const int64_t rows = latent.size(2), columns = latent.size(3);
  const at::Tensor tokens = latent.flatten(2).transpose(1, 2).to(x_embed_.dtype());  // (B, N, C)
  const at::Tensor time = embedded_time(t.to(latent.device(), at::kFloat));
  const at::Tensor condition = at::silu(time + labels_.index_select(0, labels)).unsqueeze(1);
  const auto run = [&](const RaeDitBlock& block, const at::Tensor& x, const at::Tensor& with, const Rope& rope) {
    return runner_->run(block.name(),
                        [&block, rope](const std::vector<at::Tensor>& in) { return block(in[0], in[1], rope); },
                        {x, with});
  };
  at::Tensor s = s_embed_(tokens).to(at::kFloat);
  if (positions_.defined()) s = s + positions(rows, columns);
  const Rope deep = rotation(rows, columns, config_.deep), head = rotation(rows, columns, config_.head);
  const auto depth = static_cast<size_t>(config_.deep.depth);
  for (size_t i = 0; i < depth; ++i) s = run(blocks_[i], s, condition, deep);
  s = at::silu(time.unsqueeze(1) + s);
  if (s_project_.defined()) s = s_project_(s.to(s_project_.dtype())).to(at::kFloat);
  at::Tensor x = x_embed_(tokens).to(at::kFloat);
  for (size_t i = depth; i < blocks_.size(); ++i) x = run(blocks_[i], x, s, head);
  const std::vector<at::Tensor> last =
      final_modulation_(at::silu(s).to(final_modulation_.dtype())).to(at::kFloat).chunk(2, -1);
  const at::Tensor out = final_(rae_modulated(final_norm_(x), last[0], last[1]).to(final_.dtype())).to(at::kFloat);
  return out.transpose(1, 2).reshape(latent.sizes());
}

std::vector<at::Tensor> RaeDit::forward(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                        const std::vector<at::Tensor>& conditions) const {
  SVG_CHECK(latents.size() == conditions.size() && t.numel() == static_cast<int64_t>(latents.size()),
            ErrorCode::kInvalidArgument, "[rae_dit] ", latents.size(), " latents, ", t.numel(), " times, ",
            conditions.size(), " classes");
  std::map<std::pair<int64_t, int64_t>, std::vector<size_t>> sizes;
  for (size_t i = 0; i < latents.size(); ++i) {
    SVG_CHECK(latents[i].dim() == 3, ErrorCode::kInvalidArgument, "[rae_dit] latent ", latents[i].sizes());
    sizes[{latents[i].size(1), latents[i].size(2)}].push_back(i);
  }
  const at::Tensor ours = t.flatten().to(at::kCPU, at::kFloat);
  std::vector<at::Tensor> velocities(latents.size());
  for (const auto& [size, members] : sizes) {
    std::vector<at::Tensor> batch, labels, times;
    for (const size_t i : members) {
      batch.push_back(latents[i].to(device(), at::kFloat));
      labels.push_back(conditions[i].flatten().to(device(), at::kLong));
      times.push_back(1 - ours[static_cast<int64_t>(i)]);  // the other clock
    }
    const at::Tensor theirs = (*this)(at::stack(batch), at::stack(times).to(device()), at::cat(labels));
    for (size_t k = 0; k < members.size(); ++k) velocities[members[k]] = -theirs[static_cast<int64_t>(k)];
  }
  return velocities;
}

std::unique_ptr<GuidedVelocity> RaeDit::guide() const {
  return guide_by_forward(*this, [this](const Cells& cells) {
    const Cells most = most_cells();
    SVG_CHECK(cells.rows <= most.rows && cells.columns <= most.columns, ErrorCode::kInvalidArgument, "[rae_dit] ",
              cells.rows, "x", cells.columns, " cells: trained on ", config_.grid, "x", config_.grid,
              ", it draws up to ", most.rows, "x", most.columns);
  });
}

TensorMap rae_dit_buffers(const RaeDitConfig& config) {
  TensorMap buffers;
  if (config.positions)
    buffers["pos_embed"] = sincos_positions(config.deep.width, config.grid, config.grid).unsqueeze(0);
  if (!config.rotary) return buffers;
  const auto add = [&](const std::string& name, const RaeDitPart& part) {
    const Rope rope = rae_rotation(config.grid, config.grid, config.grid, part.head_dim());
    buffers[name + ".freqs_cos"] = rope.cos.repeat_interleave(2, 1);
    buffers[name + ".freqs_sin"] = rope.sin.repeat_interleave(2, 1);
  };
  add("enc_feat_rope", config.deep);
  add("dec_feat_rope", config.head);
  return buffers;
}

}  // namespace svg
