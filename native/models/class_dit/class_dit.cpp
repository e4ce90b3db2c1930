#include "models/class_dit/class_dit.h"

#include <c10/core/GradMode.h>

#include <cmath>
#include <map>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"
#include "core/transfer.h"
#include "models/class_dit/work.h"
#include "models/guided_forward.h"
#include "models/label_table.h"
#include "models/time_features.h"
#include "models/vit/sincos.h"
#include "ops/attention.h"
#include "ops/swiglu.h"

namespace svg {
namespace {

constexpr double kClassDitNormEps = 1e-6;
constexpr double kClassDitQkNormEps = 1e-5;  // torch's default of LayerNorm

/// (1, rows * columns, width) fp32.
at::Tensor class_dit_positions(const Cells& cells, int64_t width) {
  return sincos_positions(width, cells.rows, cells.columns).unsqueeze(0);
}

at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale) {
  return at::layer_norm(x, {x.size(-1)}, {}, {}, kClassDitNormEps) * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1);
}

}  // namespace

ClassDit::ClassDit(const Weights& weights, const ClassDitConfig& config)
    : config_(config),
      embed_(weights.scope("ln1"), config.in_channels, config.hidden_size),
      time_in_(weights.scope("t_embedder.mlp.0"), kTimeFeatures, config.hidden_size, true, Init::normal(0.02)),
      time_out_(weights.scope("t_embedder.mlp.2"), config.hidden_size, config.hidden_size, true, Init::normal(0.02)),
      final_linear_(weights.scope("final_layer.linear"), config.hidden_size, config.out_channels(), true,
                    Init::zeros()),
      final_adaln_(weights.scope("final_layer.adaLN_modulation.1"), config.hidden_size, 2 * config.hidden_size, true,
                   Init::zeros()),
      labels_(weights.get(kLabelTable, {config.label_rows(), config.hidden_size}, Init::normal(0.02))) {
  const at::Tensor usual = class_dit_positions({config.side, config.side}, config.hidden_size);
  if (weights.has("pos_embed")) {
    positions_ = weights.get("pos_embed", usual.sizes(), Init::zeros(), Role::kBuffer).to(at::kFloat);
    // Files in 16 bits hold them rounded.
    usual_positions_ = positions_.is_meta() || (positions_.to(at::kCPU) - usual).abs().max().item<double>() < 0.01;
  } else {
    positions_ = usual.to(device());
    usual_positions_ = true;
  }
  for (int64_t i = 0; i < config.depth; ++i)
    blocks_.push_back(make_block(weights.scope("blocks." + std::to_string(i))));
}

ClassDit::Block ClassDit::make_block(const Weights& weights) const {
  const int64_t h = config_.hidden_size;
  Block block;
  block.qkv = Linear(weights.scope("attn.qkv"), h, 3 * config_.attention_width());
  block.proj = Linear(weights.scope("attn.proj"), config_.attention_width(), h);
  if (config_.qk_norm) {
    block.q_norm = LayerNorm(weights.scope("attn.q_norm"), config_.head_dim, kClassDitQkNormEps);
    block.k_norm = LayerNorm(weights.scope("attn.k_norm"), config_.head_dim, kClassDitQkNormEps);
  }
  if (config_.swiglu) {
    block.gate = Linear(weights.scope("mlp.gate_proj"), h, config_.mlp_hidden, false);
    block.up = Linear(weights.scope("mlp.up_proj"), h, config_.mlp_hidden, false);
    block.down = Linear(weights.scope("mlp.down_proj"), config_.mlp_hidden, h, false);
  } else {
    block.fc1 = Linear(weights.scope("mlp.fc1"), h, config_.mlp_hidden);
    block.fc2 = Linear(weights.scope("mlp.fc2"), config_.mlp_hidden, h);
  }
  block.adaln = Linear(weights.scope("adaLN_modulation.1"), h, 6 * h, true, Init::zeros());
  return block;
}

Cells ClassDit::most_cells() const {
  if (usual_positions_) return {kMostSideCells, kMostSideCells};
  return {config_.side, config_.side};
}

void ClassDit::check_cells(const Cells& cells) const {
  SVG_CHECK(cells.rows > 0 && cells.columns > 0 && cells.rows <= kMostSideCells && cells.columns <= kMostSideCells,
            ErrorCode::kInvalidArgument, "a latent of ", cells.rows, " x ", cells.columns, " cells, 1 to ",
            kMostSideCells, " of a side are possible");
  SVG_CHECK(usual_positions_ || (cells.rows == config_.side && cells.columns == config_.side),
            ErrorCode::kInvalidArgument, "a latent of ", cells.rows, " x ", cells.columns,
            " cells: these weights hold positions of their own for ", config_.side, " x ", config_.side,
            ", so that there are none for other grids");
}

at::Tensor ClassDit::positions(const Cells& cells) const {
  check_cells(cells);
  if (cells.rows == config_.side && cells.columns == config_.side) return positions_;
  return class_dit_positions(cells, config_.hidden_size).to(device());
}

at::Tensor ClassDit::embed_labels(const at::Tensor& labels) const {
  const at::Tensor on_cpu = labels.to(at::kCPU);
  const int64_t least = on_cpu.numel() == 0 ? 0 : on_cpu.min().item<int64_t>();
  const int64_t most = on_cpu.numel() == 0 ? 0 : on_cpu.max().item<int64_t>();
  SVG_CHECK(least >= 0 && most < config_.label_rows(), ErrorCode::kInvalidArgument,
            "this model knows the classes 0 to ", config_.num_classes - 1, ", not ", least < 0 ? least : most);
  return labels_.index_select(0, sent_to(labels, device()));
}

at::Tensor ClassDit::attend(const Block& block, const at::Tensor& x) const {
  const int64_t B = x.size(0), T = x.size(1);
  const at::Tensor qkv = block.qkv(x).view({B, T, 3, config_.heads, config_.head_dim});
  at::Tensor q = qkv.select(2, 0), k = qkv.select(2, 1), v = qkv.select(2, 2);
  if (config_.qk_norm) {
    q = block.q_norm(q);
    k = block.k_norm(k);
  }
  // The CPU's attention kernels take several times as long for the gradients in bf16 as in fp32.
  if (labels_.is_cpu() && labels_.requires_grad()) {
    q = q.to(at::kFloat);
    k = k.to(at::kFloat);
    v = v.to(at::kFloat);
  }
  return block.proj(attention(q, k, v).reshape({B, T, config_.attention_width()}).to(x.scalar_type()));
}

at::Tensor ClassDit::feed_forward(const Block& block, const at::Tensor& x) const {
  if (config_.swiglu) return block.down(swiglu(block.gate(x), block.up(x)));
  return block.fc2(at::gelu(block.fc1(x), "tanh"));
}

at::Tensor ClassDit::run_block(const Block& block, const at::Tensor& x, const at::Tensor& condition) const {
  const auto parts = block.adaln(condition).to(at::kFloat).chunk(6, 1);
  const at::Tensor attended = attend(block, modulated_norm(x, parts[0], parts[1]).to(dtype()));
  const at::Tensor middle = x + parts[2].unsqueeze(1) * attended.to(at::kFloat);
  const at::Tensor fed = feed_forward(block, modulated_norm(middle, parts[3], parts[4]).to(dtype()));
  return middle + parts[5].unsqueeze(1) * fed.to(at::kFloat);
}

at::Tensor ClassDit::operator()(const at::Tensor& tokens, const Cells& cells, const at::Tensor& t,
                                const at::Tensor& labels) const {
  SVG_CHECK(tokens.dim() == 3 && tokens.size(1) == cells.rows * cells.columns && tokens.size(2) == config_.in_channels,
            ErrorCode::kInvalidArgument, "latents of ", tokens.sizes(), ", (batch, ", cells.rows * cells.columns, ", ",
            config_.in_channels, ") is wanted");
  at::Tensor x = embed_(tokens.to(device(), dtype())).to(at::kFloat) + positions(cells);
  const at::Tensor time = time_out_(at::silu(time_in_(time_features(t.flatten().to(device())).to(dtype()))));
  const at::Tensor condition = at::silu(time.to(at::kFloat) + embed_labels(labels).to(at::kFloat)).to(dtype());
  for (size_t i = 0; i < blocks_.size(); ++i) {
    // A training step ends between its micro-batches, where every rank can.
    if (!c10::GradMode::is_enabled()) check_cancelled();
    const auto body = [this, i](const std::vector<at::Tensor>& inputs) {
      return run_block(blocks_[i], inputs[0], inputs[1]);
    };
    x = runner_->run("blocks." + std::to_string(i), body, {x, condition});
  }
  const auto parts = final_adaln_(condition).to(at::kFloat).chunk(2, 1);
  return final_linear_(modulated_norm(x, parts[0], parts[1]).to(dtype())).to(at::kFloat);
}

std::vector<at::Tensor> ClassDit::forward(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                          const std::vector<at::Tensor>& conditions) const {
  const size_t count = latents.size();
  SVG_CHECK(count > 0 && conditions.size() == count && t.numel() == static_cast<int64_t>(count),
            ErrorCode::kInvalidArgument, count, " latents, ", conditions.size(), " classes, ", t.numel(), " times");
  // Latents of one size go through as one batch.
  std::map<std::pair<int64_t, int64_t>, std::vector<int64_t>> by_size;
  for (size_t i = 0; i < count; ++i) {
    SVG_CHECK(latents[i].dim() == 3 && latents[i].size(0) == config_.in_channels, ErrorCode::kInvalidArgument,
              "a latent of ", latents[i].sizes(), ", (", config_.in_channels, ", rows, columns) is wanted");
    by_size[{latents[i].size(1), latents[i].size(2)}].push_back(static_cast<int64_t>(i));
  }
  std::vector<at::Tensor> velocities(count);
  for (const auto& [size, places] : by_size) {
    const Cells cells{size.first, size.second};
    std::vector<at::Tensor> tokens, labels;
    for (const int64_t i : places) {
      tokens.push_back(latents[static_cast<size_t>(i)].flatten(1).transpose(0, 1));
      labels.push_back(conditions[static_cast<size_t>(i)].flatten());
    }
    const at::Tensor times = t.flatten().index_select(0, at::tensor(places, t.options().dtype(at::kLong)));
    const at::Tensor out = (*this)(at::stack(tokens), cells, times, at::cat(labels)).narrow(2, 0, config_.in_channels);
    for (size_t k = 0; k < places.size(); ++k) {
      velocities[static_cast<size_t>(places[k])] =
          out[static_cast<int64_t>(k)].transpose(0, 1).reshape({config_.in_channels, cells.rows, cells.columns});
    }
  }
  return velocities;
}

std::unique_ptr<GuidedVelocity> ClassDit::guide() const {
  return guide_by_forward(*this, [this](const Cells& cells) { check_cells(cells); });
}

TensorMap class_dit_buffers(const ClassDitConfig& config) {
  return {{"pos_embed", class_dit_positions({config.side, config.side}, config.hidden_size)}};
}

namespace {

VelocityPlan class_dit_plan(const ClassDitConfig& config) {
  VelocityPlan plan;
  plan.kind = "svg";
  plan.description = ClassDitConfig::describe(config.hidden_size, config.depth, config.in_channels);
  plan.dimensions = config.to_json();
  plan.channels = config.in_channels;
  plan.condition = ConditionKind::label(config.num_classes, config.null_class);
  plan.build = [config](const Weights& weights) { return std::make_unique<ClassDit>(weights, config); };
  plan.buffers = [config] { return class_dit_buffers(config); };
  plan.work = [config](const VelocityLoad& load) { return class_dit_work(config, load); };
  plan.training_memory = [config](const VelocityLoad& load) { return class_dit_training_memory(config, load); };
  return plan;
}

// Reads shapes alone: weights without q_norm do not tell their heads, but are no less an SVG.
std::optional<Recognised> recognise_class_dit(const Weights& weights) {
  const auto embedder = weights.shape_of("ln1.weight");
  if (!embedder || embedder->size() != 2 || !weights.has("blocks.0.attn.qkv.weight") || !weights.has(kLabelTable)) {
    return std::nullopt;
  }
  int64_t depth = 0;
  while (weights.has(concat("blocks.", depth, ".attn.qkv.weight"))) ++depth;
  return Recognised{ClassDitConfig::describe((*embedder)[0], depth, (*embedder)[1]), (*embedder)[1]};
}

}  // namespace

VelocityKind svg_dit_kind() {
  VelocityKind kind;
  kind.name = "svg";
  kind.title = "class-conditional SVG";
  kind.presets = ClassDitConfig::preset_names();
  kind.files = "^V1-SVG-";
  kind.recognise = recognise_class_dit;
  kind.from_json = [](const Json& json) { return class_dit_plan(ClassDitConfig::from_json(json)); };
  kind.infer = [](const Weights& weights, const ConfigReader&, const Json& said) {
    const Json given = said.is_null() ? Json::object() : said;
    VelocityPlan plan = class_dit_plan(ClassDitConfig::infer(weights, given));
    plan.remark = label_table(weights, given).remark;
    return plan;
  };
  // What has two dimensions in a block is multiplied by.
  kind.int8_matrix = [](const std::string& name, at::IntArrayRef) {
    return name.starts_with("blocks.") && name.ends_with(".weight");
  };
  return kind;
}

}  // namespace svg
