#include "engine/jobs.h"

#include <algorithm>
#include <map>

#include "core/error.h"

namespace svg {

namespace {

using JobTable = std::map<std::string, JobKind>;

const JobTable kJobs = {
    {"bench", {JobWay::kAlone, jobs::bench}},
    {"cache-write", {JobWay::kAlone, jobs::cache_write}},
    {"catalogue", {JobWay::kReads, jobs::catalogue}},
    {"check-kernels", {JobWay::kAlone, jobs::check_kernels}},
    {"convert", {JobWay::kAlone, jobs::convert}},
    {"count", {JobWay::kReads, jobs::count}},
    {"count-launches", {JobWay::kReads, jobs::count_launches}},
    {"decode", {JobWay::kReads, jobs::decode}},
    {"dist-agree", {JobWay::kAlone, jobs::dist_agree}},
    {"dist-barrier", {JobWay::kAlone, jobs::dist_barrier}},
    {"dist-close", {JobWay::kAlone, jobs::dist_close}},
    {"dist-gather", {JobWay::kAlone, jobs::dist_gather}},
    {"dist-open", {JobWay::kAlone, jobs::dist_open}},
    {"dist-reduce", {JobWay::kAlone, jobs::dist_reduce}},
    {"encode", {JobWay::kReads, jobs::encode}},
    {"encoder-source", {JobWay::kReads, jobs::encoder_source}},
    {"generate-text", {JobWay::kReads, jobs::generate_text}},
    {"golden", {JobWay::kAlone, jobs::golden}},
    {"init-weights", {JobWay::kAlone, jobs::init_weights}},
    {"inspect", {JobWay::kReads, jobs::inspect}},
    {"load", {JobWay::kAlone, jobs::load}},
    {"measure-add", {JobWay::kReads, jobs::measure_add}},
    {"measure-close", {JobWay::kReads, jobs::measure_close}},
    {"measure-open", {JobWay::kReads, jobs::measure_open}},
    {"measure-pairs", {JobWay::kReads, jobs::measure_pairs}},
    {"measure-reference", {JobWay::kReads, jobs::measure_reference}},
    {"measure-result", {JobWay::kReads, jobs::measure_result}},
    {"measure-statistics", {JobWay::kReads, jobs::measure_statistics}},
    {"memory", {JobWay::kReads, jobs::memory}},
    {"probe", {JobWay::kAlone, jobs::probe}},
    {"sample", {JobWay::kDraws}},
    {"statistics-add", {JobWay::kAlone, jobs::statistics_add}},
    {"statistics-save", {JobWay::kAlone, jobs::statistics_save}},
    {"train-close", {JobWay::kAlone, jobs::train_close}},
    {"train-export", {JobWay::kAlone, jobs::train_export}},
    {"train-open", {JobWay::kAlone, jobs::train_open}},
    {"train-publish", {JobWay::kAlone, jobs::train_publish}},
    {"train-report", {JobWay::kAlone, jobs::train_report}},
    {"train-restore", {JobWay::kAlone, jobs::train_restore}},
    {"train-save", {JobWay::kAlone, jobs::train_save}},
    {"train-step", {JobWay::kAlone, jobs::train_step}},
    {"verify", {JobWay::kReads, jobs::verify}},
};

const JobTable kJobsOfTests = {
    {"read-tensors", {JobWay::kReads, jobs::read_tensors}},
    {"sleep", {JobWay::kAlone, jobs::sleep}},
};

}  // namespace

JobKind find_job(const std::string& kind, JobSet set) {
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
