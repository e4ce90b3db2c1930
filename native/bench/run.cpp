#include "bench/run.h"

#include <algorithm>

#include "bench/device_time.h"
#include "core/cancel.h"
#include "core/system_memory.h"

namespace svg {

void Run::restart() {
  seconds.clear();
  peak = 0;
}

void Run::once(const std::function<at::Tensor()>& body) {
  check_cancelled();
  result = at::Tensor();
  // Of the first run alone, so that the others are timed as they are: what whoever ran before has left in the heap is
  // taken from there again, and would hide what this one needs.
  const bool measures = seconds.empty();
  if (measures) give_back_free_memory();
  const PeakMemory memory(device);
  seconds.push_back(seconds_on(device, [&] { result = body(); }));
  if (measures) peak = memory.bytes();
}

double Run::median() const {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

Json row_of(const std::string& name, double ours_seconds, const Run& ours, const Run& plain) {
  const double plain_seconds = plain.median();
  return Json::object()
      .set("name", name)
      .set("ours", ours_seconds)
      .set("plain", plain_seconds)
      .set("unit", "s")
      .set("ratio", plain_seconds / ours_seconds)
      .set("oursPeakRss", ours.peak)
      .set("plainPeakRss", plain.peak)
      .set("difference", ((ours.result - plain.result).norm() / plain.result.norm()).item<double>());
}

Json compare(const std::string& name, int64_t repeats, const std::function<at::Tensor()>& ours,
             const std::function<at::Tensor()>& plain, at::Device device) {
  Run fast{device}, slow{device};
  for (int64_t i = 0; i <= repeats; ++i) {
    fast.once(ours);
    slow.once(plain);
    if (i > 0) continue;
    fast.restart();
    slow.restart();
  }
  return row_of(name, fast.median(), fast, slow);
}

}  // namespace svg
