#include "engine/training/options.h"

#include "core/error.h"
#include "io/identify.h"

namespace svg {

AdamWOptions adamw_options(const Json& request, AdamWOptions defaults) {
  const Json* given = request.find("optimizer");
  if (!given) return defaults;
  defaults.lr = given->get_double("lr", defaults.lr);
  defaults.beta1 = given->get_double("beta1", defaults.beta1);
  defaults.beta2 = given->get_double("beta2", defaults.beta2);
  defaults.eps = given->get_double("eps", defaults.eps);
  defaults.weight_decay = given->get_double("weightDecay", defaults.weight_decay);
  return defaults;
}

SyncOptions sync_options(const Json& request) {
  SyncOptions options;
  const Json* given = request.find("parallel");
  if (!given) return options;
  options.mode = parse_parallel_mode(given->get_string("mode", "ddp"));
  options.bucket_bytes = given->get_int("bucketBytes", options.bucket_bytes);
  return options;
}

TensorMap read_start(const Json& request, Json& remarks) {
  TensorMap tensors;
  const Json* start = request.find("start");
  if (!start) return tensors;
  CheckpointOptions options;
  if (const Json* key = start->find("weights")) options.root = {key->as_string()};
  const std::string& path = start->at("path").as_string();
  const auto checkpoint = open_model(path, "a model to start from", options);
  if (!checkpoint->remark().empty()) remarks.push_back(concat(path, ": ", checkpoint->remark()));
  for (const auto& entry : checkpoint->tensors()) tensors[entry.first] = checkpoint->read(entry.first);
  return tensors;
}

}  // namespace svg
