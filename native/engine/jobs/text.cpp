// Jobs of the text encoder alone.
#include "core/cancel.h"
#include "engine/jobs.h"
#include "engine/state.h"

namespace svg::jobs {

/// {"maxNewTokens"} with tensor tokens (ids) -> {"ids": the continuation alone}, greedy. Event: token.
JobResult generate_text(EngineState& state, const Json& request, const TensorMap& tensors, const EventSink& emit) {
  Gemma2& text_encoder = require(state.text_encoder, "text encoder");
  const auto found = tensors.find("tokens");
  SVG_CHECK(found != tensors.end() && found->second.dim() == 1 && found->second.numel() > 0,
            ErrorCode::kInvalidArgument, "\"tokens\" must be one row of token ids");
  const at::Tensor ids = found->second.to(at::kLong).contiguous();
  const std::vector<int64_t> prompt(ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel());
  const std::vector<int64_t> all =
      text_encoder.generate(prompt, request.at("maxNewTokens").as_int(), [&](int64_t produced) {
        check_cancelled();
        emit(Json::object().set("type", "token").set("produced", produced), {});
      });
  Json list = Json::array();
  for (size_t i = prompt.size(); i < all.size(); ++i) list.push_back(all[i]);
  return {Json::object().set("ids", std::move(list)), {}};
}

}  // namespace svg::jobs
