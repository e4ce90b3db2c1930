#include "io/compressed_tensors.h"

#include <algorithm>
#include <string>

namespace svg {
namespace {

bool says_text(const Json& object, const char* key, const char* wanted) {
  const Json* value = object.find(key);
  return value && value->is_string() && value->as_string() == wanted;
}

bool says_yes(const Json& object, const char* key) {
  const Json* value = object.find(key);
  return value && value->is_bool() && value->as_bool();
}

/// Absent, null, false, or an object without members.
bool says_nothing(const Json& object, const char* key) {
  const Json* value = object.find(key);
  if (!value) return true;
  return value->is_object() ? value->as_object().empty() : value->is_bool() && !value->as_bool();
}

bool is_symmetric_int8(const Json* arguments, const char* strategy) {
  if (!arguments || !arguments->is_object()) return false;
  const Json* bits = arguments->find("num_bits");
  // -1 and 0 are what some writers call no groups.
  const Json* group = arguments->find("group_size");
  const bool grouped = group && !(group->is_int() && group->as_int() <= 0);
  return bits && bits->is_int() && bits->as_int() == 8 && says_text(*arguments, "type", "int") && !grouped &&
         says_yes(*arguments, "symmetric") && says_text(*arguments, "strategy", strategy) &&
         says_nothing(*arguments, "actorder") && says_nothing(*arguments, "block_structure");
}

bool is_int8_group(const Json& group) {
  if (!group.is_object()) return false;
  const Json* weights = group.find("weights");
  const Json* inputs = group.find("input_activations");
  const Json* format = group.find("format");
  return is_symmetric_int8(weights, "channel") && says_nothing(*weights, "dynamic") &&
         is_symmetric_int8(inputs, "token") && says_yes(*inputs, "dynamic") &&
         says_nothing(group, "output_activations") && (!format || says_text(group, "format", "int-quantized"));
}

bool is_dense(const Json& config) {
  const Json* sparsity = config.find("sparsity_config");
  return says_nothing(config, "sparsity_config") || (sparsity->is_object() && says_text(*sparsity, "format", "dense"));
}

}  // namespace

bool is_compressed_int8(const Json& config) {
  const Json* found = config.is_object() ? config.find("quantization_config") : nullptr;
  if (!found || !found->is_object()) return false;
  const Json* groups = found->find("config_groups");
  if (!groups || !groups->is_object() || groups->as_object().empty()) return false;
  const auto& members = groups->as_object();
  const bool all =
      std::all_of(members.begin(), members.end(), [](const auto& one) { return is_int8_group(one.second); });
  return all && says_text(*found, "quant_method", "compressed-tensors") &&
         says_text(*found, "format", "int-quantized") && says_nothing(*found, "kv_cache_scheme") &&
         says_nothing(*found, "transform_config") && is_dense(*found) &&
         (!found->find("quantization_status") || says_text(*found, "quantization_status", "compressed"));
}

}  // namespace svg
