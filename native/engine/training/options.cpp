#include "engine/training/options.h"

#include "core/error.h"
#include "io/identify.h"
#include "io/int8_layout.h"

namespace svg {

AdamWOptions adamw_options(const Request& optimizer) {
  const std::vector<double> betas = optimizer.at("betas").as_double_list();
  SVG_CHECK(betas.size() == 2, ErrorCode::kInternal, "optimizer.betas are two numbers, not ", betas.size());
  AdamWOptions options;
  options.lr = optimizer.at("lr").as_double();
  options.beta1 = betas[0];
  options.beta2 = betas[1];
  options.eps = optimizer.at("eps").as_double();
  options.weight_decay = optimizer.at("weightDecay").as_double();
  return options;
}

EmaOptions ema_options(const Request& ema) { return {ema.at("decay").as_double(), ema.at("warmup").as_bool()}; }

SyncOptions sync_options(const Request& request) {
  SyncOptions options;
  const Request* given = request.find("parallel");
  if (!given) return options;
  options.mode = parse_parallel_mode(given->at("mode").as_string());
  options.bucket_bytes = given->at("bucketBytes").as_int();
  return options;
}

TensorMap read_start(const Request& request, Json& remarks) {
  TensorMap tensors;
  const Request* start = request.find("start");
  if (!start) return tensors;
  CheckpointOptions options;
  if (const Request* key = start->find("weights")) options.root = {key->as_string()};
  const std::string& path = start->at("path").as_string();
  const auto checkpoint = open_model(path, "a model to start from", options);
  if (find_int8_layout(*checkpoint)) {
    throw Error(
        ErrorCode::kWeightsMismatch, concat(path, " is int8, and training begins with numbers in full"),
        "Begin with the weights that it was made from, or with what `svg-t2i convert --dtype fp32` makes of it.");
  }
  if (!checkpoint->remark().empty()) remarks.push_back(concat(path, ": ", checkpoint->remark()));
  for (const auto& entry : checkpoint->tensors()) tensors[entry.first] = checkpoint->read(entry.first);
  return tensors;
}

}  // namespace svg
