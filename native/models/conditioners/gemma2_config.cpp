#include "models/conditioners/gemma2_config.h"

#include "core/error.h"

namespace svg {
namespace {

constexpr int64_t kMaxSize = 100'000'000;  // far above any model; keeps products of two sizes in 64 bits
constexpr int64_t kMaxLayers = 1000;

int64_t in_range(int64_t value, const char* key, int64_t largest = kMaxSize) {
  SVG_CHECK(value > 0 && value <= largest, ErrorCode::kInvalidConfig, "[gemma2] ", key, " is ", value,
            ", must be from 1 to ", largest);
  return value;
}

int64_t size_at(const Json& json, const char* key, int64_t largest = kMaxSize) {
  return in_range(json.at(key).as_int(), key, largest);
}

// transformers 5 moved the base into rope_parameters; its scaled variants are no Gemma-2.
double read_rope_theta(const Json& json) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const Json* rope = json.find(key);
    if (!rope) continue;
    const std::string type = rope->get_string("rope_type", rope->get_string("type", "default"));
    SVG_CHECK(type == "default", ErrorCode::kInvalidConfig, "[gemma2] rope type \"", type, "\" is not supported");
    if (rope->find("rope_theta")) return rope->at("rope_theta").as_double();
  }
  return json.get_double("rope_theta", 10000);
}

std::vector<int64_t> read_end_tokens(const Json& json) {
  const Json* end = json.find("eos_token_id");
  if (!end) return {1};
  if (end->is_array()) return end->as_int_list();
  return {end->as_int()};
}

std::vector<bool> read_sliding(const Json& json, int64_t layers) {
  std::vector<bool> sliding;
  if (const Json* types = json.find("layer_types")) {
    for (const Json& type : types->as_array()) {
      const std::string& name = type.as_string();
      SVG_CHECK(name == "sliding_attention" || name == "full_attention", ErrorCode::kInvalidConfig,
                "[gemma2] unknown layer type \"", name, "\"");
      sliding.push_back(name == "sliding_attention");
    }
    SVG_CHECK(static_cast<int64_t>(sliding.size()) == layers, ErrorCode::kInvalidConfig, "[gemma2] ", sliding.size(),
              " layer_types for ", layers, " layers");
    return sliding;
  }
  for (int64_t i = 0; i < layers; ++i) sliding.push_back(i % 2 == 0);
  return sliding;
}

}  // namespace

Gemma2Config Gemma2Config::from_json(const Json& json, bool attention_soft_cap) {
  const std::string type = json.get_string("model_type", "gemma2");
  SVG_CHECK(type == "gemma2", ErrorCode::kInvalidConfig, "[gemma2] config.json is of model_type \"", type, "\"");
  for (const char* key : {"hidden_activation", "hidden_act"}) {
    const std::string activation = json.get_string(key, "gelu_pytorch_tanh");
    SVG_CHECK(activation == "gelu_pytorch_tanh", ErrorCode::kInvalidConfig, "[gemma2] ", key, " \"", activation,
              "\" is not supported, only gelu_pytorch_tanh");
  }
  SVG_CHECK(!json.get_bool("attention_bias", false), ErrorCode::kInvalidConfig,
            "[gemma2] attention_bias is not supported");

  Gemma2Config config;
  config.vocab_size = size_at(json, "vocab_size");
  config.hidden_size = size_at(json, "hidden_size");
  config.intermediate_size = size_at(json, "intermediate_size");
  config.layers = size_at(json, "num_hidden_layers", kMaxLayers);
  config.heads = size_at(json, "num_attention_heads");
  config.kv_heads = size_at(json, "num_key_value_heads");
  config.head_dim = in_range(json.get_int("head_dim", 256), "head_dim");
  config.sliding_window = in_range(json.get_int("sliding_window", 4096), "sliding_window");
  config.query_pre_attn_scalar = json.get_double("query_pre_attn_scalar", 256);
  const double soft_cap = json.get_double("attn_logit_softcapping", 0);
  config.attention_soft_cap = attention_soft_cap ? soft_cap : 0;
  config.final_soft_cap = json.get_double("final_logit_softcapping", 0);
  config.norm_eps = json.get_double("rms_norm_eps", 1e-6);
  config.rope_theta = read_rope_theta(json);
  config.pad_token = json.get_int("pad_token_id", 0);
  config.end_tokens = read_end_tokens(json);
  config.sliding = read_sliding(json, config.layers);
  config.tied_head = json.get_bool("tie_word_embeddings", true);

  SVG_CHECK(config.heads % config.kv_heads == 0, ErrorCode::kInvalidConfig, "[gemma2] ", config.heads,
            " attention heads are no multiple of ", config.kv_heads, " key-value heads");
  SVG_CHECK(config.head_dim % 2 == 0, ErrorCode::kInvalidConfig, "[gemma2] head_dim is ", config.head_dim,
            ", must be even");
  SVG_CHECK(config.query_pre_attn_scalar > 0 && config.rope_theta > 0, ErrorCode::kInvalidConfig,
            "[gemma2] query_pre_attn_scalar and rope_theta must be positive");
  SVG_CHECK(soft_cap >= 0 && config.final_soft_cap >= 0, ErrorCode::kInvalidConfig,
            "[gemma2] soft caps must not be negative");
  return config;
}

}  // namespace svg
