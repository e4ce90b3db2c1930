// The only list of the kinds of models, one table a door.
#pragma once

#include <string>
#include <vector>

#include "models/kinds.h"

namespace svg {

const std::vector<EncoderKind>& encoder_kinds();
/// Their presets are the names that `vit_type` of the original's yaml has for them.
const std::vector<ResidualKind>& residual_kinds();
const std::vector<DecoderKind>& decoder_kinds();
const std::vector<VelocityKind>& velocity_kinds();
/// Of those that files hold: class numbers need none (conditioners/labels.h).
const std::vector<ConditionerKind>& conditioner_kinds();

/// Whether two spellings name one kind: "next_dit", "next-dit", "NextDiT".
bool same_kind(const std::string& a, const std::string& b);

/// The entry of that name. Throws Error(kInvalidConfig) naming the known ones; `what` is "encoder".
const EncoderKind& encoder_kind(const std::string& name);
const ResidualKind& residual_kind(const std::string& name);
const DecoderKind& decoder_kind(const std::string& name);
const VelocityKind& velocity_kind(const std::string& name);

/// A part as a configuration writes it: by its "kind" (or "type"), or by an "arch" that is one kind's preset; without
/// either, the first of its table. Throws Error(kInvalidConfig).
EncoderPlan encoder_plan(const Json& json);
ResidualPlan residual_plan(const Json& json);
DecoderPlan decoder_plan(const Json& json);
const VelocityKind& velocity_kind_of(const Json& json);

/// The entry that these weights belong to, nullptr where none recognises them.
const EncoderKind* recognise_encoder(const Weights& weights);
const ResidualKind* recognise_residual(const Weights& weights);
const DecoderKind* recognise_decoder(const Weights& weights);
const VelocityKind* recognise_velocity_model(const Weights& weights);
const ConditionerKind* recognise_conditioner(const Weights& weights);

}  // namespace svg
