#include "engine/models.h"

#include "models/conditioners/labels.h"

namespace svg {

Conditioner& conditioner_for(EngineModels& state, const ConditionKind& kind) {
  const bool labels = kind.of == ConditionKind::Of::kClass;
  if (labels && !(state.conditioner && state.conditioner->kind() == kind)) {
    state.conditioner = std::make_unique<Labels>(kind.classes);
  }
  Conditioner& conditioner = require(state.conditioner, "text encoder");
  SVG_CHECK(labels || conditioner.kind().of == kind.of, ErrorCode::kNotLoaded,
            "this needs the text encoder, which was not loaded");
  return conditioner;
}

}  // namespace svg
