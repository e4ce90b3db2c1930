#include "models/conditioners/gemma2.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include "core/cancel.h"
#include "core/error.h"
#include "ops/between_layers.h"
#include "ops/rms_norm.h"

namespace svg {
namespace {

constexpr int64_t kHeadRows = 16384;  // rows of the vocabulary cast at once

/// 0.02 at the 2304 channels of gemma-2-2b; at other widths so that embeddings enter the first layer at the same size,
/// since they are multiplied by sqrt(width).
Init embedding_init(const Gemma2Config& config) {
  return Init::normal(0.02 * std::sqrt(2304.0 / static_cast<double>(config.hidden_size)));
}

/// The stored weight is the difference from one. Fresh attention mixes at random: at full size it would give a word
/// other features in every company, and a model trained on them would not know it again in a new one.
Init attention_scale_init() { return Init::constant(-0.95); }

Weights find_model(const Weights& weights) {
  for (const char* prefix : {"model", "language_model.model"}) {
    if (weights.scope(prefix).has("embed_tokens.weight")) return weights.scope(prefix);
  }
  return weights;
}

/// Of a layer's tensor its number, -1 of any other.
int64_t layer_of(const std::string& name) {
  static const std::regex layer(
      R"((?:model\.|language_model\.model\.)?layers\.(\d{1,4})\.(?:(?:input|post_attention|pre_feedforward|)"
      R"(post_feedforward)_layernorm|self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)\.weight)");
  std::smatch match;
  return name.size() <= 200 && std::regex_match(name, match, layer) ? std::stoll(match[1]) : -1;
}

}  // namespace

Gemma2Norm::Gemma2Norm(const Weights& weights, const Gemma2Config& config, Init init)
    : weight(weights.get("weight", {config.hidden_size}, init, Role::kExact) + 1), eps(config.norm_eps) {}

at::Tensor Gemma2Norm::operator()(const at::Tensor& x) const { return rms_norm(x, weight, eps); }

LayerInput Gemma2Norm::before(const Linear& next, const at::Tensor& x) const {
  if (!next.multiplies_int8()) return LayerInput((*this)(x));
  return norm_for(next, x, {weight.unsqueeze(0), {}}, eps);
}

Gemma2Layer::Gemma2Layer(const Weights& weights, const Gemma2Config& config, bool sliding)
    : input_norm(weights.scope("input_layernorm"), config),
      post_attention_norm(weights.scope("post_attention_layernorm"), config, attention_scale_init()),
      pre_feedforward_norm(weights.scope("pre_feedforward_layernorm"), config),
      post_feedforward_norm(weights.scope("post_feedforward_layernorm"), config),
      attention(weights.scope("self_attn"), config, sliding),
      gate_proj(weights.scope("mlp.gate_proj"), config.hidden_size, config.intermediate_size, false),
      up_proj(weights.scope("mlp.up_proj"), config.hidden_size, config.intermediate_size, false),
      down_proj(weights.scope("mlp.down_proj"), config.intermediate_size, config.hidden_size, false) {}

at::Tensor Gemma2Layer::operator()(const at::Tensor& x, const PackedTokens& tokens, KeyValueCache* cache) const {
  const LayerInput in = input_norm.before(attention.q_proj, x);
  const at::Tensor attended = x + post_attention_norm(attention(in, tokens, cache));
  const LayerInput h = pre_feedforward_norm.before(gate_proj, attended);
  const at::Tensor mixed = down_proj(geglu_for(down_proj, gate_proj, up_proj, h));
  return attended + post_feedforward_norm(mixed);
}

Gemma2::Gemma2(const Weights& weights, Gemma2Config config)
    : config_(std::move(config)), root_(weights), weights_(find_model(weights)) {
  embedding_ = weights_.get("embed_tokens.weight", {config_.vocab_size, config_.hidden_size}, embedding_init(config_),
                            Role::kTable);
  const std::string beyond = "layers." + std::to_string(config_.layers) + ".input_layernorm.weight";
  SVG_CHECK(!weights_.has(beyond), ErrorCode::kWeightsMismatch, "[gemma2] the weights hold more than the ",
            config_.layers, " layers of the configuration");
  for (int64_t i = 0; i + 1 < config_.layers; ++i) {
    layers_.emplace_back(weights_.scope("layers." + std::to_string(i)), config_, config_.sliding[i]);
  }
  if (!layers_.empty()) {
    dtype_ = layers_[0].gate_proj.dtype();
    device_ = layers_[0].gate_proj.device();
  }
}

Json Gemma2::facts() const {
  return Json::object()
      .set("hiddenSize", config_.hidden_size)
      .set("vocabSize", config_.vocab_size)
      .set("maxTokens", kGemma2MaxPositions)
      .set("attentionSoftCap", config_.attention_soft_cap > 0);
}

bool Gemma2::is_spare(const std::string& name) {
  // The head is read late, and rotary tables are computed; an encoder of pictures may stand beside a language model.
  static const std::regex late(
      R"((model\.|language_model\.model\.)?norm\.weight|(language_model\.)?lm_head\.weight|.*\.inv_freq|)"
      R"((vision_tower|multi_modal_projector)\..*)");
  return name.size() <= 200 && (layer_of(name) >= 0 || std::regex_match(name, late));
}

bool Gemma2::is_projection(const std::string& name) { return layer_of(name) >= 0 && name.ends_with("_proj.weight"); }

void Gemma2::refuse_unknown() const {
  refuse_unknown_tensors(root_, "Gemma-2", [&](const std::string& name) {
    const int64_t layer = layer_of(name);
    return layer >= 0 ? layer == config_.layers - 1 : is_spare(name);
  });
}

void Gemma2::check_ids(const std::vector<int64_t>& ids) const {
  SVG_CHECK(!ids.empty(), ErrorCode::kInvalidArgument, "[gemma2] a prompt needs at least one token");
  for (const int64_t id : ids) {
    SVG_CHECK(id >= 0 && id < config_.vocab_size, ErrorCode::kInvalidArgument, "[gemma2] token ", id,
              " is outside the vocabulary of ", config_.vocab_size, ": tokenizer and weights do not belong together");
  }
}

at::Tensor Gemma2::embed(const std::vector<int64_t>& ids) const {
  const at::Tensor rows = embedding_.index_select(0, at::tensor(ids, at::kLong).to(embedding_.device()));
  // The factor is rounded to the working dtype, as the published model does.
  const at::Tensor factor = at::scalar_tensor(std::sqrt(static_cast<double>(config_.hidden_size)), at::kFloat);
  return rows.to(device_, dtype_) * factor.to(device_, dtype_);
}

std::vector<at::Tensor> Gemma2::encode(const std::vector<std::vector<int64_t>>& prompts) const {
  if (prompts.empty()) return {};
  std::vector<int64_t> ids, lengths;
  for (const std::vector<int64_t>& prompt : prompts) {
    check_ids(prompt);
    ids.insert(ids.end(), prompt.begin(), prompt.end());
    lengths.push_back(static_cast<int64_t>(prompt.size()));
  }
  PackedTokens tokens(config_, lengths, 0, device_);
  if (device_.is_cuda() && prompts.size() > 1) tokens.pad();
  at::Tensor x = embed(ids);
  for (int64_t i = 0; i + 1 < config_.layers; ++i) {
    check_cancelled();
    x = layers_[i](x, tokens);
  }
  return x.split_with_sizes(lengths);
}

at::Tensor Gemma2::encode_padded(const at::Tensor& ids, const at::Tensor& mask) const {
  SVG_CHECK(ids.dim() == 2 && ids.sizes() == mask.sizes(), ErrorCode::kInvalidArgument, "[gemma2] token ids ",
            ids.sizes(), " and mask ", mask.sizes(), " must be of one shape (B, L)");
  const at::Tensor id_rows = ids.to(at::kCPU, at::kLong).contiguous();
  const at::Tensor mask_rows = mask.to(at::kCPU, at::kBool).contiguous();
  const int64_t width = ids.size(1);
  std::vector<std::vector<int64_t>> prompts;
  std::vector<int64_t> starts;
  for (int64_t b = 0; b < ids.size(0); ++b) {
    const int64_t* id = id_rows.const_data_ptr<int64_t>() + b * width;
    const bool* valid = mask_rows.const_data_ptr<bool>() + b * width;
    const int64_t start = std::find(valid, valid + width, true) - valid;
    const int64_t end = std::find(valid + start, valid + width, false) - valid;
    SVG_CHECK(start < width && std::find(valid + end, valid + width, true) == valid + width,
              ErrorCode::kInvalidArgument, "[gemma2] row ", b, " of the mask must mark one run of tokens");
    prompts.emplace_back(id + start, id + end);
    starts.push_back(start);
  }
  const std::vector<at::Tensor> features = encode(prompts);
  const at::Tensor padded = at::zeros({ids.size(0), width, config_.hidden_size}, at::dtype(dtype_).device(device_));
  for (size_t b = 0; b < features.size(); ++b) {
    padded[static_cast<int64_t>(b)].narrow(0, starts[b], features[b].size(0)).copy_(features[b]);
  }
  return padded;
}

void Gemma2::load_head() {
  if (head_table_.defined()) return;
  const int64_t last = config_.layers - 1;
  Gemma2Layer layer(weights_.scope("layers." + std::to_string(last)), config_, config_.sliding[last]);
  final_norm_ = Gemma2Norm(weights_.scope("norm"), config_);
  dtype_ = layer.gate_proj.dtype();
  device_ = layer.gate_proj.device();
  at::Tensor table = config_.tied_head ? embedding_
                                       : root_.get("lm_head.weight", {config_.vocab_size, config_.hidden_size},
                                                   Init::normal(0.02), Role::kTable);
  if (!device_.is_cpu()) table = table.to(device_, dtype_);  // looked through at each token
  layers_.push_back(std::move(layer));
  head_table_ = table;
}

at::Tensor Gemma2::logits(const at::Tensor& row) const {
  const at::Tensor x = final_norm_(row);  // (1, hidden)
  std::vector<at::Tensor> parts;
  const int64_t block = head_table_.scalar_type() == dtype_ ? config_.vocab_size : kHeadRows;
  for (int64_t begin = 0; begin < config_.vocab_size; begin += block) {
    const int64_t rows = std::min(block, config_.vocab_size - begin);
    parts.push_back(at::linear(x, head_table_.narrow(0, begin, rows).to(dtype_)).squeeze(0).to(at::kFloat));
  }
  const at::Tensor raw = at::cat(parts);
  return config_.final_soft_cap > 0 ? at::tanh(raw / config_.final_soft_cap) * config_.final_soft_cap : raw;
}

at::Tensor Gemma2::step(const std::vector<int64_t>& ids, std::vector<KeyValueCache>& caches) const {
  const int64_t rows = static_cast<int64_t>(ids.size());
  const PackedTokens tokens(config_, {rows}, caches[0].length, device_);
  at::Tensor x = embed(ids);
  for (size_t i = 0; i < layers_.size(); ++i) {
    check_cancelled();
    x = layers_[i](x, tokens, &caches[i]);
  }
  return logits(x.narrow(0, rows - 1, 1));
}

at::Tensor Gemma2::next_token_logits(const std::vector<int64_t>& prompt) {
  check_ids(prompt);
  load_head();
  const PackedTokens tokens(config_, {static_cast<int64_t>(prompt.size())}, 0, device_);
  at::Tensor x = embed(prompt);
  for (const Gemma2Layer& layer : layers_) {
    check_cancelled();
    x = layer(x, tokens);
  }
  return logits(x.narrow(0, x.size(0) - 1, 1));
}

std::vector<int64_t> Gemma2::generate(const std::vector<int64_t>& prompt, int64_t max_new_tokens,
                                      const TokenFn& on_token) {
  check_ids(prompt);
  SVG_CHECK(max_new_tokens >= 0, ErrorCode::kInvalidArgument, "[gemma2] max_new_tokens is ", max_new_tokens);
  SVG_CHECK(static_cast<int64_t>(prompt.size()) <= kGemma2MaxPositions - max_new_tokens, ErrorCode::kInvalidArgument,
            "[gemma2] a prompt of ", prompt.size(), " tokens and ", max_new_tokens, " new ones are more than the ",
            kGemma2MaxPositions, " positions of the model");
  load_head();
  const int64_t capacity = static_cast<int64_t>(prompt.size()) + max_new_tokens;
  std::vector<KeyValueCache> caches;
  for (int64_t i = 0; i < config_.layers; ++i) {
    const at::Tensor empty =
        at::empty({2, capacity, config_.kv_heads, config_.head_dim}, at::dtype(dtype_).device(device_));
    caches.push_back({empty[0], empty[1], 0});
  }
  std::vector<int64_t> tokens = prompt;
  std::vector<int64_t> next = prompt;
  for (int64_t produced = 1; produced <= max_new_tokens; ++produced) {
    const int64_t token = step(next, caches).argmax().item<int64_t>();
    tokens.push_back(token);
    if (on_token) on_token(produced);
    if (std::find(config_.end_tokens.begin(), config_.end_tokens.end(), token) != config_.end_tokens.end()) break;
    next = {token};
  }
  return tokens;
}

}  // namespace svg
