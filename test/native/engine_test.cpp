// The engine's thread: neither a job that fails nor an answer that cannot be told ends it.
#include "engine/engine.h"

#include <future>
#include <new>

#include "check.h"
#include "ops/verified.h"

using namespace svg;

namespace {

const char* const kOptions =
    R"({"device": "cpu", "threads": 0, "maxBatchTokens": 16, "niceness": 0, "forTests": true})";

/// What becomes of a job whose first `lost` answers find no memory.
std::string answer_of(Engine& engine, const char* kind, int lost) {
  auto told = std::make_shared<std::promise<std::string>>();
  auto left = std::make_shared<int>(lost);
  JobCallbacks callbacks;
  callbacks.event = [](Json, TensorMap) {};
  callbacks.done = [told, left](const Error* error, JobResult) {
    if ((*left)-- > 0) throw std::bad_alloc();
    told->set_value(error ? error_code_name(error->code()) : "done");
  };
  engine.submit(1, kind, Json::object(), {}, callbacks);
  return told->get_future().get();
}

}  // namespace

TEST_CASE("engine: an answer for which memory does not suffice is given again, and the next job is run") {
  Engine engine(Json::parse(kOptions));
  for (const char* kind : {"sample", "decode"}) {
    EXPECT(answer_of(engine, kind, 0) == "ERR_SVGT2I_NOT_LOADED");
    EXPECT(answer_of(engine, kind, 1) == "ERR_SVGT2I_OUT_OF_MEMORY");
    EXPECT(answer_of(engine, kind, 2) == "ERR_SVGT2I_OUT_OF_MEMORY");
  }
  EXPECT(answer_of(engine, "sample", 0) == "ERR_SVGT2I_NOT_LOADED");
}

TEST_CASE("engine: a kernel that fails its check is told of by the next job, by name, and once") {
  take_kernel_faults();  // those of other tests
  const at::Tensor right = at::ones({4});
  verified(
      "test of the engine", [&] { return right + 1; }, [&] { return right; });
  Engine engine(Json::parse(kOptions));
  const auto events_of = [&engine](int64_t id) {
    const auto events = std::make_shared<std::vector<Json>>();
    const auto done = std::make_shared<std::promise<void>>();
    JobCallbacks callbacks;
    callbacks.event = [events](Json event, TensorMap) { events->push_back(std::move(event)); };
    callbacks.done = [done](const Error*, JobResult) { done->set_value(); };
    engine.submit(id, "memory", Json::object().set("resetPeak", false), {}, callbacks);
    done->get_future().get();
    return *events;
  };
  const std::vector<Json> first = events_of(1), second = events_of(2);
  EXPECT(first.size() == 1 && first[0].at("type").as_string() == "kernel-fault");
  EXPECT(first[0].at("operation").as_string() == "test of the engine");
  EXPECT(first[0].at("cause").as_string() == "it is off by 1 of the result, at most 1e-05 is right");
  EXPECT(second.empty());
}
