#include "engine/models.h"

#include "models/conditioners/labels.h"

namespace svg {

Conditioner& conditioner_for(EngineModels& state, const ConditionKind& kind) {
  if (kind.of == ConditionKind::Of::kText) return require(state.text_encoder, "text encoder");
  if (!state.labels || state.labels->kind().classes != kind.classes) {
    state.labels = std::make_unique<Labels>(kind.classes);
  }
  return *state.labels;
}

}  // namespace svg
