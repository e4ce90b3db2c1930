// Jobs of the text encoder alone.
#include "core/cancel.h"
#include "engine/jobs.h"
#include "engine/state.h"

namespace svg::jobs {

/// {"maxNewTokens"} with tensor tokens (ids) -> {"ids": the continuation alone}, greedy. Event: token.
JobResult generate_text(EngineState& state, const Request& request, const TensorMap& tensors, const EventSink& emit) {
  TextWriter* writer = require(state.text_encoder, "text encoder").writer();
  SVG_CHECK(writer, ErrorCode::kNotLoaded, "what was loaded to read prompts cannot write any");
  const std::vector<int64_t> prompt = token_ids(tensors, "tokens");
  const std::vector<int64_t> all = writer->generate(prompt, request.at("maxNewTokens").as_int(), [&](int64_t produced) {
    check_cancelled();
    emit(Json::object().set("type", "token").set("produced", produced), {});
  });
  Json list = Json::array();
  for (size_t i = prompt.size(); i < all.size(); ++i) list.push_back(all[i]);
  return {Json::object().set("ids", std::move(list)), {}};
}

}  // namespace svg::jobs
