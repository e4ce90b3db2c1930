#include "io/wrappers.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "io/text.h"

namespace svg {
namespace {

/// Stand inside a name as well, where a part of the model was wrapped.
const std::set<std::string, std::less<>> kInnerWrappers = {"_orig_mod", "_forward_module", "_fsdp_wrapped_module",
                                                           "_checkpoint_wrapped_module"};
/// Hold averages of the weights that stand beside them.
const std::set<std::string, std::less<>> kAverages = {"ema",     "ema_model",      "model_ema",      "ema_net",
                                                      "net_ema", "averaged_model", "_average_model", "teacher"};
const std::set<std::string, std::less<>> kOuterWrappers = {
    "module",  "model", "diffusion_model", "first_stage_model", "net",
    "network", "dit",   "transformer",     "backbone",          "student"};
/// What stands beside a wrapped model and is no part of it.
const std::set<std::string, std::less<>> kCompanions = {
    "n_averaged",      "decay", "num_updates",   "loss",   "cond_stage_model", "conditioner", "text_encoder", "vae",
    "perceptual_loss", "lpips", "discriminator", "logvar", "loss_function",    "criterion"};

/// One tensor of each model that is read, at the model's root, or below the name that Hugging Face's larger models give
/// an encoder.
constexpr const char* kModelSignatures[] = {"x_embedder.weight",
                                            "decoder.conv_in.weight",
                                            "patch_embed.proj.weight",
                                            "embeddings.patch_embeddings.weight",
                                            "model.embed_tokens.weight",
                                            "language_model.model.embed_tokens.weight",
                                            "embed_tokens.weight",
                                            "lin0.model.1.weight",
                                            "Conv2d_1a_3x3.conv.weight",
                                            "ln1.weight",
                                            "s_embedder.proj.weight",
                                            "decoder_embed.weight",
                                            "embeddings.patch_embeddings.projection.weight",
                                            "embeddings.patch_embedding.weight",
                                            "vision_model.embeddings.patch_embedding.weight",
                                            "vit.embeddings.patch_embeddings.projection.weight",
                                            "dinov2.embeddings.patch_embeddings.projection.weight",
                                            "dinov2_with_registers.embeddings.patch_embeddings.projection.weight"};

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = name.find('.', begin)) != std::string::npos; begin = end + 1) {
    parts.push_back(name.substr(begin, end - begin));
  }
  parts.push_back(name.substr(begin));
  return parts;
}

std::string without_inner_wrappers(const std::string& name, std::set<std::string>& met) {
  if (name.find("_orig_mod.") == std::string::npos && name.find("_module.") == std::string::npos) return name;
  std::string result;
  for (const std::string& part : parts_of(name)) {
    if (kInnerWrappers.count(part)) {
      met.insert(part + ".");
    } else {
      result += (result.empty() ? "" : ".") + part;
    }
  }
  return result;
}

bool is_average(const std::string& prefix) {
  const std::vector<std::string> parts = parts_of(prefix);
  return std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return kAverages.count(part) != 0; });
}

bool is_wrapper(const std::string& prefix) {
  const std::vector<std::string> parts = parts_of(prefix.substr(0, prefix.size() - 1));
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    return kOuterWrappers.count(part) != 0 || kAverages.count(part) != 0;
  });
}

using StoredNames = std::map<std::string, std::string>;  // the model's name -> the stored one

/// What stands before a model's own names, "" for nothing or where no model is known.
std::string outer_prefix(const StoredNames& names) {
  for (const char* signature : kModelSignatures) {
    if (names.count(signature)) return "";
  }
  std::string best;
  for (const char* signature : kModelSignatures) {
    for (const auto& entry : names) {
      const std::string& name = entry.first;
      if (!name.ends_with(std::string(".") + signature)) continue;
      const std::string prefix = name.substr(0, name.size() - std::string(signature).size());
      if (!is_wrapper(prefix)) continue;
      const bool better = best.empty() || (is_average(prefix) && !is_average(best));
      if (better || (is_average(prefix) == is_average(best) && prefix.size() < best.size())) best = prefix;
    }
    if (!best.empty()) return best;
  }
  return "";
}

bool is_beside(const std::string& name, const std::string& prefix) {
  const std::string first = name.substr(0, name.find('.'));
  if (kCompanions.count(first) || name.ends_with(".n_averaged")) return true;
  // Another copy; a stranger inside the same wrapper is left for the model to refuse.
  return prefix.rfind(first + ".", 0) != 0 && (kOuterWrappers.count(first) || kAverages.count(first));
}

class RenamedCheckpoint : public Checkpoint {
 public:
  RenamedCheckpoint(std::shared_ptr<Checkpoint> inner, StoredNames stored, std::string remark)
      : inner_(std::move(inner)), stored_(std::move(stored)) {
    path_ = inner_->path();
    format_ = inner_->format();
    metadata_ = inner_->metadata();
    root_ = inner_->root();
    remark_ = std::move(remark);
    for (const auto& [name, stored_name] : stored_) tensors_.emplace(name, inner_->tensors().at(stored_name));
  }

  std::vector<std::string> files() const override { return inner_->files(); }

  at::Tensor read(const std::string& name) const override { return inner_->read(stored(name)); }
  at::Tensor read_part(const std::string& name, int64_t first, int64_t count) const override {
    return inner_->read_part(stored(name), first, count);
  }

  void release(const std::string& name) const override {
    if (const auto found = stored_.find(name); found != stored_.end()) inner_->release(found->second);
  }

 private:
  const std::string& stored(const std::string& name) const {
    readable(name);
    return stored_.at(name);
  }

  std::shared_ptr<Checkpoint> inner_;
  StoredNames stored_;
};

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

/// "" for the keys that the published files have.
std::string describe_root(const std::vector<std::string>& root) {
  const bool usual = root.empty() || (root.size() == 1 && (root[0] == "state_dict" || root[0] == "model"));
  return usual ? "" : concat("the weights under \"", printable(joined(root, ".")), "\" are read");
}

}  // namespace

std::shared_ptr<Checkpoint> without_wrappers(std::shared_ptr<Checkpoint> inner) {
  std::set<std::string> removed;
  StoredNames clean;
  for (const auto& entry : inner->tensors()) {
    const std::string name = without_inner_wrappers(entry.first, removed);
    SVG_CHECK(clean.emplace(name, entry.first).second, ErrorCode::kFileFormat, inner->path(),
              ": two tensors are called \"", printable(name), "\" once the wrappers' names are taken off");
  }
  const std::string prefix = outer_prefix(clean);
  StoredNames names;
  int64_t beside = 0;
  for (const auto& [name, stored] : clean) {
    if (prefix.empty() ? name == "n_averaged" : name.rfind(prefix, 0) != 0 && is_beside(name, prefix)) {
      beside += name == "n_averaged" ? 0 : 1;
      continue;
    }
    const std::string own = name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : name;
    SVG_CHECK(names.emplace(own, stored).second, ErrorCode::kFileFormat, inner->path(), ": two tensors are called \"",
              printable(own), "\" once the wrappers' names are taken off");
  }
  if (!prefix.empty()) removed.insert(prefix);
  std::vector<std::string> remarks;
  if (const std::string root = describe_root(inner->root()); !root.empty()) remarks.push_back(root);
  if (!removed.empty()) {
    std::vector<std::string> quoted;
    for (const std::string& each : removed) quoted.push_back(concat("\"", each, "\""));
    remarks.push_back(joined(quoted, " and ") + " is taken off the tensors' names");
  }
  if (beside > 0) remarks.push_back(concat(beside, " tensors of other copies and models beside it are not read"));
  if (remarks.empty() && names.size() == inner->tensors().size()) return inner;
  return std::make_shared<RenamedCheckpoint>(std::move(inner), std::move(names), joined(remarks, "; "));
}

}  // namespace svg
