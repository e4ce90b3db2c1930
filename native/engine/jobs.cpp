#include "engine/jobs.h"

#include <map>

#include "core/error.h"

namespace svg {

namespace {

const std::map<std::string, JobHandler>& job_handlers() {
  static const std::map<std::string, JobHandler> handlers = {
      {"bench", jobs::bench},
      {"cache-write", jobs::cache_write},
      {"catalogue", jobs::catalogue},
      {"convert", jobs::convert},
      {"decode", jobs::decode},
      {"dist-agree", jobs::dist_agree},
      {"dist-barrier", jobs::dist_barrier},
      {"dist-close", jobs::dist_close},
      {"dist-gather", jobs::dist_gather},
      {"dist-open", jobs::dist_open},
      {"dist-reduce", jobs::dist_reduce},
      {"encode", jobs::encode},
      {"generate-text", jobs::generate_text},
      {"golden", jobs::golden},
      {"init-weights", jobs::init_weights},
      {"inspect", jobs::inspect},
      {"load", jobs::load},
      {"memory", jobs::memory},
      {"read-tensors", jobs::read_tensors},
      {"sample", jobs::sample},
      {"sleep", jobs::sleep},
      {"statistics-add", jobs::statistics_add},
      {"statistics-save", jobs::statistics_save},
      {"train-close", jobs::train_close},
      {"train-export", jobs::train_export},
      {"train-open", jobs::train_open},
      {"train-publish", jobs::train_publish},
      {"train-restore", jobs::train_restore},
      {"train-save", jobs::train_save},
      {"train-step", jobs::train_step},
      {"unload", jobs::unload},
      {"verify", jobs::verify},
  };
  return handlers;
}

}  // namespace

std::vector<std::string> job_kinds() {
  std::vector<std::string> kinds;
  for (const auto& entry : job_handlers()) kinds.push_back(entry.first);
  return kinds;
}

JobHandler find_job(const std::string& kind) {
  const std::map<std::string, JobHandler>& handlers = job_handlers();
  const auto found = handlers.find(kind);
  if (found != handlers.end()) return found->second;
  std::string known;
  for (const auto& entry : handlers) known += (known.empty() ? "" : ", ") + entry.first;
  throw Error(ErrorCode::kInvalidArgument, concat("unknown job \"", kind, "\": known are ", known));
}

}  // namespace svg
