// The engine's thread: neither a job that fails nor an answer that cannot be told ends it.
#include "engine/engine.h"

#include <future>
#include <new>

#include "check.h"

using namespace svg;

namespace {

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
  Engine engine(
      Json::parse(R"({"device": "cpu", "threads": 0, "maxBatchTokens": 16, "niceness": 0, "forTests": true})"));
  for (const char* kind : {"sample", "decode"}) {
    EXPECT(answer_of(engine, kind, 0) == "ERR_SVGT2I_NOT_LOADED");
    EXPECT(answer_of(engine, kind, 1) == "ERR_SVGT2I_OUT_OF_MEMORY");
    EXPECT(answer_of(engine, kind, 2) == "ERR_SVGT2I_OUT_OF_MEMORY");
  }
  EXPECT(answer_of(engine, "sample", 0) == "ERR_SVGT2I_NOT_LOADED");
}
