#include "engine/jobs.h"

#include <algorithm>
#include <map>

#include "core/error.h"

namespace svg {

namespace {

using JobTable = std::map<std::string, JobHandler>;

const JobTable kJobs = {
    {"bench", jobs::bench},
    {"cache-write", jobs::cache_write},
    {"catalogue", jobs::catalogue},
    {"check-kernels", jobs::check_kernels},
    {"convert", jobs::convert},
    {"count", jobs::count},
    {"decode", jobs::decode},
    {"dist-agree", jobs::dist_agree},
    {"dist-barrier", jobs::dist_barrier},
    {"dist-close", jobs::dist_close},
    {"dist-gather", jobs::dist_gather},
    {"dist-open", jobs::dist_open},
    {"dist-reduce", jobs::dist_reduce},
    {"encode", jobs::encode},
    {"encoder-source", jobs::encoder_source},
    {"generate-text", jobs::generate_text},
    {"golden", jobs::golden},
    {"init-weights", jobs::init_weights},
    {"inspect", jobs::inspect},
    {"load", jobs::load},
    {"memory", jobs::memory},
    {"probe", jobs::probe},
    {"sample", kJoinsOthers},
    {"statistics-add", jobs::statistics_add},
    {"statistics-save", jobs::statistics_save},
    {"train-close", jobs::train_close},
    {"train-export", jobs::train_export},
    {"train-open", jobs::train_open},
    {"train-publish", jobs::train_publish},
    {"train-restore", jobs::train_restore},
    {"train-save", jobs::train_save},
    {"train-step", jobs::train_step},
    {"verify", jobs::verify},
};

const JobTable kJobsOfTests = {
    {"read-tensors", jobs::read_tensors},
    {"sleep", jobs::sleep},
};

}  // namespace

JobHandler find_job(const std::string& kind, JobSet set) {
  for (const JobTable* table : {&kJobs, &kJobsOfTests}) {
    if (table == &kJobsOfTests && set != JobSet::kWithThoseOfTests) break;
    const auto found = table->find(kind);
    if (found != table->end()) return found->second;
  }
  std::string known;
  for (const std::string& other : job_kinds(set)) known += (known.empty() ? "" : ", ") + other;
  throw Error(ErrorCode::kInternal, concat("unknown job \"", kind, "\": known are ", known));
}

std::vector<std::string> job_kinds(JobSet set) {
  std::vector<std::string> kinds;
  for (const auto& job : kJobs) kinds.push_back(job.first);
  if (set == JobSet::kWithThoseOfTests) {
    for (const auto& job : kJobsOfTests) kinds.push_back(job.first);
    std::sort(kinds.begin(), kinds.end());
  }
  return kinds;
}

}  // namespace svg
